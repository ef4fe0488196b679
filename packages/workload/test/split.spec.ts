import assert from 'node:assert/strict'
import { RESULT_SIZE_BYTES_MAX } from '@rayswarm/params'
import { cidOf, jobIdOf } from '@rayswarm/wire'
import fc from 'fast-check'
import { FrameAssembler, framesOf, outputSizeBytes, split } from '../src/index.ts'
import { render, specOf } from './samples.ts'

const cuts = fc.record({
  widthPx: fc.integer({ min: 1, max: 13 }),
  heightPx: fc.integer({ min: 1, max: 9 }),
  samplesPerPixel: fc.integer({ min: 1, max: 6 }),
  frames: fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 5 }),
  cut: fc.record({
    framesPerSubtask: fc.integer({ min: 1, max: 6 }),
    tileColumns: fc.integer({ min: 1, max: 13 }),
    tileRows: fc.integer({ min: 1, max: 9 }),
    sampleRanges: fc.integer({ min: 1, max: 6 })
  })
})

type Cuts = typeof cuts extends fc.Arbitrary<infer T> ? T : never

function cutSpec({ cut, ...over }: Cuts) {
  return specOf({
    ...over,
    split: {
      framesPerSubtask: cut.framesPerSubtask,
      tileColumns: Math.min(cut.tileColumns, over.widthPx),
      tileRows: Math.min(cut.tileRows, over.heightPx),
      sampleRanges: Math.min(cut.sampleRanges, over.samplesPerPixel)
    }
  })
}

describe('split', () => {
  it('covers every sample of every pixel of every frame exactly once', () => {
    fc.assert(
      fc.property(cuts, cut => {
        const spec = cutSpec(cut)
        const { widthPx, heightPx, samplesPerPixel } = spec.work
        const seen = new Set<string>()
        let units = 0
        for (const { work, workUnits } of split(spec)) {
          const { tile, samples, frames } = work
          let count = 0
          for (const frame of frames)
            for (let y = tile.yPx; y < tile.yPx + tile.heightPx; y++)
              for (let x = tile.xPx; x < tile.xPx + tile.widthPx; x++)
                for (let sample = samples.from; sample < samples.to; sample++, count++)
                  seen.add(`${frame} ${x} ${y} ${sample}`)
          assert.equal(workUnits, count)
          assert.ok(count > 0)
          units += count
        }
        const total = framesOf(spec.work).length * widthPx * heightPx * samplesPerPixel
        assert.equal(seen.size, total)
        assert.equal(units, total)
      }),
      { numRuns: 60 }
    )
  })

  it('is the same list for everybody, each id bound to job, place and work', () => {
    fc.assert(
      fc.property(cuts, cut => {
        const spec = cutSpec(cut)
        const subtasks = split(spec)
        assert.deepEqual(split(structuredClone(spec)), subtasks)
        const job = jobIdOf(spec)
        for (const [i, subtask] of subtasks.entries()) {
          assert.equal(subtask.index, i)
          assert.equal(subtask.job, job)
          assert.equal(subtask.id, cidOf({ job, index: i, work: subtask.work }))
        }
        assert.equal(new Set(subtasks.map(({ id }) => id)).size, subtasks.length)
        const other = split({ ...spec, nonce: 1 })
        assert.equal(new Set([...subtasks, ...other].map(({ id }) => id)).size, 2 * subtasks.length)
      }),
      { numRuns: 60 }
    )
  })

  it('goes by frames, then tiles row by row, then samples', () => {
    const spec = specOf({
      widthPx: 5,
      heightPx: 3,
      samplesPerPixel: 5,
      frames: '1-2,9',
      split: { framesPerSubtask: 2, tileColumns: 2, tileRows: 2, sampleRanges: 2 }
    })
    const rows = split(spec).map(({ work: { frames, tile, samples } }) => [
      frames.join('+'),
      tile.xPx,
      tile.yPx,
      tile.widthPx,
      tile.heightPx,
      samples.from,
      samples.to
    ])
    assert.equal(rows.length, 16)
    assert.deepEqual(rows.slice(0, 9), [
      ['1+2', 0, 0, 2, 1, 0, 2],
      ['1+2', 0, 0, 2, 1, 2, 5],
      ['1+2', 2, 0, 3, 1, 0, 2],
      ['1+2', 2, 0, 3, 1, 2, 5],
      ['1+2', 0, 1, 2, 2, 0, 2],
      ['1+2', 0, 1, 2, 2, 2, 5],
      ['1+2', 2, 1, 3, 2, 0, 2],
      ['1+2', 2, 1, 3, 2, 2, 5],
      ['9', 0, 0, 2, 1, 0, 2]
    ])
  })

  it('is even: parts differ by at most one', () => {
    fc.assert(
      fc.property(cuts, cut => {
        const subtasks = split(cutSpec(cut))
        for (const part of [
          (s: (typeof subtasks)[0]) => s.work.tile.widthPx,
          (s: (typeof subtasks)[0]) => s.work.tile.heightPx,
          (s: (typeof subtasks)[0]) => s.work.samples.to - s.work.samples.from
        ]) {
          const parts = subtasks.map(part)
          assert.ok(Math.max(...parts) - Math.min(...parts) <= 1)
        }
      }),
      { numRuns: 60 }
    )
  })

  it('gives up to 20 000 subtasks, and refuses more even where nobody judged the spec', () => {
    const spec = specOf({ frames: '1-10000', split: { tileColumns: 2 } })
    assert.equal(split(spec).length, 20_000)
    const more = { ...spec, work: { ...spec.work, split: { ...spec.work.split, tileRows: 2 } } }
    assert.throws(() => split(more), { code: 'ERR_JOB_INVALID' })
  })

  it('keeps every result below the limit', () => {
    const spec = specOf({ widthPx: 16_384, heightPx: 1_365 })
    assert.ok(outputSizeBytes(split(spec)[0]!) <= RESULT_SIZE_BYTES_MAX)
  })
})

