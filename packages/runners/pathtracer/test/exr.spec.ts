import assert from 'node:assert/strict'
import { inflateSync } from 'node:zlib'
import type { Raster } from '@rayswarm/interface'
import fc from 'fast-check'
import { encodeExr } from '../src/exr.ts'
import { halfBits } from '../src/half.ts'

interface Picture {
  readonly attributes: ReadonlyMap<string, Buffer>
  readonly width: number
  readonly height: number
  /** By channel name, row by row. */
  readonly channels: ReadonlyMap<string, number[]>
}

function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** A reader of ZIP scan line files, written from the format's description and not from our writer. */
function decode(file: Buffer): Picture {
  let at = 8
  const text = (): string => {
    const end = file.indexOf(0, at)
    const value = file.toString('latin1', at, end)
    at = end + 1
    return value
  }
  assert.equal(file.readUInt32LE(0), 20000630)
  assert.equal(file.readUInt32LE(4), 2)
  const attributes = new Map<string, Buffer>()
  while (file[at] !== 0) {
    const name = text()
    text()
    const size = file.readInt32LE(at)
    attributes.set(name, file.subarray(at + 4, at + 4 + size))
    at += 4 + size
  }
  at++
  const box = attributes.get('dataWindow')!
  const width = box.readInt32LE(8) - box.readInt32LE(0) + 1
  const height = box.readInt32LE(12) - box.readInt32LE(4) + 1
  const list = attributes.get('channels')!
  const order: { name: string; half: boolean }[] = []
  for (let k = 0; list[k] !== 0; ) {
    const end = list.indexOf(0, k)
    order.push({ name: list.toString('latin1', k, end), half: list.readInt32LE(end + 1) === 1 })
    k = end + 17
  }
  assert.deepEqual(
    order.map(({ name }) => name),
    ['B', 'G', 'R']
  )
  const channels = new Map(order.map(({ name }) => [name, [] as number[]]))
  for (let block = 0; block * 16 < height; block++) {
    const start = Number(file.readBigUInt64LE(at + block * 8))
    assert.equal(file.readInt32LE(start), block * 16)
    const rows = Math.min(16, height - block * 16)
    const rowBytes = order.reduce((sum, { half }) => sum + (half ? 2 : 4) * width, 0)
    const body = file.subarray(start + 8, start + 8 + file.readInt32LE(start + 4))
    const plain = body.length < rows * rowBytes ? unzip(body) : Buffer.from(body)
    assert.equal(plain.length, rows * rowBytes)
    let k = 0
    for (let row = 0; row < rows; row++) {
      for (const { name, half } of order) {
        for (let column = 0; column < width; column++, k += half ? 2 : 4) {
          channels.get(name)!.push(half ? valueOfHalf(plain.readUInt16LE(k)) : plain.readFloatLE(k))
        }
      }
    }
  }
  return { attributes, width, height, channels }
}

function unzip(body: Buffer): Buffer {
  const t = inflateSync(body)
  for (let i = 1; i < t.length; i++) t[i] = (t[i - 1]! + t[i]! - 128) & 255
  const out = Buffer.alloc(t.length)
  const half = (t.length + 1) >> 1
  for (let i = 0; i < t.length; i++) out[i] = t[(i % 2) * half + (i >> 1)]!
  return out
}

function raster(widthPx: number, heightPx: number, value: (i: number) => number): Raster {
  const sums = Float64Array.from({ length: widthPx * heightPx * 3 }, (_, i) => value(i) * 4)
  return { frame: 1, xPx: 0, yPx: 0, widthPx, heightPx, samplesFrom: 2, samplesTo: 6, sums }
}

describe('an OpenEXR file', () => {
  it('holds the mean of the samples, exactly in float', async () => {
    fc.assert(
      await fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('smooth', 'noisy'),
        async (width, height, kind) => {
          const value = (i: number): number =>
            kind === 'smooth' ? (i >> 6) / 16 : ((i * 7919) % 65_536) / 64
          const picture = decode(Buffer.from(await encodeExr(raster(width, height, value), 'float')))
          assert.deepEqual([picture.width, picture.height], [width, height])
          for (const [name, place] of [
            ['R', 0],
            ['G', 1],
            ['B', 2]
          ] as const) {
            const expected = Array.from({ length: width * height }, (_, i) =>
              Math.fround(value(i * 3 + place))
            )
            assert.deepEqual(picture.channels.get(name), expected)
          }
        }
      )
    )
  })

  it('rounds to the nearest in half, and is smaller', async () => {
    const value = (i: number): number => ((i * 7919) % 65_536) / 97
    const half = await encodeExr(raster(33, 17, value), 'half')
    const picture = decode(Buffer.from(half))
    for (const [i, red] of picture.channels.get('R')!.entries()) {
      assert.ok(Math.abs(red - value(i * 3)) <= value(i * 3) / 2048 + 2 ** -25)
    }
    assert.ok(half.length < (await encodeExr(raster(33, 17, value), 'float')).length)
  })

  it('says nothing about when and where it was made', async () => {
    const file = decode(
      Buffer.from(
        await encodeExr(
          raster(3, 3, () => 1),
          'half'
        )
      )
    )
    assert.deepEqual(
      [...file.attributes.keys()],
      [
        'channels',
        'compression',
        'dataWindow',
        'displayWindow',
        'lineOrder',
        'pixelAspectRatio',
        'screenWindowCenter',
        'screenWindowWidth'
      ]
    )
  })
})

describe('half precision', () => {
  it('gives every half back', () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      assert.equal(halfBits(valueOfHalf(bits)), bits)
      if (bits > 0) assert.equal(halfBits(-valueOfHalf(bits)), bits | 0x8000)
    }
  })

  it('rounds to the nearest, ties to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [valueOfHalf(bits), valueOfHalf(bits + 1)]
      const middle = (low + high) / 2
      assert.equal(halfBits(middle), bits % 2 === 0 ? bits : bits + 1)
      assert.equal(halfBits(middle - (high - low) / 8), bits)
      assert.equal(halfBits(middle + (high - low) / 8), bits + 1)
    }
  })

  it('has an infinity for what is too large', () => {
    assert.equal(halfBits(65_504), 0x7bff)
    assert.equal(halfBits(65_519), 0x7bff)
    assert.equal(halfBits(65_520), 0x7c00)
    assert.equal(halfBits(Infinity), 0x7c00)
    assert.equal(halfBits(-1e9), 0xfc00)
  })
})
