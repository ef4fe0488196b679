import type { PeerId } from '@rayswarm/interface'
import type { CID } from 'multiformats/cid'
import { blockKey, type DiskBlocks } from './disk-blocks.ts'
import { oversizedFailure } from './failures.ts'
import type { Touched } from './pins.ts'

/** Gets blocks from other peers, until the signal it was made with aborts. */
export interface BlockSource {
  /** What this returns has the hash that was asked for. */
  retrieve(cid: CID): Promise<Uint8Array>
  /** Ends what is under way: nobody is interested any more. */
  close(): void
}

/** Opens a source for one operation. `providers` are asked first. */
export type OpenSource = (providers: readonly PeerId[], signal: AbortSignal) => BlockSource

/** Tree nodes, and the cost of a block however small: a tree of a million empty files must end, too. */
const BLOCK_OVERHEAD_BYTES = 128
const OVERHEAD_BYTES_MAX = 1024 * 1024
const OVERHEAD_SHARE = 1 / 16

/** What a {@link Download} works with. */
export interface DownloadComponents {
  readonly blocks: DiskBlocks
  readonly source: BlockSource
  readonly touched: Touched
  readonly signal: AbortSignal
}

/** The blocks of one operation: from the disk if they are there, else from other peers, never more than was agreed. */
export class Download {
  readonly #blocks: DiskBlocks
  readonly #source: BlockSource
  readonly #touched: Touched
  readonly #signal: AbortSignal
  readonly #open = new Map<string, Promise<Uint8Array>>()
  readonly #sizeBytesMax: number
  #sizeBytes = 0

  constructor(components: DownloadComponents, fileCount: number, sizeBytesMax: number) {
    this.#blocks = components.blocks
    this.#source = components.source
    this.#touched = components.touched
    this.#signal = components.signal
    this.#sizeBytesMax =
      sizeBytesMax * (1 + OVERHEAD_SHARE) + fileCount * BLOCK_OVERHEAD_BYTES + OVERHEAD_BYTES_MAX
  }

  /** One block. Two readers of one block share one request. */
  readonly block = async (cid: CID): Promise<Uint8Array> => {
    this.#signal.throwIfAborted()
    const key = blockKey(cid)
    let request = this.#open.get(key)
    if (request === undefined) {
      request = this.#get(cid).finally(() => this.#open.delete(key))
      this.#open.set(key, request)
    }
    const bytes = await request
    // Blocks that were here count as well: what is bounded is the work a tree may cause.
    this.#sizeBytes += bytes.length + BLOCK_OVERHEAD_BYTES
    if (this.#sizeBytes > this.#sizeBytesMax) throw oversizedFailure(this.#sizeBytes, this.#sizeBytesMax)
    return bytes
  }

  /** Whether a block is on the disk already. */
  async has(cid: CID): Promise<boolean> {
    this.#touched.add(blockKey(cid))
    return await this.#blocks.has(cid)
  }

  async #get(cid: CID): Promise<Uint8Array> {
    this.#touched.add(blockKey(cid))
    const local = await this.#blocks.read(cid)
    if (local !== undefined) return local
    const bytes = await this.#source.retrieve(cid)
    await this.#blocks.put(cid, bytes)
    return bytes
  }
}
