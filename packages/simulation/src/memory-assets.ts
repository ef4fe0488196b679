import { hash } from 'node:crypto'
import {
  type AssetSource,
  type Assets,
  type Checkout,
  type Cid,
  type Clock,
  type ErrorCode,
  type FetchOptions,
  type Manifest,
  type ManifestEntry,
  type PeerId,
  RayswarmError
} from '@rayswarm/interface'
import { compare, concat, fromString, toString as textOf } from 'uint8arrays'

const RAW_CODE = 0x55
const DAG_CBOR_CODE = 0x71
const PATH_SIZE_BYTES_MAX = 1_024
const NAME_SIZE_BYTES_MAX = 255

interface Content {
  readonly bytes: Uint8Array
  /** Set when the bytes are a manifest. */
  readonly manifest?: Manifest
}

/** How the virtual exchange of content behaves. */
export interface VirtualIpfsInit {
  /** From a request to the first byte of its answer. */
  readonly latencyMs?: number
  readonly bytesPerMs?: number
  /** Whether a peer can be reached by another; everybody that is up can when absent. */
  readonly reaches?: (from: PeerId, of: PeerId) => boolean
}

/** What {@link VirtualIpfs.join} may be told about a peer. */
export interface MemoryAssetsInit {
  readonly quotaBytes?: number
  /** The peer's own clock; the world's if absent. */
  readonly clock?: Clock
}

/**
 * One world's exchange of content. Every peer sees what it added or fetched itself, and gets the rest from peers that
 * are up and hold it.
 *
 * Ids are those of the real adapter, except for files of more than one chunk: these are hashed whole.
 */
export class VirtualIpfs {
  readonly #peers = new Map<PeerId, MemoryAssets>()
  readonly #checkouts = new Map<string, ReadonlyMap<string, Uint8Array>>()
  readonly #down = new Set<PeerId>()
  readonly #lying = new Set<PeerId>()
  readonly #cids = new Map<string, Cid>()
  readonly latencyMs: number
  readonly bytesPerMs: number
  readonly #reaches: (from: PeerId, of: PeerId) => boolean
  #checkoutCount = 0

  constructor(
    readonly clock: Clock,
    init: VirtualIpfsInit = {}
  ) {
    this.latencyMs = init.latencyMs ?? 5
    this.bytesPerMs = init.bytesPerMs ?? 100_000
    this.#reaches = init.reaches ?? (() => true)
  }

  /** The view of one peer. A peer that joins again keeps what it had on its disk. */
  join(peer: PeerId, init: MemoryAssetsInit = {}): MemoryAssets {
    const assets = new MemoryAssets(this, peer, init, this.#peers.get(peer))
    this.#peers.set(peer, assets)
    return assets
  }

  /** While a peer is down, nobody fetches from it and it fetches from nobody. */
  setDown(peer: PeerId, down: boolean): void {
    if (down) this.#down.add(peer)
    else this.#down.delete(peer)
  }

  /** While a peer lies, everything it serves has the wrong bytes. */
  setLying(peer: PeerId, lying: boolean): void {
    if (lying) this.#lying.add(peer)
    else this.#lying.delete(peer)
  }

  /** The files of a checkout, by path; undefined once it was released. */
  files(dir: string): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#checkouts.get(dir)
  }

