import { type FrameRange, RayswarmError, type RenderSpec } from '@rayswarm/interface'
import { FRAME_COUNT_MAX } from '@rayswarm/params'

const RANGE = /^(\d{1,7})(?:\s*-\s*(\d{1,7}))?$/
/** Longer text is not looked at. */
const TEXT_LENGTH_MAX = 100_000

/**
 * Frames named by text such as `1-24, 30`: ascending, without repetition.
 *
 * @throws {RayswarmError} `ERR_FRAMES_EMPTY` if it names none, `ERR_JOB_INVALID` if it is not of that form
 */
export function parseFrames(text: string): number[] {
  if (text.length > TEXT_LENGTH_MAX) throw invalid(`${text.slice(0, 40)}…`, 'is too long')
  const parts = text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
  const frames = new Set<number>()
  for (const part of parts) {
    const match = RANGE.exec(part)
    if (match === null)
      throw invalid(text, `has a part that is no frame and no range: "${part.slice(0, 40)}"`)
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (first > last) throw invalid(text, `has a range that runs backwards: "${part}"`)
    if (last - first >= FRAME_COUNT_MAX) throw invalid(text, `names more than ${FRAME_COUNT_MAX} frames`)
    for (let frame = first; frame <= last; frame++) frames.add(frame)
    if (frames.size > FRAME_COUNT_MAX) throw invalid(text, `names more than ${FRAME_COUNT_MAX} frames`)
  }
  if (frames.size === 0) throw framesEmpty(text)
  return [...frames].sort((a, b) => a - b)
}

/** Every frame of a job, ascending. */
export function framesOf(spec: Pick<RenderSpec, 'frames'>): number[] {
  const frames: number[] = []
  for (const { first, last } of spec.frames)
    for (let frame = first; frame <= last; frame++) frames.push(frame)
  return frames
}

/** The one list of ranges for a set of frames. */
export function rangesOf(frames: Iterable<number>): FrameRange[] {
  const ranges: { first: number; last: number }[] = []
  for (const frame of [...new Set(frames)].sort((a, b) => a - b)) {
    const range = ranges.at(-1)
    if (range !== undefined && range.last + 1 === frame) range.last = frame
    else ranges.push({ first: frame, last: frame })
  }
  return ranges
}

/** The error of a job that names no frame. */
export function framesEmpty(value: unknown): RayswarmError {
  return new RayswarmError('ERR_FRAMES_EMPTY', 'the job names no frame', {
    thing: 'frames',
    value,
    remedy: 'Name at least one frame, e.g. "1" or "1-24".'
  })
}

function invalid(value: string, what: string): RayswarmError {
  return new RayswarmError('ERR_JOB_INVALID', `frames "${value.slice(0, 80)}" ${what}`, {
    thing: 'frames',
    value,
    remedy: `Write frames like "1-24,30", ascending, at most ${FRAME_COUNT_MAX}.`
  })
}
