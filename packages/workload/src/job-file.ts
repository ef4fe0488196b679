import type {
  Amount,
  Cid,
  JobSpec,
  PeerId,
  RenderOutput,
  RenderSplit,
  VerifyPolicy
} from '@rayswarm/interface'
import { FRAME_COUNT_MAX, TOKEN_DECIMALS } from '@rayswarm/params'
import { isAssetPath, jobSpecSchema } from '@rayswarm/wire'
import { z } from 'zod'
import { framesEmpty, parseFrames, rangesOf } from './frames.ts'
import { invalidField, parseOrThrow } from './invalid.ts'

const GIB = 1024 ** 3
const HOUR_MS = 3_600_000
const NAME_LENGTH_MAX = 128

/** What a person writes in `job.json`. Everything but the scene has a default. spec/job.md#job-file */
export interface JobFile {
  /** Path of the scene, relative to the job file. */
  readonly scene: string
  readonly name?: string
  readonly engine?: string
  /** `"1-24,30"`, or a list. */
  readonly frames?: string | readonly number[]
  readonly framesPerSecond?: number
  readonly widthPx?: number
  readonly heightPx?: number
  readonly samplesPerPixel?: number
  readonly maxBounces?: number
  readonly seed?: number
  readonly camera?: string
  readonly output?: Partial<RenderOutput>
  readonly split?: Partial<RenderSplit>
  readonly verify?: Partial<VerifyPolicy>
  /** In tokens, as decimal text. */
  readonly pricePerMegaUnitMax?: string
  readonly memoryBytes?: number
  readonly deadlineAfterMs?: number
}

/** What a job file does not say about a job. */
export interface JobContext {
  readonly creator: PeerId
  readonly manifest: Cid
  readonly assetsSizeBytes: number
  /** 0 unless the same work is published again. */
  readonly nonce: number
}

/** What stands for the fields a job file leaves out. spec/job.md#job-file */
export const JOB_DEFAULTS = {
  engine: 'pathtracer',
  frames: '1',
  framesPerSecond: 24,
  widthPx: 1_280,
  heightPx: 720,
  samplesPerPixel: 64,
  maxBounces: 8,
  seed: 0,
  output: { exposureStops: 0, toneMap: 'aces', exr: 'half' },
  split: { framesPerSubtask: 1, tileColumns: 1, tileRows: 1, sampleRanges: 1 },
  verify: { replicaCount: 2, replicaCountMax: 4, quorum: 2 },
  pricePerMegaUnitMax: '0.05',
  memoryBytes: GIB,
  deadlineAfterMs: HOUR_MS
} as const satisfies Omit<JobFile, 'scene' | 'name' | 'camera'>

const text = z.string('must be text').exactOptional()
const number = z.number('must be a number').exactOptional()

/** Object of known fields only. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: issue => (issue.code === 'invalid_type' ? 'must be an object' : undefined)
  })
}

const jobFileSchema = section({
  scene: z.custom<string>(isAssetPath, 'must be a relative path with / between its parts'),
  name: text,
  engine: text,
  frames: z
    .union(
      [z.string().min(1), z.array(z.int()).min(1).max(FRAME_COUNT_MAX)],
      `must be text like "1-24,30" or a list of at most ${FRAME_COUNT_MAX} whole numbers`
    )
    .exactOptional(),
  framesPerSecond: number,
  widthPx: number,
  heightPx: number,
  samplesPerPixel: number,
  maxBounces: number,
  seed: number,
  camera: text,
  output: section({
    exposureStops: number,
    toneMap: z.enum(['aces', 'linear'], 'must be "aces" or "linear"').exactOptional(),
    exr: z.enum(['none', 'half', 'float'], 'must be "none", "half" or "float"').exactOptional()
  }).exactOptional(),
  split: section({
    framesPerSubtask: number,
    tileColumns: number,
    tileRows: number,
    sampleRanges: number
  }).exactOptional(),
  verify: section({ replicaCount: number, replicaCountMax: number, quorum: number }).exactOptional(),
  pricePerMegaUnitMax: text,
  memoryBytes: number,
  deadlineAfterMs: number
})

/**
 * Judge what a person wrote in `job.json`, already parsed as JSON. A leading `./` of the scene is taken off.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID`, `ERR_FRAMES_EMPTY` or `ERR_PATH_ESCAPES`, with field, value and remedy
 */
