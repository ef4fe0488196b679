import type {
  FrameRange,
  JobSpec,
  RenderOutput,
  RenderSpec,
  RenderSplit,
  VerifyPolicy
} from '@rayswarm/interface'
import {
  ASSETS_SIZE_BYTES_MAX,
  BOUNCES_MAX,
  FRAME_COUNT_MAX,
  FRAME_RANGE_COUNT_MAX,
  PIXEL_EDGE_MAX,
  REPLICA_COUNT_MAX,
  RESULT_SIZE_BYTES_MAX,
  SAMPLES_PER_PIXEL_MAX,
  SUBTASK_COUNT_MAX
} from '@rayswarm/params'
import { z } from 'zod'
import {
  amountFrom,
  assetPath,
  cid,
  DURATION_MS_MAX,
  decimal,
  engine,
  integer,
  peerId,
  sizeBytes,
  text,
  UINT32_MAX
} from './fields.ts'

/** Highest frame number a job may name. */
const FRAME_MAX = 1_000_000
const FRAMES_PER_SECOND_MIN = 0.001
const FRAMES_PER_SECOND_MAX = 1_000
const EXPOSURE_STOPS_MAX = 32
const NAME_LENGTH_MAX = 128
const DEADLINE_MS_MIN = 1_000
/** A result file: header, then per frame a header and red, green and blue as 64-bit floats. spec/job.md#result */
const RESULT_HEADER_SIZE_BYTES = 8
const RASTER_HEADER_SIZE_BYTES = 32
const PIXEL_SIZE_BYTES = 24

const frameRange: z.ZodType<FrameRange> = z
  .strictObject({ first: integer(0, FRAME_MAX), last: integer(0, FRAME_MAX) })
  .refine(range => range.first <= range.last, 'first must not be above last')

const frames = z
  .array(frameRange)
  .min(1, 'must name at least one frame')
  .max(FRAME_RANGE_COUNT_MAX, `must be at most ${FRAME_RANGE_COUNT_MAX} ranges`)
  .refine(
    ranges => ranges.every((range, i) => i === 0 || range.first > ranges[i - 1]!.last + 1),
    'ranges must ascend with a gap between neighbours'
  )
  .refine(ranges => frameCount(ranges) <= FRAME_COUNT_MAX, `must name at most ${FRAME_COUNT_MAX} frames`)

const output: z.ZodType<RenderOutput> = z.strictObject({
  exposureStops: decimal(-EXPOSURE_STOPS_MAX, EXPOSURE_STOPS_MAX),
  toneMap: z.enum(['aces', 'linear']),
  exr: z.enum(['none', 'half', 'float'])
})

const split: z.ZodType<RenderSplit> = z.strictObject({
  framesPerSubtask: integer(1, FRAME_COUNT_MAX),
  tileColumns: integer(1, SUBTASK_COUNT_MAX),
  tileRows: integer(1, SUBTASK_COUNT_MAX),
  sampleRanges: integer(1, SUBTASK_COUNT_MAX)
})

const work: z.ZodType<RenderSpec> = z
  .strictObject({
    kind: z.literal('render'),
    engine,
    entry: assetPath,
    frames,
    framesPerSecond: decimal(FRAMES_PER_SECOND_MIN, FRAMES_PER_SECOND_MAX),
    widthPx: integer(1, PIXEL_EDGE_MAX),
    heightPx: integer(1, PIXEL_EDGE_MAX),
    samplesPerPixel: integer(1, SAMPLES_PER_PIXEL_MAX),
    maxBounces: integer(1, BOUNCES_MAX),
    seed: integer(0, UINT32_MAX),
    camera: text(NAME_LENGTH_MAX).exactOptional(),
    output,
    split
  })
  .refine(spec => spec.split.tileColumns <= spec.widthPx, {
    path: ['split', 'tileColumns'],
    message: 'must not be above widthPx'
  })
  .refine(spec => spec.split.tileRows <= spec.heightPx, {
    path: ['split', 'tileRows'],
    message: 'must not be above heightPx'
  })
  .refine(spec => spec.split.sampleRanges <= spec.samplesPerPixel, {
    path: ['split', 'sampleRanges'],
    message: 'must not be above samplesPerPixel'
  })
  .refine(spec => subtaskCount(spec) <= SUBTASK_COUNT_MAX, {
    path: ['split'],
    message: `must give at most ${SUBTASK_COUNT_MAX} subtasks`
  })
  .refine(spec => resultSizeBytes(spec) <= RESULT_SIZE_BYTES_MAX, {
    path: ['split'],
    message: `must keep each subtask's result within ${RESULT_SIZE_BYTES_MAX} bytes`
  })

  .refine(spec => workUnits(spec) <= Number.MAX_SAFE_INTEGER, {
    path: ['samplesPerPixel'],
    message: 'must keep pixels × samples × frames below 2^53'
  })

const verify: z.ZodType<VerifyPolicy> = z
  .strictObject({
    replicaCount: integer(1, REPLICA_COUNT_MAX),
    replicaCountMax: integer(1, REPLICA_COUNT_MAX),
    quorum: integer(1, REPLICA_COUNT_MAX)
  })
  .refine(policy => policy.replicaCount <= policy.replicaCountMax, {
    path: ['replicaCountMax'],
    message: 'must not be below replicaCount'
  })
  .refine(policy => policy.quorum <= policy.replicaCount, {
    path: ['quorum'],
    message: 'must not be above replicaCount'
  })

/** Shape and ranges of a job spec. spec/job.md#fields */
export const jobSpecSchema: z.ZodType<JobSpec> = z.strictObject({
  version: z.literal(1),
  creator: peerId,
  nonce: integer(0, UINT32_MAX),
  name: text(NAME_LENGTH_MAX),
  manifest: cid,
  assetsSizeBytes: integer(0, ASSETS_SIZE_BYTES_MAX),
  work,
  verify,
  pricePerMegaUnitMax: amountFrom(1n),
  memoryBytes: sizeBytes,
  deadlineAfterMs: integer(DEADLINE_MS_MIN, DURATION_MS_MAX)
})

function frameCount(ranges: readonly FrameRange[]): number {
  return ranges.reduce((sum, range) => sum + range.last - range.first + 1, 0)
}

function subtaskCount({ frames, split }: RenderSpec): number {
  const batches = Math.ceil(frameCount(frames) / split.framesPerSubtask)
  return batches * split.tileColumns * split.tileRows * split.sampleRanges
}

function workUnits({ frames, widthPx, heightPx, samplesPerPixel }: RenderSpec): number {
  return frameCount(frames) * widthPx * heightPx * samplesPerPixel
}

/** Of the largest subtask. */
function resultSizeBytes({ frames, widthPx, heightPx, split }: RenderSpec): number {
  const framesMost = Math.min(frameCount(frames), split.framesPerSubtask)
  const pixels = Math.ceil(widthPx / split.tileColumns) * Math.ceil(heightPx / split.tileRows)
  return RESULT_HEADER_SIZE_BYTES + framesMost * (RASTER_HEADER_SIZE_BYTES + pixels * PIXEL_SIZE_BYTES)
}
