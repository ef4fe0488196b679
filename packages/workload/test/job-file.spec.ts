import assert from 'node:assert/strict'
import { isRayswarmError, type RayswarmError } from '@rayswarm/interface'
import { canonical, jobIdOf, jobSpecSchema } from '@rayswarm/wire'
import fc from 'fast-check'
import { framesOf, jobSpecOf, parseFrames, parseJobFile, parseJobSpec, rangesOf } from '../src/index.ts'
import { context, specOf } from './samples.ts'

/** The error of a bad value; every one must name code, thing, value and remedy. */
function errorOf(fn: () => unknown): RayswarmError {
  try {
    fn()
  } catch (error) {
    assert.ok(isRayswarmError(error), String(error))
    assert.ok(error.thing, 'thing')
    assert.match(error.remedy ?? '', /^[A-Z].*[.?]$/, 'remedy')
    return error
  }
  throw new assert.AssertionError({ message: 'no error' })
}

function errorOfFile(value: unknown): RayswarmError {
  return errorOf(() => jobSpecOf(parseJobFile(value), context))
}

describe('job file', () => {
  it('needs a scene and nothing else', () => {
    const spec = jobSpecOf(parseJobFile({ scene: 'models/orrery.v2.glb' }), context)
    assert.deepEqual(spec, {
      version: 1,
      creator: context.creator,
      nonce: 0,
      name: 'orrery.v2',
      manifest: context.manifest,
      assetsSizeBytes: 12_345,
      work: {
        kind: 'render',
        engine: 'pathtracer',
        entry: 'models/orrery.v2.glb',
        frames: [{ first: 1, last: 1 }],
        framesPerSecond: 24,
        widthPx: 1_280,
        heightPx: 720,
        samplesPerPixel: 64,
        maxBounces: 8,
        seed: 0,
        output: { exposureStops: 0, toneMap: 'aces', exr: 'half' },
        split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 }
      },
      verify: { replicaCount: 2, replicaCountMax: 4, quorum: 2 },
      pricePerMegaUnitMax: 50_000n,
      memoryBytes: 1_073_741_824,
      deadlineAfterMs: 3_600_000
    })
    assert.equal(jobSpecSchema.safeParse(spec).success, true)
  })

  it('fills in only what is left out', () => {
    const spec = specOf({
      name: 'test',
      frames: [30, 3, 1, 2, 3],
      camera: 'main',
      output: { exr: 'none' },
      split: { tileColumns: 2 },
      verify: { replicaCount: 3 },
      pricePerMegaUnitMax: '12.000001'
    })
    assert.equal(spec.name, 'test')
    assert.deepEqual(framesOf(spec.work), [1, 2, 3, 30])
    assert.equal(spec.work.camera, 'main')
    assert.deepEqual(spec.work.output, { exposureStops: 0, toneMap: 'aces', exr: 'none' })
    assert.deepEqual(spec.work.split, { framesPerSubtask: 1, tileColumns: 2, tileRows: 1, sampleRanges: 1 })
    assert.deepEqual(spec.verify, { replicaCount: 3, replicaCountMax: 4, quorum: 2 })
    assert.equal(spec.pricePerMegaUnitMax, 12_000_001n)
  })

  it('takes a scene written with ./ before it, and names the job after it', () => {
    assert.equal(specOf({ scene: './scene.glb' }).work.entry, 'scene.glb')
    for (const [scene, name] of [
      ['a/b.c/scene', 'scene'],
      ['.hidden', '.hidden'],
      ['x.tar.glb', 'x.tar']
    ] as const)
      assert.equal(specOf({ scene }).name, name)
  })

  for (const [file, code, thing] of [
    [{ frames: '' }, 'ERR_FRAMES_EMPTY', 'frames'],
    [{ frames: ' , ' }, 'ERR_FRAMES_EMPTY', 'frames'],
    [{ frames: [] }, 'ERR_FRAMES_EMPTY', 'frames'],
    [{ frames: '3-1' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: 'all' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: '1-10001' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: '1-9000,10000-19000' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: '-1' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: [1.5] }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: [-1] }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: '1000001' }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: Array.from({ length: 65 }, (_, i) => 2 * i) }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: Array.from({ length: 10_001 }, (_, i) => i) }, 'ERR_JOB_INVALID', 'frames'],
    [{ frames: null }, 'ERR_JOB_INVALID', 'frames'],
    [{ scene: undefined }, 'ERR_JOB_INVALID', 'scene'],
    [{ scene: '' }, 'ERR_JOB_INVALID', 'scene'],
    [{ scene: 5 }, 'ERR_JOB_INVALID', 'scene'],
    [{ scene: 'a//b.glb' }, 'ERR_JOB_INVALID', 'scene'],
    [{ scene: '/etc/passwd' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ scene: '../scene.glb' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ scene: 'a/../../scene.glb' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ scene: './../scene.glb' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ scene: 'C:\\scene.glb' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ scene: '..\\scene.glb' }, 'ERR_PATH_ESCAPES', 'scene'],
    [{ widthPx: 0 }, 'ERR_JOB_INVALID', 'widthPx'],
    [{ widthPx: 16_385 }, 'ERR_JOB_INVALID', 'widthPx'],
    [{ widthPx: '1280' }, 'ERR_JOB_INVALID', 'widthPx'],
    [{ samplesPerPixel: 1.5 }, 'ERR_JOB_INVALID', 'samplesPerPixel'],
    [{ maxBounces: 65 }, 'ERR_JOB_INVALID', 'maxBounces'],
    [{ seed: -1 }, 'ERR_JOB_INVALID', 'seed'],
    [{ framesPerSecond: 0 }, 'ERR_JOB_INVALID', 'framesPerSecond'],
    [{ camera: '' }, 'ERR_JOB_INVALID', 'camera'],
    [{ engine: 'Path Tracer' }, 'ERR_JOB_INVALID', 'engine'],
    [{ output: 5 }, 'ERR_JOB_INVALID', 'output'],
    [{ output: { toneMap: 'filmic' } }, 'ERR_JOB_INVALID', 'output.toneMap'],
    [{ output: { exposureStops: 33 } }, 'ERR_JOB_INVALID', 'output.exposureStops'],
    [{ split: { tileColumns: 18 } }, 'ERR_JOB_INVALID', 'split.tileColumns'],
    [{ split: { sampleRanges: 6 } }, 'ERR_JOB_INVALID', 'split.sampleRanges'],
    [{ frames: '1-1000', split: { tileColumns: 7, tileRows: 3 } }, 'ERR_JOB_INVALID', 'split'],
    [{ verify: { quorum: 3 } }, 'ERR_JOB_INVALID', 'verify.quorum'],
    [{ verify: { replicaCountMax: 1 } }, 'ERR_JOB_INVALID', 'verify.replicaCountMax'],
    [{ pricePerMegaUnitMax: 0.05 }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ pricePerMegaUnitMax: '0' }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ pricePerMegaUnitMax: '0.0000001' }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ pricePerMegaUnitMax: '-1' }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ pricePerMegaUnitMax: '18446744073709.551616' }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ pricePerMegaUnitMax: '1e3' }, 'ERR_JOB_INVALID', 'pricePerMegaUnitMax'],
    [{ memoryBytes: -1 }, 'ERR_JOB_INVALID', 'memoryBytes'],
    [{ deadlineAfterMs: 999 }, 'ERR_JOB_INVALID', 'deadlineAfterMs'],
    [{ name: '' }, 'ERR_JOB_INVALID', 'name']
  ] as const)
    it(`refuses ${JSON.stringify(file).slice(0, 60)}`, () => {
      const full = { scene: 'scene.glb', widthPx: 17, heightPx: 11, samplesPerPixel: 5, ...file }
      const error = errorOfFile(full)
      assert.equal(error.code, code)
      assert.equal(error.thing, thing)
      const [key] = Object.keys(file) as [keyof typeof full]
      if (!thing.includes('.') && thing !== 'frames' && thing !== 'split')
        if (code !== 'ERR_JOB_INVALID' || typeof error.value !== 'bigint')
          assert.deepEqual(error.value, full[key])
    })

  it('refuses what is no object', () => {
    for (const value of [null, undefined, 5, 'scene.glb', []])
      assert.equal(errorOfFile(value).code, 'ERR_JOB_INVALID')
  })

  for (const [file, nearest] of [
    [{ widthpx: 5 }, 'widthPx'],
    [{ width: 5 }, 'widthPx'],
    [{ sampelsPerPixel: 5 }, 'samplesPerPixel'],
    [{ frame: '1' }, 'frames'],
    [{ output: { tonemap: 'aces' } }, 'output.toneMap'],
    [{ split: { tilesColumns: 2 } }, 'split.tileColumns'],
    [{ verify: { quorom: 2 } }, 'verify.quorum']
  ] as const)
    it(`names the nearest field: ${nearest}`, () => {
      const error = errorOfFile({ scene: 's.glb', ...file })
      assert.equal(error.code, 'ERR_JOB_INVALID')
      assert.match(error.remedy ?? '', new RegExp(`^Did you mean ${nearest}\\?`))
    })

  it('lists the known fields when none is near', () => {
    const error = errorOfFile({ scene: 's.glb', ['x'.repeat(10_000)]: 1 })
    assert.match(error.remedy ?? '', /^Remove it\. Known fields: scene, name, /)
    assert.ok(error.message.length < 300)
  })

  it('is a spec or a coded error, whatever is in it', () => {
    const junk = fc.oneof(fc.anything(), fc.string(), fc.double(), fc.constantFrom(0, 1, -1, '1-24', 1e308))
    const keys = [
      'scene',
      'name',
      'engine',
      'frames',
      'widthPx',
      'heightPx',
      'output',
      'split',
      'verify',
      'pricePerMegaUnitMax',
      'memoryBytes',
      'camera',
      '__proto__'
    ]
    const file = fc.dictionary(fc.constantFrom(...keys), junk).map(fields => ({ scene: 's.glb', ...fields }))
    fc.assert(
      fc.property(file, value => {
        try {
          const spec = jobSpecOf(parseJobFile(value), context)
          assert.deepEqual(parseJobSpec(spec), spec)
        } catch (error) {
          assert.ok(isRayswarmError(error), String(error))
        }
      }),
      { numRuns: 500 }
    )
  })
})