  /** @internal */
  ask(from: PeerId, of: PeerId, cid: Cid): Content | 'wrong' | undefined {
    if (this.#down.has(from) || this.#down.has(of) || from === of) return undefined
    if (!this.#reaches(from, of) || !this.#reaches(of, from)) return undefined
    const content = this.#peers.get(of)?.held(cid)
    return content !== undefined && this.#lying.has(of) ? 'wrong' : content
  }

  /** @internal Whom to ask: those who should have it, then everybody else. */
  *holders(providers: readonly PeerId[]): Iterable<PeerId> {
    const asked = new Set(providers)
    yield* asked
    for (const peer of this.#peers.keys()) if (!asked.has(peer)) yield peer
  }

  /** @internal The id of plain bytes. Whoever fetches a result and keeps it asks anew: most ids are known. */
  cidOf(bytes: Uint8Array): Cid {
    const digest = hash('sha256', bytes, 'binary')
    const known = this.#cids.get(digest) ?? cidOf(RAW_CODE, bytes)
    this.#cids.set(digest, known)
    return known
  }

  /** @internal */
  open(cid: Cid, files: ReadonlyMap<string, Uint8Array>): Checkout {
    const dir = `mem://${cid}/${this.#checkoutCount++}`
    this.#checkouts.set(dir, files)
    return {
      dir,
      release: async () => {
        this.#checkouts.delete(dir)
      }
    }
  }
}

/** {@link Assets} of one peer of a {@link VirtualIpfs}. */
export class MemoryAssets implements Assets {
  readonly #world: VirtualIpfs
  readonly #peer: PeerId
  readonly #clock: Clock
  readonly #quotaBytes: number
  readonly #held: Held
  readonly #pins: Set<Cid>

  /** @internal */
  constructor(world: VirtualIpfs, peer: PeerId, init: MemoryAssetsInit, before: MemoryAssets | undefined) {
    this.#world = world
    this.#peer = peer
    this.#clock = init.clock ?? world.clock
    this.#quotaBytes = init.quotaBytes ?? Number.MAX_SAFE_INTEGER
    this.#held = before === undefined ? new Held() : before.#held
    this.#pins = before === undefined ? new Set() : before.#pins
  }

  /** @internal */
  held(cid: Cid): Content | undefined {
    return this.#held.get(cid)
  }

  async add(sources: readonly AssetSource[]): Promise<{ readonly cid: Cid; readonly manifest: Manifest }> {
    checkPaths(sources.map(source => source.path))
    const files = new Map<Cid, Content>()
    const entries: ManifestEntry[] = []
    for (const { path, read } of sources) {
      const parts: Uint8Array[] = []
      for await (const part of read()) parts.push(part)
      const bytes = concat(parts)
      const cid = cidOf(RAW_CODE, bytes)
      files.set(cid, { bytes })
      entries.push({ path, cid, sizeBytes: bytes.length })
    }
    entries.sort((a, b) => compare(fromString(a.path), fromString(b.path)))
    const manifest: Manifest = { entries }
    const bytes = encodeManifest(manifest)
    const cid = cidOf(DAG_CBOR_CODE, bytes)
    this.#keep(files.set(cid, { bytes, manifest }))
    this.#pins.add(cid)
    return { cid, manifest }
  }

  async addBytes(bytes: Uint8Array): Promise<Cid> {
    const cid = this.#world.cidOf(bytes)
    this.#keep(new Map([[cid, this.#held.get(cid) ?? { bytes: bytes.slice() }]]))
    this.#pins.add(cid)
    return cid
  }

  async checkout(cid: Cid, options: FetchOptions): Promise<Checkout> {
    const deadline = new FetchDeadline(this.#clock, options)
    const { manifest } = await this.#fetch(cid, options, deadline)
    if (manifest === undefined) throw failure('ERR_JOB_INVALID', 'not a manifest', cid)
    const sizeBytes = manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
    if (sizeBytes > options.sizeBytesMax)
      throw failure('ERR_OVERSIZED', 'assets are larger than agreed', sizeBytes)
    const missing = new Map(manifest.entries.map(entry => [entry.cid, entry.sizeBytes]))
    this.#checkQuota(
      [...missing].reduce((sum, [cid, size]) => sum + (this.#held.has(cid) ? 0 : size), 0),
      [cid]
    )

    const files = new Map<string, Uint8Array>()
    let fetchedBytes = 0
    for (const entry of manifest.entries) {
      const { bytes } = await this.#fetch(entry.cid, options, deadline)
      files.set(entry.path, bytes)
      fetchedBytes += bytes.length
      options.onProgress?.(fetchedBytes)
      deadline.check()
    }
    this.#pins.add(cid)
    return this.#world.open(cid, files)
  }

  async fetchBytes(cid: Cid, options: FetchOptions): Promise<Uint8Array> {
    const { bytes } = await this.#fetch(cid, options, new FetchDeadline(this.#clock, options))
    options.onProgress?.(bytes.length)
    return bytes.slice()
  }

  async unpin(cid: Cid): Promise<void> {
    this.#pins.delete(cid)
  }

  async usage(): Promise<{ readonly sizeBytes: number; readonly quotaBytes: number }> {
    return { sizeBytes: this.#held.sizeBytes, quotaBytes: this.#quotaBytes }
  }

  async #fetch(cid: Cid, options: FetchOptions, deadline: FetchDeadline): Promise<Content> {
    deadline.check()
    const here = this.#held.get(cid)
    if (here !== undefined) return checkSize(here, options)

    const { latencyMs, bytesPerMs } = this.#world
    const liars: PeerId[] = []
    for (const peer of this.#world.holders(options.providers)) {
      const offered = this.#world.ask(this.#peer, peer, cid)
      if (offered === undefined) continue
      const sizeBytes = offered === 'wrong' ? 0 : checkSize(offered, options).bytes.length
      await deadline.wait(latencyMs + sizeBytes / bytesPerMs)
      // It may have gone down, or told to lie, on the way.
      const got = this.#world.ask(this.#peer, peer, cid)
      if (got === 'wrong') liars.push(peer)
      if (got === undefined || got === 'wrong') continue
      this.#keep(new Map([[cid, got]]))
      return got
    }
    await deadline.wait(latencyMs)
    if (liars.length > 0) throw failure('ERR_BLOCK_CORRUPT', `wrong bytes from ${liars.join(', ')}`, cid)
    throw failure('ERR_NOT_FOUND', 'no peer that is up holds the content', cid)
  }

  #keep(contents: ReadonlyMap<Cid, Content>): void {
    let neededBytes = 0
    for (const [cid, { bytes }] of contents) if (!this.#held.has(cid)) neededBytes += bytes.length
    this.#checkQuota(neededBytes, [...contents.keys()])
    for (const [cid, content] of contents) this.#held.set(cid, content)
  }

  #checkQuota(neededBytes: number, alsoKept: readonly Cid[]): void {
    if (this.#held.sizeBytes + neededBytes > this.#quotaBytes) this.#collect(alsoKept)
    const usedBytes = this.#held.sizeBytes
    if (usedBytes + neededBytes <= this.#quotaBytes) return
    const value = { quotaBytes: this.#quotaBytes, usedBytes, neededBytes }
    throw failure(
      'ERR_QUOTA',
      `assets quota of ${value.quotaBytes} bytes: ${usedBytes} used, ${neededBytes} more needed`,
      value
    )
  }

  #collect(alsoKept: readonly Cid[]): void {
    const kept = new Set<Cid>()
    for (const root of [...this.#pins, ...alsoKept]) {
      kept.add(root)
      for (const { cid } of this.#held.get(root)?.manifest?.entries ?? []) kept.add(cid)
    }
    for (const cid of this.#held.keys()) if (!kept.has(cid)) this.#held.delete(cid)
  }
}

/** What a peer keeps, and how much it is. */
class Held extends Map<Cid, Content> {
  sizeBytes = 0

  override set(cid: Cid, content: Content): this {
    this.sizeBytes += content.bytes.length - (this.get(cid)?.bytes.length ?? 0)
    return super.set(cid, content)
  }

  override delete(cid: Cid): boolean {
    this.sizeBytes -= this.get(cid)?.bytes.length ?? 0
    return super.delete(cid)
  }
}

class FetchDeadline {
  readonly #clock: Clock
  readonly #options: FetchOptions
  readonly #atMs: number

  constructor(clock: Clock, options: FetchOptions) {
    this.#clock = clock
    this.#options = options
    this.#atMs = clock.nowMs() + options.timeoutMs
  }

  check(): void {
    if (this.#options.signal?.aborted) throw failure('ERR_ABORTED', 'given up by the caller', undefined)
    if (this.#clock.nowMs() >= this.#atMs)
      throw failure('ERR_TIMEOUT', 'no complete content in time', this.#options.timeoutMs)
  }

  async wait(delayMs: number): Promise<void> {
    const { signal } = this.#options
    const leftMs = Math.min(delayMs, this.#atMs - this.#clock.nowMs())
    await new Promise<void>(resolve => {
      const timer = this.#clock.after(leftMs, end)
      signal?.addEventListener('abort', end)
      function end() {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
    })
    this.check()
  }
}

function checkSize(content: Content, { sizeBytesMax }: FetchOptions): Content {
  if (content.manifest === undefined && content.bytes.length > sizeBytesMax) {
    throw failure('ERR_OVERSIZED', 'content is larger than agreed', content.bytes.length)
  }
  return content
}

/** CIDv1, sha2-256, base32. */
function cidOf(code: number, bytes: Uint8Array): Cid {
  return `b${textOf(concat([Uint8Array.of(1, code, 0x12, 32), new Uint8Array(hash('sha256', bytes, 'buffer'))]), 'base32')}`
}

// dag-cbor of a manifest, see spec/assets.md#manifest. Fields of a map go by length, then by their bytes.
function encodeManifest({ entries }: Manifest): Uint8Array {
  const body = entries.flatMap(({ path, cid, sizeBytes }) => [
    head(5, 3),
    text('cid'),
    text(cid),
    text('path'),
    text(path),
    text('sizeBytes'),
    head(0, sizeBytes)
  ])
  return concat([head(5, 1), text('entries'), head(4, entries.length), ...body])
}

function text(value: string): Uint8Array {
  const bytes = fromString(value)
  return concat([head(3, bytes.length), bytes])
}

function head(major: number, value: number): Uint8Array {
  if (value < 24) return Uint8Array.of((major << 5) | value)
  const width = value < 2 ** 8 ? 1 : value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8
  const bytes = new Uint8Array(9)
  bytes[0] = (major << 5) | (24 + Math.log2(width))
  new DataView(bytes.buffer).setBigUint64(1, BigInt(value) << BigInt(8 * (8 - width)))
  return bytes.subarray(0, 1 + width)
}

// The rule of spec/assets.md#paths, as far as a simulation needs it.
function checkPaths(paths: readonly string[]): void {
  const files = new Set<string>()
  const folders = new Set<string>()
  for (const path of paths) {
    const names = path.split('/')
    const isLong = names.some(name => fromString(name).length > NAME_SIZE_BYTES_MAX)
    if (path === '' || isLong || fromString(path).length > PATH_SIZE_BYTES_MAX)
      throw pathFailure('ERR_JOB_INVALID', path)
    if (
      /\p{Cc}|\\|(^|\/)[a-z]:/iu.test(path) ||
      names.some(name => name === '' || name === '.' || name === '..')
    ) {
      throw pathFailure('ERR_PATH_ESCAPES', path)
    }
    const folded = path.normalize('NFC').toLowerCase()
    const parents = folded.split('/').map((_, index, all) => all.slice(0, index).join('/'))
    if (files.has(folded) || folders.has(folded) || parents.some(parent => files.has(parent))) {
      throw pathFailure('ERR_JOB_INVALID', path)
    }
    files.add(folded)
    for (const parent of parents) folders.add(parent)
  }
}

function pathFailure(code: ErrorCode, path: string): RayswarmError {
  return failure(code, 'asset path is not allowed', path)
}

function failure(code: ErrorCode, message: string, value: unknown): RayswarmError {
  return new RayswarmError(code, message, { thing: 'assets', value, remedy: 'Change the simulated world.' })
}
