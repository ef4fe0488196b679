import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import type { Raster } from '@rayswarm/interface'
import { halfBits } from './half.ts'

const deflated = promisify(deflate)

const MAGIC = 20_000_630
const VERSION = 2
const ZIP = 3
const ROWS_PER_BLOCK = 16
const DEFLATE_LEVEL = 6
const PIXEL_HALF = 1
const PIXEL_FLOAT = 2
/** Channels lie in alphabetical order; the number is the place of the channel in a raster's pixel. */
const CHANNELS = [
  ['B', 2],
  ['G', 1],
  ['R', 0]
] as const

export type ExrPixel = 'half' | 'float'

/** Grows as it is written to. */
class Writer {
  readonly #parts: Buffer[] = []

  text(value: string): this {
    this.#parts.push(Buffer.from(`${value}\0`, 'latin1'))
    return this
  }

  int(...values: readonly number[]): this {
    const part = Buffer.alloc(values.length * 4)
    for (const [k, value] of values.entries()) part.writeInt32LE(value, k * 4)
    this.#parts.push(part)
    return this
  }

  float(...values: readonly number[]): this {
    const part = Buffer.alloc(values.length * 4)
    for (const [k, value] of values.entries()) part.writeFloatLE(value, k * 4)
    this.#parts.push(part)
    return this
  }

  bytes(...values: readonly number[]): this {
    this.#parts.push(Buffer.from(values))
    return this
  }

  attribute(name: string, type: string, value: Writer): this {
    const body = value.done()
    this.text(name).text(type).int(body.length)
    this.#parts.push(body)
    return this
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function header(widthPx: number, heightPx: number, pixel: ExrPixel): Buffer {
  const type = pixel === 'half' ? PIXEL_HALF : PIXEL_FLOAT
  const channels = new Writer()
  for (const [name] of CHANNELS) channels.text(name).int(type).bytes(0, 0, 0, 0).int(1, 1)
  channels.bytes(0)
  const window = (): Writer => new Writer().int(0, 0, widthPx - 1, heightPx - 1)
  return new Writer()
    .int(MAGIC, VERSION)
    .attribute('channels', 'chlist', channels)
    .attribute('compression', 'compression', new Writer().bytes(ZIP))
    .attribute('dataWindow', 'box2i', window())
    .attribute('displayWindow', 'box2i', window())
    .attribute('lineOrder', 'lineOrder', new Writer().bytes(0))
    .attribute('pixelAspectRatio', 'float', new Writer().float(1))
    .attribute('screenWindowCenter', 'v2f', new Writer().float(0, 0))
    .attribute('screenWindowWidth', 'float', new Writer().float(1))
    .bytes(0)
    .done()
}

/** Rows of mean radiance, channel by channel. */
function rows(raster: Raster, from: number, to: number, pixel: ExrPixel): Buffer {
  const { sums, widthPx, samplesFrom, samplesTo } = raster
  const size = pixel === 'half' ? 2 : 4
  const out = Buffer.alloc((to - from) * widthPx * CHANNELS.length * size)
  let at = 0
  for (let row = from; row < to; row++) {
    for (const [, place] of CHANNELS) {
      for (let column = 0; column < widthPx; column++) {
        const value = sums[(row * widthPx + column) * 3 + place]! / (samplesTo - samplesFrom)
        if (pixel === 'half') out.writeUInt16LE(halfBits(value), at)
        else out.writeFloatLE(value, at)
        at += size
      }
    }
  }
  return out
}

/** ZIP of OpenEXR: even bytes before odd ones, differences, then deflate. Stored plainly where that is not longer. */
async function squeeze(plain: Buffer): Promise<Buffer> {
  const split = Buffer.alloc(plain.length)
  const half = (plain.length + 1) >> 1
  for (let i = 0; i < plain.length; i++) split[(i & 1) * half + (i >> 1)] = plain[i]!
  for (let i = split.length - 1; i > 0; i--) split[i] = split[i]! - split[i - 1]! + 128
  const small = await deflated(split, { level: DEFLATE_LEVEL })
  return small.length < plain.length ? small : plain
}

/** The mean radiance of a whole frame as a scan line OpenEXR file. */
export async function encodeExr(raster: Raster, pixel: ExrPixel): Promise<Uint8Array> {
  const { widthPx, heightPx } = raster
  const head = header(widthPx, heightPx, pixel)
  const blocks: Buffer[] = []
  for (let row = 0; row < heightPx; row += ROWS_PER_BLOCK) {
    const body = await squeeze(rows(raster, row, Math.min(row + ROWS_PER_BLOCK, heightPx), pixel))
    blocks.push(Buffer.concat([new Writer().int(row, body.length).done(), body]))
  }
  const table = Buffer.alloc(blocks.length * 8)
  let offset = head.length + table.length
  for (const [k, block] of blocks.entries()) {
    table.writeBigUInt64LE(BigInt(offset), k * 8)
    offset += block.length
  }
  return Buffer.concat([head, table, ...blocks])
}
