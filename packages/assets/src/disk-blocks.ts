import { hash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { RayswarmError } from '@rayswarm/interface'
import { BaseBlockstore } from 'blockstore-core'
import { FsBlockstore } from 'blockstore-fs'
import { NextToLast } from 'blockstore-fs/sharding'
import type { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays/concat'
import { equals } from 'uint8arrays/equals'
import { failureOf } from './failures.ts'
import { isOurHash } from './manifest.ts'

/** Names a block, whatever codec its reader uses: the text of its multihash. */
export type BlockKey = string

interface Held {
  readonly cid: CID
  readonly sizeBytes: number
  /** Its bytes were hashed by this process. */
  verified: boolean
}

const SHARDS = new NextToLast()
const TMP_SUFFIX = '.tmp'

/** Key of a block. */
export function blockKey(cid: CID): BlockKey {
  return SHARDS.encode(cid).file
}

/**
 * Blocks in files, within a quota.
 *
 * An index of what is held is built on opening, so that usage is exact and nothing is looked up on the disk twice. What
 * is read back is verified once per process: a file that a crash or the disk damaged counts as missing, and is fetched
 * again.
 */
export class DiskBlocks extends BaseBlockstore {
  readonly quotaBytes: number
  readonly #dir: string
  readonly #files: FsBlockstore
  readonly #held = new Map<BlockKey, Held>()
  // One change of one block at a time: blockstore-fs writes every attempt to the same temporary file.
  readonly #busy = new Map<BlockKey, Promise<unknown>>()
  #sizeBytes = 0

  /** Called when a block does not fit; frees what may be freed. */
  onFull: () => Promise<void> = async () => {}

  constructor(dir: string, quotaBytes: number) {
    super()
    this.#dir = dir
    this.quotaBytes = quotaBytes
    this.#files = new FsBlockstore(dir, { shardingStrategy: SHARDS })
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Index what an earlier run left, and delete what it left half-written. */
  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true })
    for (const shard of await readdir(this.#dir, { withFileTypes: true })) {
      if (!shard.isDirectory()) continue
      for (const name of await readdir(join(this.#dir, shard.name))) {
        const file = join(this.#dir, shard.name, name)
        if (name.endsWith(TMP_SUFFIX)) await rm(file, { force: true })
        else if (name.endsWith(SHARDS.extension)) await this.#index(file)
      }
    }
  }

  override async has(cid: CID): Promise<boolean> {
    await this.#busy.get(blockKey(cid))
    return this.#held.has(blockKey(cid))
  }

  override async put(
    cid: CID,
    value: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  ): Promise<CID> {
    const bytes = value instanceof Uint8Array ? value : await gather(value)
    const key = blockKey(cid)
    await this.#alone(key, async () => {
      if (this.#held.has(key)) return
      await this.#reserve(bytes.length)
      try {
        await this.#files.put(cid, bytes)
      } catch (error) {
        this.#sizeBytes -= bytes.length
        await rm(this.#tmpFile(cid), { force: true }).catch(() => {})
        throw failureOf(error, 'block')
      }
      this.#held.set(key, { cid, sizeBytes: bytes.length, verified: true })
    })
    return cid
  }

  override async *get(cid: CID): AsyncGenerator<Uint8Array> {
    const bytes = await this.read(cid)
    if (bytes === undefined) throw notFound(cid)
    yield bytes
  }

  /** The block, or undefined when it is not here or its file is damaged. */
  async read(cid: CID): Promise<Uint8Array | undefined> {
    const key = blockKey(cid)
    await this.#busy.get(key)
    const held = this.#held.get(key)
    if (held === undefined) return undefined

    const bytes = await readFile(this.#file(cid)).catch(() => undefined)
    if (bytes !== undefined && (held.verified || isWhole(cid, bytes))) {
      held.verified = true
      return bytes
    }
    await this.delete(cid)
    return undefined
  }

  override async delete(cid: CID): Promise<void> {
    const key = blockKey(cid)
    await this.#alone(key, async () => {
      const held = this.#held.get(key)
      if (held === undefined) return
      this.#held.delete(key)
      await this.#files.delete(cid)
      this.#sizeBytes -= held.sizeBytes
    })
  }

  /** Delete a block unless somebody is busy with it, or `kept` says otherwise at the very moment of deleting. */
  async deleteUnless(cid: CID, kept: (key: BlockKey) => boolean): Promise<void> {
    const key = blockKey(cid)
    if (!this.#busy.has(key) && !kept(key)) await this.delete(cid)
  }

  /** Everything held now. */
  cids(): CID[] {
    return Array.from(this.#held.values(), held => held.cid)
  }

  override async *getAll(): AsyncGenerator<{ cid: CID; bytes: AsyncGenerator<Uint8Array> }> {
    for (const cid of this.cids()) yield { cid, bytes: this.get(cid) }
  }

  async #index(file: string): Promise<void> {
    const cid = tryDecode(file)
    if (cid === undefined) return
    const { size } = await stat(file)
    this.#held.set(blockKey(cid), { cid, sizeBytes: size, verified: false })
    this.#sizeBytes += size
  }

  async #reserve(neededBytes: number): Promise<void> {
    if (this.#sizeBytes + neededBytes > this.quotaBytes) await this.onFull()
    // No await between the check and the sum: two blocks must not both take the last room.
    if (this.#sizeBytes + neededBytes > this.quotaBytes) throw this.quotaFailure(neededBytes)
    this.#sizeBytes += neededBytes
  }

  /** The error that names the quota, what is used of it and what would have been needed. */
  quotaFailure(neededBytes: number): RayswarmError {
    const value = { quotaBytes: this.quotaBytes, usedBytes: this.#sizeBytes, neededBytes }
    return new RayswarmError(
      'ERR_QUOTA',
      `assets quota of ${value.quotaBytes} bytes: ${value.usedBytes} used, ${neededBytes} more needed`,
      { thing: 'assets quota', value, remedy: 'Raise the quota, or unpin content that is no longer needed.' }
    )
  }

  async #alone<T>(key: BlockKey, change: () => Promise<T>): Promise<T> {
    while (this.#busy.has(key)) await this.#busy.get(key)?.catch(() => {})
    const running = change()
    // Readers wait for the end of a change, not for its success.
    const ended = running.then(
      () => {},
      () => {}
    )
    this.#busy.set(key, ended)
    try {
      return await running
    } finally {
      this.#busy.delete(key)
    }
  }

  #file(cid: CID): string {
    const { dir, file } = SHARDS.encode(cid)
    return join(this.#dir, dir, file)
  }

  #tmpFile(cid: CID): string {
    const file = this.#file(cid)
    return join(file, '..', `.${basename(file)}${TMP_SUFFIX}`)
  }
}

function isWhole(cid: CID, bytes: Uint8Array): boolean {
  return isOurHash(cid) && equals(hash('sha256', bytes, 'buffer'), cid.multihash.digest)
}

function tryDecode(file: string): CID | undefined {
  try {
    return SHARDS.decode(file)
  } catch {
    return undefined
  }
}

async function gather(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of chunks) parts.push(part)
  return concat(parts)
}

function notFound(cid: CID): Error {
  // The name is how blockstore-core's callers tell a missing block from a failing disk.
  const error = new Error(`block ${cid.toString()} is not here`)
  error.name = 'NotFoundError'
  return error
}
