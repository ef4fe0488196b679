import { type JobId, RayswarmError } from '@rayswarm/interface'
import type { JobReport, PublishedJob } from '@rayswarm/peer'
import { framesOf } from '@rayswarm/workload'
import type { CommandIo, Outcome } from '../cli/command.ts'
import type { Creator } from './creator.ts'
import type { PictureDir, Pictures } from './pictures.ts'

/** How long and how a command waits for its job. */
export interface FinishInit {
  readonly outDir: string
  /** Absent: for ever. */
  readonly timeoutMs?: number
  /** Once the job is settled, its last pictures may take this long. */
  readonly lastFramesTimeoutMs: number
  /** What to do about a job that is still open when the command ends… */
  readonly again: string
  /** …and about a settled one of which pictures are missing. */
  readonly lost: string
}

/** Wait for a job's end, and write down everything that came of it. */
export async function finish(
  published: PublishedJob,
  creator: Creator,
  init: FinishInit,
  io: CommandIo
): Promise<Outcome> {
  const { pictures, records, startedAtMs } = creator
  const { job, spec } = published
  const dir = pictures.expect(job, init.outDir)
  const report = await settled(published, dir, creator, init, io)
  if (report.end === 'complete') await allWritten(dir, framesOf(spec.work).length, pictures, init, io)
  await records.put({ job, name: spec.name, outDir: init.outDir, settled: true })
  const wallSeconds = (performance.now() - startedAtMs) / 1_000
  const { deliver } = await import('./deliver.ts')
  const { json, text } = await deliver({ report, spec, dir, wallSeconds, signal: io.signal })
  return { json, text, exitCode: report.end === 'complete' ? 0 : 1 }
}

/** Wait for the job's end, however that comes. */
async function settled(
  { job, done }: PublishedJob,
  dir: PictureDir,
  { pictures, progress }: Creator,
  { timeoutMs, again }: FinishInit,
  io: CommandIo
): Promise<JobReport> {
  let timer: NodeJS.Timeout | undefined
  const ended = new Promise<never>((_, reject) => {
    const stop = (): void =>
      reject(
        new RayswarmError('ERR_ABORTED', `stopped; job ${job} is still open`, {
          thing: 'job',
          value: job,
          remedy: again
        })
      )
    if (io.signal.aborted) stop()
    io.signal.addEventListener('abort', stop, { once: true })
    if (timeoutMs !== undefined)
      timer = setTimeout(() => reject(tooLate(job, timeoutMs, progress, again)), timeoutMs)
    pictures.onChange((changed, frame) => {
      if (pictures.failure !== undefined) return reject(pictures.failure)
      if (changed === dir) progress.frameWritten(frame, dir.frames.size, dir.frames.get(frame)?.[0] ?? '')
    })
  })
  try {
    return await Promise.race([done, ended])
  } finally {
    clearTimeout(timer)
  }
}

function tooLate(
  job: JobId,
  timeoutMs: number,
  { grantCount, acceptedCount }: Creator['progress'],
  remedy: string
): RayswarmError {
  const seconds = timeoutMs / 1_000
  return grantCount === 0 && acceptedCount === 0
    ? new RayswarmError('ERR_NO_NODES', `no node bid for the job within ${seconds} s`, {
        thing: 'job',
        value: job,
        remedy: `Check the bootstrap addresses, or raise pricePerMegaUnitMax. ${remedy}`
      })
    : new RayswarmError('ERR_TIMEOUT', `the job is not finished after ${seconds} s`, {
        thing: 'job',
        value: job,
        remedy
      })
}

/** After a restart, frames of earlier results may still be on their way to the disk when the job is settled. */
async function allWritten(
  dir: PictureDir,
  frameCount: number,
  pictures: Pictures,
  { lastFramesTimeoutMs, lost }: FinishInit,
  io: CommandIo
): Promise<void> {
  await pictures.written()
  const late = AbortSignal.any([io.signal, AbortSignal.timeout(lastFramesTimeoutMs)])
  while (dir.frames.size < frameCount && pictures.failure === undefined && !late.aborted)
    await new Promise<void>(resolve => {
      pictures.onChange(() => resolve())
      late.addEventListener('abort', () => resolve(), { once: true })
    })
  if (pictures.failure !== undefined) throw pictures.failure
  if (dir.frames.size < frameCount)
    throw new RayswarmError('ERR_TIMEOUT', `only ${dir.frames.size} of ${frameCount} frames were written`, {
      thing: 'output directory',
      value: dir.outDir,
      remedy: lost
    })
}
