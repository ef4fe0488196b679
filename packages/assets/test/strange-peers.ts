import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encode, prepare } from '@ipld/dag-pb'
import type { Libp2p } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { canonical, cidOf } from '@rayswarm/wire'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { concat } from 'uint8arrays/concat'
import { blockProtocol } from '../src/block-protocol.ts'
import { DAG_PB_CODE, RAW_CODE, SHA256_CODE } from '../src/manifest.ts'

const DRIP_MS = 200
const MISSING = Uint8Array.of(0xff, 0xff, 0xff, 0xff)

/** Speak the block protocol, but answer as told: bytes as they are, nothing for missing, or never. */
export async function answerBlocks(
  libp2p: Libp2p,
  answer: (digest: Uint8Array) => Uint8Array | undefined | 'never'
): Promise<{ readonly requests: number }> {
  const count = { requests: 0 }
  await libp2p.handle(blockProtocol('test'), async stream => {
    const bytes = byteStream(stream)
    try {
      for (;;) {
        const digest = await bytes.read({ bytes: 32 })
        count.requests++
        const block = answer(digest.subarray())
        if (block !== 'never') await bytes.write(block ?? MISSING)
      }
    } catch {
      // The asking end went away.
    }
  })
  return count
}

/** Promise a block of this size, and send a byte of it now and then. */
export async function dripBlocks(libp2p: Libp2p, sizeBytes: number): Promise<void> {
  await libp2p.handle(blockProtocol('test'), stream => {
    stream.send(framed(new Uint8Array(), sizeBytes))
    const drip = setInterval(() => {
      if (stream.status === 'open') stream.send(new Uint8Array(1))
      else clearInterval(drip)
    }, DRIP_MS)
  })
}

/** End every stream at the first request. */
export async function hangUp(libp2p: Libp2p): Promise<void> {
  await libp2p.handle(blockProtocol('test'), stream => {
    stream.addEventListener('message', () => stream.abort(new Error('no')))
  })
}

/** Serve the blocks below a directory, honestly, and count. */
export async function mirror(libp2p: Libp2p, dir: string): Promise<{ readonly requests: number }> {
  return await serve(libp2p, await Promise.all((await blockFiles(dir)).map(file => readFile(file))))
}

/** Serve these blocks, and count. */
export async function serve(
  libp2p: Libp2p,
  contents: readonly Uint8Array[]
): Promise<{ readonly requests: number }> {
  const blocks = new Map(contents.map(bytes => [sha256(bytes).toString('hex'), bytes]))
  return await answerBlocks(libp2p, digest => {
    const block = blocks.get(Buffer.from(digest).toString('hex'))
    return block === undefined ? undefined : framed(block)
  })
}

/** A file of two bytes, with a tree of some 10^12 empty blocks between them. */
export function endlessFile(): { cid: string; blocks: Uint8Array[] } {
  const leaf = Uint8Array.of(7)
  const empty = new Uint8Array()
  const blocks = [leaf, empty]
  const node = (children: readonly (readonly [CID, number])[]): CID => {
    // UnixFS: type 2 (file), the file's size, the size of each child.
    const sizeBytes = children.reduce((sum, [, size]) => sum + size, 0)
    const sizes = children.flatMap(([, size]) => [0x20, size])
    const Links = children.map(([Hash]) => ({ Hash, Name: '', Tsize: 0 }))
    const Data = Uint8Array.of(0x08, 2, 0x18, sizeBytes, ...sizes)
    const bytes = Uint8Array.from(encode(prepare({ Data, Links })))
    blocks.push(bytes)
    return cidOfBlock(DAG_PB_CODE, bytes)
  }
  let tree = cidOfBlock(RAW_CODE, empty)
  for (let depth = 0; depth < 6; depth++) tree = node(Array.from({ length: 100 }, () => [tree, 0] as const))
  const end = cidOfBlock(RAW_CODE, leaf)
  const root = node([
    [end, 1],
    [tree, 0],
    [end, 1]
  ])
  return { cid: root.toString(), blocks }
}

function cidOfBlock(code: number, bytes: Uint8Array): CID {
  return CID.createV1(code, createDigest(SHA256_CODE, sha256(bytes)))
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Publish a manifest as somebody would who does not keep to the rules. */
export async function publishManifest(libp2p: Libp2p, entries: readonly object[]): Promise<string> {
  const bytes = canonical({ entries })
  await serve(libp2p, [bytes])
  return cidOf({ entries })
}

/** An answer with these bytes in it. */
export function framed(block: Uint8Array, length = block.length): Uint8Array {
  const head = new Uint8Array(4)
  new DataView(head.buffer).setUint32(0, length)
  return concat([head, block])
}

/** All block files below a directory. */
export async function blockFiles(dir: string): Promise<string[]> {
  const found = await readdir(join(dir, 'blocks'), { recursive: true, withFileTypes: true })
  return found.filter(file => file.isFile()).map(file => join(file.parentPath, file.name))
}

/** Overwrite every block with other bytes of the same length. */
export async function damage(dir: string, sizeBytes: number): Promise<void> {
  for (const file of await blockFiles(dir)) await writeFile(file, new Uint8Array(sizeBytes).fill(1))
}
