/**
 * Writes spec/vectors/job.json. Run by hand when jobs change, and read the difference:
 * `node packages/workload/dist/test/make-vectors.js`
 */
import { writeFileSync } from 'node:fs'
import { isRayswarmError } from '@rayswarm/interface'
import { canonical, jobIdOf, toHex } from '@rayswarm/wire'
import { encodeOutput, type JobFile, jobSpecOf, parseJobFile, split } from '../src/index.ts'
import { context } from './samples.ts'
import { type JobVectors, VECTORS_FILE } from './vectors.ts'

const FILES: readonly JobFile[] = [
  {
    scene: 'a.glb',
    widthPx: 3,
    heightPx: 2,
    samplesPerPixel: 3,
    split: { tileColumns: 2, tileRows: 1, sampleRanges: 2 }
  },
  { scene: './scenes/orrery.glb' },
  {
    scene: 'b.gltf',
    name: 'Größe',
    frames: '1-4, 9, 7',
    framesPerSecond: 23.976,
    widthPx: 321,
    heightPx: 181,
    camera: 'main',
    seed: 4_294_967_295,
    output: { exposureStops: -0.5, toneMap: 'linear', exr: 'float' },
    split: { framesPerSubtask: 4, tileColumns: 2, tileRows: 2 },
    verify: { replicaCount: 1, replicaCountMax: 1, quorum: 1 },
    pricePerMegaUnitMax: '18446744073709.551615',
    memoryBytes: 1,
    deadlineAfterMs: 1_000
  }
]
const REFUSED: readonly unknown[] = [
  null,
  {},
  { scene: '/a.glb' },
  { scene: 'a/../../b.glb' },
  { scene: 'a.glb', frames: '' },
  { scene: 'a.glb', frames: [] },
  { scene: 'a.glb', frames: '5-1' },
  { scene: 'a.glb', width: 5 },
  { scene: 'a.glb', widthPx: 0 },
  { scene: 'a.glb', output: { toneMap: 'other' } },
  { scene: 'a.glb', split: { tileColumns: 200, tileRows: 101 } },
  { scene: 'a.glb', widthPx: 16_384, heightPx: 16_384 },
  { scene: 'a.glb', verify: { quorum: 3 } },
  { scene: 'a.glb', pricePerMegaUnitMax: '0.0000001' }
]

writeFileSync(VECTORS_FILE, `${JSON.stringify(makeVectors(), null, 1)}\n`)

function makeVectors(): JobVectors {
  return {
    context,
    jobs: FILES.map(jobVector),
    refused: REFUSED.map(refusedVector),
    results: resultVectors()
  }
}

function jobVector(file: JobFile): JobVectors['jobs'][number] {
  const spec = jobSpecOf(parseJobFile(file), context)
  const subtasks = split(spec).map(({ id, work: { frames, tile, samples }, workUnits }) => {
    const { xPx, yPx, widthPx, heightPx } = tile
    return [id, frames, xPx, yPx, widthPx, heightPx, samples.from, samples.to, workUnits] as const
  })
  return { file, spec: toHex(canonical(spec)), job: jobIdOf(spec), subtasks }
}

function refusedVector(file: unknown): JobVectors['refused'][number] {
  try {
    jobSpecOf(parseJobFile(file), context)
  } catch (error) {
    if (isRayswarmError(error)) return { file, code: error.code, thing: error.thing ?? '' }
    throw error
  }
  throw new TypeError(`taken: ${JSON.stringify(file)}`)
}

/** Of the last subtask of the first job: two pixels by two, two samples. */
function resultVectors(): JobVectors['results'] {
  const { work } = split(jobSpecOf(parseJobFile(FILES[0]), context)).at(-1)!
  const { tile, samples } = work
  const sums = Array.from({ length: tile.widthPx * tile.heightPx * 3 }, (_, i) => i * (1 + 2 ** -16))
  sums[5] = 2 ** 21
  const raster = { frame: 1, ...tile, samplesFrom: samples.from, samplesTo: samples.to }
  const fileOf = (list: readonly number[], over: object = {}) =>
    toHex(encodeOutput({ rasters: [{ ...raster, ...over, sums: Float64Array.from(list) }] }))
  return [
    { name: 'taken', bytes: fileOf(sums), sums },
    { name: 'minus zero', bytes: fileOf(sums.with(0, -0)) },
    { name: 'negative', bytes: fileOf(sums.with(1, -1)) },
    { name: 'not a multiple of 2^-16', bytes: fileOf(sums.with(1, 2 ** -17)) },
    { name: 'more than its samples can give', bytes: fileOf(sums.with(1, 2 ** 21 + 1)) },
    { name: 'not a number', bytes: fileOf(sums.with(1, Number.NaN)) },
    { name: 'another frame', bytes: fileOf(sums, { frame: 2 }) },
    { name: 'other samples', bytes: fileOf(sums, { samplesFrom: 0 }) }
  ]
}
