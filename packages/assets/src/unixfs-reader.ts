import { decode, type PBNode } from '@ipld/dag-pb'
import { RayswarmError } from '@rayswarm/interface'
import { UnixFS } from 'ipfs-unixfs'
import type { CID } from 'multiformats/cid'
import { oversizedFailure } from './failures.ts'

/** Where the blocks come from. */
export type BlockReader = (cid: CID) => Promise<Uint8Array>

const RAW = 0x55
const DAG_PB = 0x70
/** Blocks of one file asked for at once. */
const BLOCKS_AT_ONCE = 16
/** Levels of a file's tree. Ours have a thousand children per node: three levels hold a terabyte. */
const DEPTH_MAX = 32

interface Child {
  readonly cid: CID
  readonly sizeBytes: number
}

type Node = { readonly bytes: Uint8Array } | { readonly children: readonly Child[] }

/** Size a file's root declares. */
export async function fileSizeBytes(cid: CID, read: BlockReader): Promise<number> {
  return sizeOf(nodeOf(cid, await read(cid)))
}

/**
 * Content of one file, of exactly the size its reader was promised.
 *
 * Walks the tree itself: in ipfs-unixfs-exporter 16, a block that fails below the first level is an unhandled
 * rejection, so that whoever made the tree ends the process.
 *
 * @throws {RayswarmError} `ERR_OVERSIZED`, `ERR_JOB_INVALID`, and whatever `read` throws
 */
export async function* exportFile(
  cid: CID,
  sizeBytes: number,
  read: BlockReader
): AsyncGenerator<Uint8Array> {
  const root = nodeOf(cid, await read(cid))
  const declared = sizeOf(root)
  if (declared > sizeBytes) throw oversizedFailure(declared, sizeBytes)
  if (declared < sizeBytes) throw lying(cid, 'is smaller than declared')
  yield* new Walk(read).content(cid, root, 0)
}

/** Reads one tree in order, and some blocks ahead. */
class Walk {
  readonly #read: BlockReader
  #openCount = 0

  constructor(read: BlockReader) {
    this.#read = read
  }

  async *content(cid: CID, node: Node, depth: number): AsyncGenerator<Uint8Array> {
    if ('bytes' in node) {
      yield node.bytes
      return
    }
    if (depth >= DEPTH_MAX) throw lying(cid, 'is a tree too deep')
    const ahead: Promise<Uint8Array>[] = []
    let next = 0
    for (const child of node.children) {
      while (next < node.children.length && (ahead.length === 0 || this.#openCount < BLOCKS_AT_ONCE))
        ahead.push(this.#start(node.children[next++]!.cid))
      const found = nodeOf(child.cid, await ahead.shift()!)
      if (sizeOf(found) !== child.sizeBytes) throw lying(child.cid, 'is not as large as its parent says')
      yield* this.content(child.cid, found, depth + 1)
    }
  }

  /** A block read ahead may fail when nobody awaits it any more: that is no failure of the process. */
  #start(cid: CID): Promise<Uint8Array> {
    this.#openCount++
    const block = this.#read(cid).finally(() => this.#openCount--)
    block.catch(() => undefined)
    return block
  }
}

function sizeOf(node: Node): number {
  return 'bytes' in node ? node.bytes.length : node.children.reduce((sum, child) => sum + child.sizeBytes, 0)
}

function nodeOf(cid: CID, block: Uint8Array): Node {
  if (cid.code === RAW) return { bytes: block }
  if (cid.code !== DAG_PB) throw lying(cid, 'is no file')
  const { Data, Links } = pbNodeOf(cid, block)
  const file = unixFsOf(cid, Data)
  if (file.type !== 'file' && file.type !== 'raw') throw lying(cid, `is a ${file.type}, not a file`)
  if (Links.length === 0) return { bytes: file.data ?? new Uint8Array() }
  if (file.blockSizes.length !== Links.length || (file.data?.length ?? 0) > 0)
    throw lying(cid, 'does not say how large its parts are')
  return {
    children: Links.map((link, i) => ({ cid: link.Hash, sizeBytes: partSize(cid, file.blockSizes[i]!) }))
  }
}

function partSize(cid: CID, sizeBytes: bigint): number {
  if (sizeBytes > BigInt(Number.MAX_SAFE_INTEGER)) throw lying(cid, 'has impossible parts')
  return Number(sizeBytes)
}

function pbNodeOf(cid: CID, block: Uint8Array): PBNode {
  try {
    return decode(block)
  } catch {
    throw lying(cid, 'is no file')
  }
}

function unixFsOf(cid: CID, bytes: Uint8Array | undefined): UnixFS {
  try {
    return UnixFS.unmarshal(bytes ?? new Uint8Array())
  } catch {
    throw lying(cid, 'is no file')
  }
}

// Every block had the right hash: whoever made the file made it so.
function lying(cid: CID, what: string): RayswarmError {
  return new RayswarmError('ERR_JOB_INVALID', `content ${cid.toString()} ${what}`, {
    thing: 'content',
    value: cid.toString(),
    remedy: 'Have its creator publish it again.'
  })
}
