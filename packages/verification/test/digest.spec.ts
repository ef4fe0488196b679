import assert from 'node:assert/strict'
import type { Raster, SubtaskOutput } from '@rayswarm/interface'
import { toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import { digestBlocks, digestOf } from '../src/index.ts'

function raster(widthPx: number, heightPx: number, over: Partial<Raster> = {}): Raster {
  const sums = Float64Array.from({ length: widthPx * heightPx * 3 }, (_, i) => (i % 1009) / 65_536)
  return { frame: 1, xPx: 0, yPx: 0, widthPx, heightPx, samplesFrom: 0, samplesTo: 16, sums, ...over }
}

const digest = (...rasters: Raster[]): string => toHex(digestOf({ rasters }))

describe('digestOf', () => {
  it('covers every pixel with exactly one block, smaller at the edges', () => {
    const blocks = digestBlocks({ rasters: [raster(130, 65), raster(64, 64), raster(1, 1)] })
    const sizes = blocks.map(({ raster: index, rect }) => `${index}: ${rect.widthPx}x${rect.heightPx}`)
    assert.deepEqual(sizes, [
      ...['0: 64x64', '0: 64x64', '0: 2x64', '0: 64x1', '0: 64x1', '0: 2x1'],
      '1: 64x64',
      '2: 1x1'
    ])
  })

  it('changes with any value of any pixel, and only its block does', () => {
    const one = raster(130, 70)
    const index = fc.nat(one.sums.length - 1)
    fc.assert(
      fc.property(index, i => {
        const sums = one.sums.slice()
        sums[i]! += 1 / 65_536
        const other = { ...one, sums }
        assert.notEqual(digest(other), digest(one))
        const before = digestBlocks({ rasters: [one] })
        const after = digestBlocks({ rasters: [other] })
        assert.equal(before.filter((block, b) => toHex(block.leaf) !== toHex(after[b]!.leaf)).length, 1)
      }),
      { numRuns: 50 }
    )
  })

  it('binds frame, place, samples and order of the rasters', () => {
    const base = raster(8, 8)
    const shape = raster(4, 16)
    const variants: SubtaskOutput['rasters'][] = [
      [base],
      [{ ...base, frame: 2 }],
      [{ ...base, xPx: 8 }],
      [{ ...base, yPx: 8 }],
      [{ ...base, samplesFrom: 8 }],
      [{ ...base, samplesTo: 32 }],
      [{ ...shape, sums: base.sums }],
      [base, { ...base, frame: 2 }],
      [{ ...base, frame: 2 }, base],
      [base, base],
      []
    ]
    const digests = variants.map(rasters => digest(...rasters))
    assert.equal(new Set(digests).size, variants.length)
  })

  it('reads a view of a larger buffer as its own values', () => {
    const one = raster(3, 2)
    const padded = new Float64Array(40)
    padded.set(one.sums, 7)
    assert.equal(digest({ ...one, sums: padded.subarray(7, 7 + 18) }), digest(one))
  })
})
