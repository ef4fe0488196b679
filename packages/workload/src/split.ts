import type { JobSpec, Rect, RenderWork, SampleRange, Subtask } from '@rayswarm/interface'
import { SUBTASK_COUNT_MAX } from '@rayswarm/params'
import { cidOf, jobIdOf } from '@rayswarm/wire'
import { framesOf } from './frames.ts'
import { invalidField } from './invalid.ts'

/** What was cut already: every role of a peer asks for the same list. */
const known = new WeakMap<JobSpec, readonly Subtask[]>()

/**
 * Cut a job into its subtasks. Every peer derives the same list: frames outermost, then tiles row by row, then sample ranges.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID` if there would be more than `SUBTASK_COUNT_MAX`
 * @see spec/job.md#subtasks
 */
export function split(spec: JobSpec): readonly Subtask[] {
  let subtasks = known.get(spec)
  if (subtasks === undefined) {
    subtasks = subtasksOf(spec)
    known.set(spec, subtasks)
  }
  return subtasks
}

function subtasksOf(spec: JobSpec): readonly Subtask[] {
  const { work } = spec
  const batches = batchesOf(framesOf(work), work.split.framesPerSubtask)
  const count = batches.length * work.split.tileColumns * work.split.tileRows * work.split.sampleRanges
  if (count > SUBTASK_COUNT_MAX)
    throw invalidField('split', count, `must give at most ${SUBTASK_COUNT_MAX} subtasks`, 'job spec')

  const job = jobIdOf(spec)
  const tiles = tilesOf(work.widthPx, work.heightPx, work.split.tileColumns, work.split.tileRows)
  const ranges = sampleRangesOf(work.samplesPerPixel, work.split.sampleRanges)
  const subtasks: Subtask[] = []
  for (const frames of batches)
    for (const tile of tiles)
      for (const samples of ranges) {
        const index = subtasks.length
        const part: RenderWork = { kind: 'render', frames, tile, samples }
        const workUnits = frames.length * tile.widthPx * tile.heightPx * (samples.to - samples.from)
        subtasks.push({ id: cidOf({ job, index, work: part }), job, index, work: part, workUnits })
      }
  return subtasks
}

/** Tiles row by row from the top left. They cover the frame exactly and differ by at most one pixel a side. */
export function tilesOf(widthPx: number, heightPx: number, columns: number, rows: number): Rect[] {
  const tiles: Rect[] = []
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const xPx = cut(widthPx, column, columns)
      const yPx = cut(heightPx, row, rows)
      tiles.push({
        xPx,
        yPx,
        widthPx: cut(widthPx, column + 1, columns) - xPx,
        heightPx: cut(heightPx, row + 1, rows) - yPx
      })
    }
  return tiles
}

function sampleRangesOf(sampleCount: number, rangeCount: number): SampleRange[] {
  return Array.from({ length: rangeCount }, (_, i) => ({
    from: cut(sampleCount, i, rangeCount),
    to: cut(sampleCount, i + 1, rangeCount)
  }))
}

function batchesOf(frames: readonly number[], batchSize: number): number[][] {
  const batches: number[][] = []
  for (let i = 0; i < frames.length; i += batchSize) batches.push(frames.slice(i, i + batchSize))
  return batches
}

/** Where the `i`-th of `count` even parts of `length` begins. */
function cut(length: number, i: number, count: number): number {
  return Math.floor((length * i) / count)
}