export function parseJobFile(value: unknown): JobFile {
  const file = parseOrThrow<JobFile>(jobFileSchema, withPlainScene(value), 'job file')
  if (typeof file.frames === 'string') parseFrames(file.frames)
  if (file.pricePerMegaUnitMax !== undefined) amountOf(file.pricePerMegaUnitMax)
  return file
}

/**
 * The job a file describes, defaults filled in.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID`, `ERR_FRAMES_EMPTY` or `ERR_PATH_ESCAPES`, with field, value and remedy
 */
export function jobSpecOf(file: JobFile, context: JobContext): JobSpec {
  const d = JOB_DEFAULTS
  const frames = file.frames ?? d.frames
  const listed = typeof frames === 'string' ? parseFrames(frames) : frames
  if (listed.length === 0) throw framesEmpty(frames)
  const spec = {
    version: 1,
    creator: context.creator,
    nonce: context.nonce,
    name: file.name ?? nameOf(file.scene),
    manifest: context.manifest,
    assetsSizeBytes: context.assetsSizeBytes,
    work: {
      kind: 'render',
      engine: file.engine ?? d.engine,
      entry: file.scene,
      frames: rangesOf(listed),
      framesPerSecond: file.framesPerSecond ?? d.framesPerSecond,
      widthPx: file.widthPx ?? d.widthPx,
      heightPx: file.heightPx ?? d.heightPx,
      samplesPerPixel: file.samplesPerPixel ?? d.samplesPerPixel,
      maxBounces: file.maxBounces ?? d.maxBounces,
      seed: file.seed ?? d.seed,
      ...(file.camera === undefined ? {} : { camera: file.camera }),
      output: { ...d.output, ...file.output },
      split: { ...d.split, ...file.split }
    },
    verify: { ...d.verify, ...file.verify },
    pricePerMegaUnitMax: amountOf(file.pricePerMegaUnitMax ?? d.pricePerMegaUnitMax),
    memoryBytes: file.memoryBytes ?? d.memoryBytes,
    deadlineAfterMs: file.deadlineAfterMs ?? d.deadlineAfterMs
  }
  return parseOrThrow(jobSpecSchema, spec, 'job file')
}

/**
 * Judge a job spec.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID`, `ERR_FRAMES_EMPTY` or `ERR_PATH_ESCAPES`, with field, value and remedy
 */
export function parseJobSpec(value: unknown): JobSpec {
  return parseOrThrow(jobSpecSchema, value, 'job spec')
}

/** Tokens as decimal text, in base units. */
function amountOf(tokens: string): Amount {
  const match = new RegExp(`^(\\d{1,14})(?:\\.(\\d{1,${TOKEN_DECIMALS}}))?$`).exec(tokens)
  const rule = `must be an amount in tokens with at most ${TOKEN_DECIMALS} decimals, above zero`
  if (match === null) throw invalidField('pricePerMegaUnitMax', tokens, rule, 'job file')
  const amount = BigInt(match[1]! + (match[2] ?? '').padEnd(TOKEN_DECIMALS, '0'))
  if (amount === 0n) throw invalidField('pricePerMegaUnitMax', tokens, rule, 'job file')
  return amount
}

/** The scene's file name without its ending. */
function nameOf(scene: string): string {
  const file = scene.slice(scene.lastIndexOf('/') + 1)
  return (file.replace(/(?<=.)\.[^.]*$/, '') || file).slice(0, NAME_LENGTH_MAX)
}

function withPlainScene(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('scene' in value)) return value
  const { scene } = value
  const plain = typeof scene === 'string' ? scene.replace(/^(?:\.\/)+/, '') : scene
  // Otherwise as it was written, for the error to show.
  return isAssetPath(plain) ? { ...value, scene: plain } : value
}
