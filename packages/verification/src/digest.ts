import type { Raster, Rect, SubtaskOutput } from '@rayswarm/interface'
import { DIGEST_BLOCK_EDGE_PX } from '@rayswarm/params'
import { sha256 } from '@rayswarm/wire'

// First byte of everything that is hashed, so that a leaf can never pass for a node (RFC 6962, section 2.1).
const LEAF = 0
const NODE = 1
const ROOT = 2

const CHANNELS = 3
const FLOAT_BYTES = 8

/** One leaf of a result's digest. */
export interface DigestBlock {
  /** Index of its raster in the output. */
  readonly raster: number
  /** In pixels of the raster, not of the frame. */
  readonly rect: Rect
  /** 32 bytes. */
  readonly leaf: Uint8Array
}

/**
 * Digest of a result: the Merkle root over the 64 × 64 pixel blocks of its rasters. Never of a file: files embed dates and paths.
 *
 * @see spec/verification.md#digest
 */
export function digestOf(output: SubtaskOutput): Uint8Array {
  const leaves = digestBlocks(output).map(block => block.leaf)
  return sha256(Uint8Array.of(ROOT), uint32s(output.rasters.length, leaves.length), merkleRoot(leaves))
}

/** The blocks of a result in digest order: raster by raster, row by row; those at the right and lower edge are smaller. */
export function digestBlocks(output: SubtaskOutput): readonly DigestBlock[] {
  const blocks: DigestBlock[] = []
  output.rasters.forEach((raster, index) => {
    const header = headerOf(raster, index)
    const bytes = bytesOf(raster.sums)

    for (let yPx = 0; yPx < raster.heightPx; yPx += DIGEST_BLOCK_EDGE_PX)
      for (let xPx = 0; xPx < raster.widthPx; xPx += DIGEST_BLOCK_EDGE_PX) {
        const widthPx = Math.min(DIGEST_BLOCK_EDGE_PX, raster.widthPx - xPx)
        const heightPx = Math.min(DIGEST_BLOCK_EDGE_PX, raster.heightPx - yPx)
        const rect: Rect = { xPx, yPx, widthPx, heightPx }
        blocks.push({ raster: index, rect, leaf: leafOf(header, rect, raster.widthPx, bytes) })
      }
  })
  return blocks
}

function leafOf(header: Uint8Array, rect: Rect, rasterWidthPx: number, bytes: Uint8Array): Uint8Array {
  const { xPx, yPx, widthPx, heightPx } = rect
  const pixelBytes = CHANNELS * FLOAT_BYTES
  const rows: Uint8Array[] = []
  for (let row = yPx; row < yPx + heightPx; row++) {
    const from = (row * rasterWidthPx + xPx) * pixelBytes
    rows.push(bytes.subarray(from, from + widthPx * pixelBytes))
  }
  return sha256(Uint8Array.of(LEAF), header, uint32s(xPx, yPx, widthPx, heightPx), ...rows)
}

/** Everything that says which part of which frame a raster is, so that no leaf can stand in for another. */
function headerOf(raster: Raster, index: number): Uint8Array {
  const { frame, xPx, yPx, widthPx, heightPx, samplesFrom, samplesTo } = raster
  return uint32s(index, frame, xPx, yPx, widthPx, heightPx, samplesFrom, samplesTo)
}

/** Root of a binary tree; an odd leaf or node moves up unchanged. */
function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < level.length; i += 2)
      above.push(sha256(Uint8Array.of(NODE), level[i]!, level[i + 1]!))
    if (level.length % 2 === 1) above.push(level.at(-1)!)
    level = above
  }
  return level[0] ?? new Uint8Array(0)
}

/** Little-endian 32-bit integers. */
function uint32s(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length))
  values.forEach((value, i) => {
    view.setUint32(4 * i, value, true)
  })
  return new Uint8Array(view.buffer)
}

/** Little-endian IEEE 754, whatever the machine. */
function bytesOf(sums: Float64Array): Uint8Array {
  if (isLittleEndian()) return new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength)
  const view = new DataView(new ArrayBuffer(sums.byteLength))
  sums.forEach((value, i) => {
    view.setFloat64(FLOAT_BYTES * i, value, true)
  })
  return new Uint8Array(view.buffer)
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
}
