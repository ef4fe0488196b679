import { decode } from '@ipld/dag-pb'
import type { Datastore } from 'interface-datastore'
import { Key } from 'interface-datastore'
import { CID } from 'multiformats/cid'
import { type BlockKey, blockKey, type DiskBlocks } from './disk-blocks.ts'
import { DAG_CBOR_CODE, DAG_PB_CODE, decodeManifest } from './manifest.ts'

const PREFIX = '/rayswarm/pin'

/** Blocks an operation that is under way has touched: they stay, though nothing pins them yet. */
export type Touched = Set<BlockKey>

/**
 * What is to be kept, and the collection of everything else: mark what the pinned roots reach, sweep the rest.
 *
 * Only roots are recorded. Helia's own pins count per block, and lose count when one of two roots that share a block is
 * unpinned, pinned and unpinned again: its collection then deletes the block of the other (seen with 7.1.15).
 */
export class Pins {
  readonly #records: Datastore
  readonly #blocks: DiskBlocks
  readonly #active = new Set<Touched>()
  #collection: Promise<void> | undefined

  constructor(records: Datastore, blocks: DiskBlocks) {
    this.#records = records
    this.#blocks = blocks
  }

  async add(root: CID): Promise<void> {
    await this.#records.put(keyOf(root), new Uint8Array())
  }

  async remove(root: CID): Promise<void> {
    await this.#records.delete(keyOf(root))
  }

  async has(root: CID): Promise<boolean> {
    return await this.#records.has(keyOf(root))
  }

  async roots(): Promise<CID[]> {
    const roots: CID[] = []
    for await (const key of this.#records.queryKeys({ prefix: PREFIX }))
      roots.push(CID.parse(key.baseNamespace()))
    return roots
  }

  /** Run `operation` with a set in which it notes the blocks it relies on, before it relies on them. */
  async protect<T>(operation: (touched: Touched) => Promise<T>): Promise<T> {
    const touched: Touched = new Set()
    this.#active.add(touched)
    try {
      return await operation(touched)
    } finally {
      this.#active.delete(touched)
    }
  }

  /** Delete every block that no pin reaches and no operation touches. Callers during a collection share it. */
  async collect(): Promise<void> {
    this.#collection ??= this.#sweep().finally(() => {
      this.#collection = undefined
    })
    await this.#collection
  }

  async #sweep(): Promise<void> {
    // First the list, then the marks: what comes in later is not on the list.
    const candidates = this.#blocks.cids()
    const marked = await this.#mark(await this.roots())
    for (const cid of candidates) {
      await this.#blocks.deleteUnless(cid, key => marked.has(key) || this.#isTouched(key))
    }
  }

  #isTouched(key: BlockKey): boolean {
    for (const touched of this.#active) if (touched.has(key)) return true
    return false
  }

  async #mark(roots: readonly CID[]): Promise<Set<BlockKey>> {
    const marked = new Set<BlockKey>()
    const open = [...roots]
    for (let cid = open.pop(); cid !== undefined; cid = open.pop()) {
      const key = blockKey(cid)
      if (marked.has(key)) continue
      marked.add(key)
      open.push(...(await this.#links(cid)))
    }
    return marked
  }

  async #links(cid: CID): Promise<CID[]> {
    if (cid.code !== DAG_CBOR_CODE && cid.code !== DAG_PB_CODE) return []
    const bytes = await this.#blocks.read(cid)
    if (bytes === undefined) return []
    if (cid.code === DAG_PB_CODE) return decode(bytes).Links.map(link => link.Hash)
    return decodeManifest(bytes).entries.map(entry => CID.parse(entry.cid))
  }
}

function keyOf(root: CID): Key {
  return new Key(`${PREFIX}/${root.toString()}`)
}
