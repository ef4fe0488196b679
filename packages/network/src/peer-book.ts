import { readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log, PeerId } from '@rayswarm/interface'
import { ADDRESS_COUNT_MAX, PEER_BOOK_COUNT_MAX } from '@rayswarm/params'
import { type Contact, parseAddressOf, parsePeer } from './addresses.ts'

const FILE = 'peers.json'
/** A burst of meetings is one write. */
const SAVE_DELAY_MS = 200

interface Entry {
  readonly addresses: readonly string[]
  readonly seenAtMs: number
}

/**
 * Peers we were connected to, and where, in a file that survives us.
 *
 * The peer seen longest ago goes first. A damaged file is an empty book, not a failure.
 */
export class PeerBook {
  readonly #path: string
  readonly #log: Log
  /** In order of `seenAtMs`. */
  readonly #entries = new Map<PeerId, Entry>()
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()

  constructor(dir: string, components: { log: Log }) {
    this.#path = join(dir, FILE)
    this.#log = components.log
    for (const [peer, entry] of readBook(this.#path)) this.#entries.set(peer, entry)
  }

  get size(): number {
    return this.#entries.size
  }

  has(peer: PeerId): boolean {
    return this.#entries.has(peer)
  }

  addressesOf(peer: PeerId): readonly string[] | undefined {
    return this.#entries.get(peer)?.addresses
  }

  /** Most recently seen first. */
  contacts(): Contact[] {
    return [...this.#entries].reverse().map(([peer, { addresses }]) => ({ peer, addresses }))
  }

  /** Peers seen since `sinceMs`. */
  seenSince(sinceMs: number): PeerId[] {
    return [...this.#entries].filter(([, { seenAtMs }]) => seenAtMs >= sinceMs).map(([peer]) => peer)
  }

  /** Note that `peer` was seen at `addresses`. */
  note(peer: PeerId, addresses: readonly string[], nowMs: number): void {
    if (addresses.length === 0) return
    this.#entries.delete(peer)
    this.#entries.set(peer, { addresses: addresses.slice(0, ADDRESS_COUNT_MAX), seenAtMs: nowMs })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= PEER_BOOK_COUNT_MAX) break
      this.#entries.delete(oldest)
    }
    this.#timer ??= setTimeout(() => void this.save(), SAVE_DELAY_MS).unref()
  }

  /** Resolves when the book is on disk, or the failure to put it there is logged. */
  save(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const text = JSON.stringify(
      [...this.#entries].map(([peer, entry]) => ({ peer, ...entry })),
      null,
      1
    )
    this.#saving = this.#saving
      .then(() => replaceFile(this.#path, text))
      .catch(cause => this.#log.warn('peer book not saved', { path: this.#path, cause }))
    return this.#saving
  }
}

function readBook(path: string): Array<[PeerId, Entry]> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return []
  }
  if (!Array.isArray(parsed)) return []
  const read: Array<[PeerId, Entry]> = []
  for (const item of parsed.slice(-PEER_BOOK_COUNT_MAX)) {
    const peer = parsePeer(String(item?.peer))
    if (peer === undefined || !Array.isArray(item.addresses)) continue
    const addresses = item.addresses
      .slice(0, ADDRESS_COUNT_MAX)
      .filter((text: unknown) => typeof text === 'string' && parseAddressOf(peer, text, true) !== undefined)
    const seenAtMs = Number.isSafeInteger(item.seenAtMs) ? item.seenAtMs : 0
    if (addresses.length > 0) read.push([peer, { addresses, seenAtMs }])
  }
  return read.sort(([, a], [, b]) => a.seenAtMs - b.seenAtMs)
}

/** The file holds the old text or the new one, whatever happens in between. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  const temporary = `${path}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