describe('parseJobSpec', () => {
  it('takes a spec as it is and with small amounts as numbers', () => {
    const spec = specOf()
    assert.deepEqual(parseJobSpec(spec), spec)
    assert.deepEqual(parseJobSpec({ ...spec, pricePerMegaUnitMax: 50_000 }), spec)
    assert.equal(jobIdOf(parseJobSpec(spec)), jobIdOf(spec))
    assert.deepEqual(canonical(parseJobSpec(spec)), canonical(spec))
  })

  it('names field, value and remedy', () => {
    const spec = specOf()
    const { work } = spec
    const error = errorOf(() => parseJobSpec({ ...spec, creator: 'me' }))
    assert.equal(error.code, 'ERR_JOB_INVALID')
    assert.equal(error.thing, 'creator')
    assert.equal(error.value, 'me')
    assert.equal(
      errorOf(() => parseJobSpec({ ...spec, work: { ...work, frames: [] } })).code,
      'ERR_FRAMES_EMPTY'
    )
    assert.equal(
      errorOf(() => parseJobSpec({ ...spec, work: { ...work, entry: '/x' } })).code,
      'ERR_PATH_ESCAPES'
    )
    assert.equal(errorOf(() => parseJobSpec({ ...spec, work: { ...work, seeds: 1 } })).thing, 'work.seeds')
  })
})

describe('frames', () => {
  it('are read from text', () => {
    assert.deepEqual(parseFrames('1-3, 7 ,5 - 6,2'), [1, 2, 3, 5, 6, 7])
    assert.deepEqual(parseFrames('0'), [0])
    assert.equal(parseFrames('1-10000').length, 10_000)
  })

  it('have one list of ranges, there and back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), frames => {
        const sorted = frames.toSorted((a, b) => a - b)
        const ranges = rangesOf(frames)
        assert.deepEqual(framesOf({ frames: ranges }), sorted)
        assert.deepEqual(rangesOf(sorted.toReversed()), ranges)
        for (const [i, { first, last }] of ranges.entries()) {
          assert.ok(first <= last)
          if (i > 0) assert.ok(first > ranges[i - 1]!.last + 1)
        }
        const text = ranges.map(({ first, last }) => `${first}-${last}`).join(',')
        assert.deepEqual(parseFrames(text), sorted)
      })
    )
  })
})
