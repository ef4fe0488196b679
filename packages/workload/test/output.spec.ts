import assert from 'node:assert/strict'
import type { Subtask } from '@rayswarm/interface'
import fc from 'fast-check'
import { decodeOutput, encodeOutput, outputSizeBytes, split } from '../src/index.ts'
import { render, specOf } from './samples.ts'

const subtasks = split(
  specOf({ frames: '1-3', split: { framesPerSubtask: 2, tileColumns: 2, sampleRanges: 2 } })
)
const [first] = subtasks as [Subtask]
const good = encodeOutput(render(first))

/** The good result with one value replaced. */
function withValue(value: number): Uint8Array {
  const bytes = good.slice()
  new DataView(bytes.buffer).setFloat64(8 + 32 + 8 * 7, value, true)
  return bytes
}

describe('result files', () => {
  it('come back as they were, in the size everybody knows before', () => {
    for (const subtask of subtasks) {
      const output = render(subtask)
      const bytes = encodeOutput(output)
      assert.equal(bytes.length, outputSizeBytes(subtask))
      assert.deepEqual(decodeOutput(bytes, subtask), { ok: true, value: output })
    }
  })

  it('are read from any place in memory', () => {
    const shifted = new Uint8Array(good.length + 3)
    shifted.set(good, 3)
    assert.deepEqual(decodeOutput(shifted.subarray(3), first), { ok: true, value: render(first) })
    assert.deepEqual(decodeOutput(Buffer.from(good), first), { ok: true, value: render(first) })
  })

  it('are laid out as the specification says', () => {
    const view = new DataView(good.buffer)
    assert.equal(Buffer.from(good.subarray(0, 4)).toString(), 'RSO1')
    assert.equal(view.getUint32(4, true), 2)
    const header = Array.from({ length: 8 }, (_, i) => view.getUint32(8 + 4 * i, true))
    assert.deepEqual(header, [1, 0, 0, 8, 11, 0, 2, 0])
    assert.equal(view.getFloat64(40, true), render(first).rasters[0]!.sums[0])
  })

  it('are refused for any other subtask', () => {
    for (const other of subtasks.slice(1)) assert.equal(decodeOutput(good, other).ok, false)
  })

  it('hold nothing but sums of samples', () => {
    // Two samples of at most 2^20 each.
    for (const value of [0, 2 ** -16, 1, 2 ** 21, 2 ** 21 - 2 ** -16])
      assert.equal(decodeOutput(withValue(value), first).ok, true, String(value))
    for (const value of [
      -0,
      -1,
      -(2 ** -16),
      2 ** -17,
      1 / 3,
      2 ** 21 + 1,
      2 ** 21 + 2 ** -16,
      5e-324,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1e308
    ]) {
      const decoded = decodeOutput(withValue(value), first)
      assert.equal(decoded.ok ? undefined : decoded.fault, 'malformed', String(value))
    }
  })

  it('have exactly one size', () => {
    const faultOf = (bytes: Uint8Array) => {
      const decoded = decodeOutput(bytes, first)
      return decoded.ok ? undefined : decoded.fault
    }
    assert.equal(faultOf(good.subarray(1)), 'malformed')
    assert.equal(faultOf(good.subarray(0, -1)), 'malformed')
    assert.equal(faultOf(new Uint8Array()), 'malformed')
    assert.equal(faultOf(Uint8Array.from([...good, 0])), 'oversized')
  })

  it('are judged, never thrown at: any byte of the headers changed', () => {
    const headers = fc.oneof(
      fc.integer({ min: 0, max: 39 }),
      fc.integer({ min: good.length / 2 + 4, max: good.length / 2 + 35 })
    )
    fc.assert(
      fc.property(headers, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = good.slice()
        bytes[at]! ^= change
        assert.equal(decodeOutput(bytes, first).ok, false)
      })
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        assert.equal(decodeOutput(bytes, first).ok, false)
      })
    )
  })

  it('are refused at home when a raster has not its pixels', () => {
    const [raster] = render(first).rasters
    assert.throws(() => encodeOutput({ rasters: [{ ...raster!, sums: new Float64Array(3) }] }), RangeError)
  })
})
