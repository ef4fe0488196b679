import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { canonical, cidOf } from '@rayswarm/wire'
import { concat } from 'uint8arrays/concat'
import { blockProtocol } from '../src/block-protocol.ts'

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

/** Serve the blocks below a directory, honestly, and count. */
export async function mirror(libp2p: Libp2p, dir: string): Promise<{ readonly requests: number }> {
  const blocks = new Map<string, Uint8Array>()
  for (const file of await blockFiles(dir)) {
    const bytes = await readFile(file)
    blocks.set(createHash('sha256').update(bytes).digest('hex'), bytes)
  }
  return await answerBlocks(libp2p, digest => {
    const block = blocks.get(Buffer.from(digest).toString('hex'))
    return block === undefined ? undefined : framed(block)
  })
}

/** Publish a manifest as somebody would who does not keep to the rules. */
export async function publishManifest(libp2p: Libp2p, entries: readonly object[]): Promise<string> {
  const bytes = canonical({ entries })
  const sha256 = createHash('sha256').update(bytes).digest()
  await answerBlocks(libp2p, digest => (sha256.equals(digest) ? framed(bytes) : undefined))
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