describe('FrameAssembler', () => {
  const order = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 50, maxLength: 50 })

  it('gives the same frames whatever the cut, the order and the repetitions', () => {
    fc.assert(
      fc.property(cuts, order, (cut, keys) => {
        const spec = cutSpec(cut)
        const subtasks = split(spec)
        const assembler = new FrameAssembler(spec, subtasks)
        const shuffled = subtasks
          .map((subtask, i) => ({ subtask, key: keys[i % 50]! + i / 1e6 }))
          .sort((a, b) => a.key - b.key)
        const complete = shuffled.flatMap(({ subtask }, i) => {
          const frames = assembler.add(subtask, render(subtask))
          const again = shuffled[Math.floor(keys[i % 50]! * (i + 1)) % (i + 1)]!.subtask
          assert.deepEqual(assembler.add(again, render(again)), [])
          return frames
        })
        const { widthPx, heightPx, samplesPerPixel } = spec.work
        const whole = render({
          work: {
            kind: 'render',
            frames: framesOf(spec.work),
            tile: { xPx: 0, yPx: 0, widthPx, heightPx },
            samples: { from: 0, to: samplesPerPixel }
          }
        })
        assert.deepEqual(
          complete.toSorted((a, b) => a.frame - b.frame),
          whole.rasters
        )
      }),
      { numRuns: 60 }
    )
  })

  it('reports each frame when its last part arrives', () => {
    const spec = specOf({ frames: '1-2', split: { tileColumns: 2 } })
    const subtasks = split(spec)
    const assembler = new FrameAssembler(spec, subtasks)
    const framesOfAdd = (i: number) =>
      assembler.add(subtasks[i]!, render(subtasks[i]!)).map(({ frame }) => frame)
    assert.deepEqual([framesOfAdd(0), framesOfAdd(2), framesOfAdd(3), framesOfAdd(1)], [[], [], [2], [1]])
  })

  it('refuses an output of another subtask, and then still takes the right one', () => {
    const spec = specOf({ split: { tileColumns: 2 } })
    const [left, right] = split(spec) as [ReturnType<typeof split>[0], ReturnType<typeof split>[0]]
    const assembler = new FrameAssembler(spec, [left, right])
    assert.throws(() => assembler.add(left, render(right)), RangeError)
    assert.throws(() => assembler.add(left, { rasters: [] }), RangeError)
    const fewer = { ...left, work: { ...left.work, samples: { from: 0, to: 4 } } }
    assert.throws(() => assembler.add(left, render(fewer)), RangeError)
    const [raster] = render(left).rasters
    for (const field of ['frame', 'xPx', 'yPx', 'widthPx', 'heightPx', 'samplesFrom', 'samplesTo'] as const)
      assert.throws(
        () => assembler.add(left, { rasters: [{ ...raster!, [field]: raster![field] + 1 }] }),
        RangeError
      )
    assert.throws(
      () => assembler.add(left, { rasters: [{ ...raster!, sums: raster!.sums.slice(1) }] }),
      RangeError
    )
    assert.deepEqual(assembler.add(left, render(left)), [])
    assert.equal(assembler.add(right, render(right)).length, 1)
  })
})
