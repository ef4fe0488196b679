import type { Libp2p } from '@libp2p/interface'
import {
  type AssetSource,
  type Assets,
  type Checkout,
  type Cid,
  type FetchOptions,
  type Manifest,
  type ManifestEntry,
  RayswarmError
} from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES, MANIFEST_ENTRY_COUNT_MAX, MANIFEST_SIZE_BYTES_MAX } from '@rayswarm/params'
import { cidOf } from '@rayswarm/wire'
import { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays/concat'
import type { Checkouts, CheckoutWriter } from './checkouts.ts'
import { Deadline, forEachOf } from './deadline.ts'
import { blockKey, type DiskBlocks } from './disk-blocks.ts'
import { Download, type DownloadComponents, type OpenSource } from './download.ts'
import { failureOf, oversizedFailure } from './failures.ts'
import {
  DAG_CBOR_CODE,
  DAG_PB_CODE,
  declaredSizeBytes,
  decodeManifest,
  encodeManifest,
  manifestOf,
  parseCid,
  RAW_CODE
} from './manifest.ts'
import { checkPaths } from './paths.ts'
import type { Pins } from './pins.ts'
import { type BlockSink, importFile } from './unixfs.ts'
import { exportFile, fileSizeBytes } from './unixfs-reader.ts'

/** Files of one block written at once, and files of many blocks. */
const SMALL_FILES_AT_ONCE = 32
const LARGE_FILES_AT_ONCE = 2
const IMPORTS_AT_ONCE = 2

/** The parts {@link HeliaAssets} works with; see {@link createAssets}. */
export interface HeliaAssetsComponents {
  readonly libp2p: Libp2p
  readonly blocks: DiskBlocks
  readonly pins: Pins
  readonly checkouts: Checkouts
  /** Blocks from other peers, for one operation. */
  readonly source: OpenSource
  /** Leave the exchange of blocks and release the disk. */
  readonly close: () => Promise<void>
}

/** {@link Assets} over Helia, with blocks in files and pins in LevelDB. */
export class HeliaAssets implements Assets {
  readonly #parts: HeliaAssetsComponents
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(components: HeliaAssetsComponents) {
    this.#parts = components
  }

  /** The network this exchanges blocks over. */
  get libp2p(): Libp2p {
    return this.#parts.libp2p
  }

  async add(sources: readonly AssetSource[]): Promise<{ readonly cid: Cid; readonly manifest: Manifest }> {
    checkPaths(sources.map(source => source.path))
    if (sources.length > MANIFEST_ENTRY_COUNT_MAX)
      throw oversizedFailure(sources.length, MANIFEST_ENTRY_COUNT_MAX)

    return await this.#import('assets', async (blocks, pin) => {
      const entries: ManifestEntry[] = []
      await forEachOf(sources, IMPORTS_AT_ONCE, async source => {
        const { cid, sizeBytes } = await importFile(source.read(), blocks)
        entries.push({ path: source.path, cid: cid.toString(), sizeBytes })
      })
      const manifest = manifestOf(entries)
      const cid = CID.parse(cidOf(manifest))
      await blocks.put(cid, encodeManifest(manifest))
      await pin(cid)
      return { cid: cid.toString(), manifest }
    })
  }

  async addBytes(bytes: Uint8Array): Promise<Cid> {
    return await this.#import('content', async (blocks, pin) => {
      const { cid } = await importFile([bytes], blocks)
      await pin(cid)
      return cid.toString()
    })
  }

  async checkout(manifest: Cid, options: FetchOptions): Promise<Checkout> {
    const root = parseCid(manifest, [DAG_CBOR_CODE])
    return await this.#fetch('assets', options, async components => {
      const head = new Download(components, 1, MANIFEST_SIZE_BYTES_MAX)
      const { entries } = decodeManifest(await head.block(root))
      const sizeBytes = declaredSizeBytes({ entries })
      if (sizeBytes > options.sizeBytesMax) throw oversizedFailure(sizeBytes, options.sizeBytesMax)

      const download = new Download(components, entries.length, sizeBytes)
      await this.#makeRoom(entries, download)
      const progress = meter(options)
      const checkout = await this.#parts.checkouts.create(manifest, async writer => {
        const [small, large] = bySize(entries)
        const write = (entry: ManifestEntry) =>
          this.#write(entry, writer, download, components.signal, progress)
        await forEachOf(small, SMALL_FILES_AT_ONCE, write)
        await forEachOf(large, LARGE_FILES_AT_ONCE, write)
        await this.#parts.pins.add(root)
      })
      return checkout
    })
  }

  async fetchBytes(text: Cid, options: FetchOptions): Promise<Uint8Array> {
    const cid = parseCid(text, [RAW_CODE, DAG_PB_CODE])
    return await this.#fetch('content', options, async components => {
      const download = new Download(components, 1, options.sizeBytesMax)
      const sizeBytes = await fileSizeBytes(cid, download.block)
      if (sizeBytes > options.sizeBytesMax) throw oversizedFailure(sizeBytes, options.sizeBytesMax)

      const progress = meter(options)
      const parts: Uint8Array[] = []
      for await (const bytes of exportFile(cid, sizeBytes, download.block)) {
        parts.push(bytes)
        progress(bytes.length)
      }
      return concat(parts, sizeBytes)
    })
  }

  async unpin(cid: Cid): Promise<void> {
    const root = parseCid(cid, [DAG_CBOR_CODE, DAG_PB_CODE, RAW_CODE])
    await this.#track(this.#parts.pins.remove(root), 'pin')
  }

  async usage(): Promise<{ readonly sizeBytes: number; readonly quotaBytes: number }> {
    const { sizeBytes, quotaBytes } = this.#parts.blocks
    return { sizeBytes, quotaBytes }
  }

  /** Delete every block that nothing pins and no operation needs. Happens by itself when the quota is reached. */
  async collect(): Promise<void> {
    await this.#track(this.#parts.pins.collect(), 'blocks')
  }

  /** End what is under way with `ERR_ABORTED` and release the disk. A network we were given keeps running. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort()
    await Promise.allSettled(this.#running)
    await this.#parts.close()
  }

  async #import<T>(
    thing: string,
    work: (blocks: BlockSink, pin: (root: CID) => Promise<void>) => Promise<T>
  ): Promise<T> {
    const { blocks, pins } = this.#parts
    const run = pins.protect(async touched => {
      const sink: BlockSink = {
        put: async (cid, bytes) => {
          this.#stopping.signal.throwIfAborted()
          touched.add(blockKey(cid))
          return await blocks.put(cid, bytes)
        }
      }
      return await work(sink, root => pins.add(root))
    })
    return await this.#track(run, thing).catch(async error => {
      // Blocks of the part that was imported belong to nobody.
      if (!this.#stopping.signal.aborted) await pins.collect().catch(() => {})
      throw error
    })
  }

  async #fetch<T>(
    thing: string,
    options: FetchOptions,
    work: (components: DownloadComponents) => Promise<T>
  ): Promise<T> {
    const deadline = new Deadline(options, this.#stopping.signal)
    const run = this.#parts.pins.protect(async touched => {
      deadline.signal.throwIfAborted()
      // Whatever still reads ahead when the work is done, or has failed, ends with it.
      const ended = new AbortController()
      const signal = AbortSignal.any([deadline.signal, ended.signal])
      const source = this.#parts.source(options.providers, signal)
      try {
        return await work({ blocks: this.#parts.blocks, source, touched, signal })
      } finally {
        ended.abort()
        source.close()
      }
    })
    return await this.#track(run, thing, error => deadline.failure(error, thing))
  }

  async #track<T>(
    run: Promise<T>,
    thing: string,
    failure: (error: unknown) => RayswarmError = error => this.#failure(error, thing)
  ): Promise<T> {
    this.#running.add(run)
    try {
      return await run
    } catch (error) {
      throw failure(error)
    } finally {
      this.#running.delete(run)
    }
  }

  #failure(error: unknown, thing: string): RayswarmError {
    if (!this.#stopping.signal.aborted) return failureOf(error, thing)
    return new RayswarmError('ERR_ABORTED', `${thing}: the store is stopping`, { thing, cause: error })
  }

  // Better to refuse before the first byte than after most of them.
  async #makeRoom(entries: readonly ManifestEntry[], download: Download): Promise<void> {
    const { blocks, pins } = this.#parts
    const missing = new Map<Cid, number>()
    for (const { cid, sizeBytes } of entries) {
      if (!(await download.has(CID.parse(cid)))) missing.set(cid, sizeBytes)
    }
    const neededBytes = [...missing.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0)
    if (blocks.sizeBytes + neededBytes > blocks.quotaBytes) await pins.collect()
    if (blocks.sizeBytes + neededBytes > blocks.quotaBytes) throw blocks.quotaFailure(neededBytes)
  }

  async #write(
    entry: ManifestEntry,
    writer: CheckoutWriter,
    download: Download,
    signal: AbortSignal,
    progress: (sizeBytes: number) => void
  ): Promise<void> {
    const content = exportFile(CID.parse(entry.cid), entry.sizeBytes, download.block)
    const metered = async function* () {
      for await (const bytes of content) {
        signal.throwIfAborted()
        yield bytes
        progress(bytes.length)
      }
    }
    await writer.write(entry.path, metered())
  }
}

function bySize(entries: readonly ManifestEntry[]): [small: ManifestEntry[], large: ManifestEntry[]] {
  const small: ManifestEntry[] = []
  const large: ManifestEntry[] = []
  for (const entry of entries) (entry.sizeBytes <= CHUNK_SIZE_BYTES ? small : large).push(entry)
  return [small, large]
}

function meter(options: FetchOptions): (sizeBytes: number) => void {
  let fetchedBytes = 0
  return sizeBytes => {
    fetchedBytes += sizeBytes
    options.onProgress?.(fetchedBytes)
  }
}
