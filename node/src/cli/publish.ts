import { join as joinPath } from 'node:path'
import { type Amount, type JobId, RayswarmError, type WitnessRule } from '@rayswarm/interface'
import type { JobReport, PublishedJob } from '@rayswarm/peer'
import { jobIdOf } from '@rayswarm/wire'
import { framesOf } from '@rayswarm/workload'
import pc from 'picocolors'
import { type Host, openHost } from '../compose.ts'
import { requireWritable, sweepPartials } from '../disk.ts'
import { present } from '../present.ts'
import type { Delivered } from '../publish/deliver.ts'
import { type CheckedJob, checkJob, type JobInput, readJobInput, specOf } from '../publish/job-input.ts'
import { JobRecords } from '../publish/job-records.ts'
import { budgetFor, ensureFunds } from '../publish/money.ts'
import { FRAMES_DIR, type PictureDir, Pictures } from '../publish/pictures.ts'
import { JobProgress } from '../publish/progress.ts'
import { StatusBoard } from '../status/board.ts'
import { serveStatus } from '../status/endpoint.ts'
import { absolute } from '../swarm-file.ts'
import { formatTokens, parseTokens } from '../tokens.ts'
import type { CommandIo, Outcome } from './command.ts'
import { homeOf, hostInitOf } from './host-init.ts'
import { homeDir, type NetworkOptions, sizeBytes, swarmOf, wholeNumber, witnessRuleOf } from './options.ts'
import { shortJob } from './screen.ts'

/** Frames of results that were accepted before a restart are fetched from our own disk: this is plenty. */
const LAST_FRAMES_TIMEOUT_MS = 60_000

export interface PublishOptions extends NetworkOptions {
  readonly out?: string
  readonly frames?: string
  readonly width?: string
  readonly height?: string
  readonly samples?: string
  readonly memory?: string
  readonly budget?: string
  readonly witnesses?: string
  readonly again?: boolean
  readonly timeout?: string
  readonly yes?: boolean
}

/** A job that stands ready to be offered. */
interface Prepared {
  readonly checked: CheckedJob
  readonly name: string
  readonly outDir: string
  readonly amount: Amount
  readonly records: JobRecords
  readonly pictures: Pictures
  readonly progress: JobProgress
  readonly startedAtMs: number
  readonly witness?: WitnessRule
}

/** `rayswarm publish`: one job, from its file to its pictures and its receipt. */
export async function publish(file: string, options: PublishOptions, io: CommandIo): Promise<Outcome> {
  const startedAtMs = performance.now()
  const timeoutMs =
    options.timeout === undefined ? undefined : wholeNumber(options.timeout, '--timeout') * 1_000
  const budget = options.budget === undefined ? undefined : parseTokens(options.budget, '--budget')
  const witness = options.witnesses === undefined ? undefined : witnessRuleOf(options.witnesses)
  const input = await inputOf(file, options)
  const swarm = await swarmOf(options)
  const checked = await check(input)
  const { name } = input
  const amount = budgetFor(checked.quote.budget, budget)
  for (const warning of checked.warnings) io.screen.say(`${pc.yellow('warning')} ${warning}`)
  const outDir = absolute(options.out ?? joinPath('out', name.replace(/[^\w.-]+/g, '-')))
  await requireWritable(outDir, 'output directory')
  await sweepPartials(outDir)
  await sweepPartials(joinPath(outDir, FRAMES_DIR))
  const init = hostInitOf(options, io)
  const dir = absolute(options.data ?? joinPath(homeDir(), 'creator'))
  const home = await homeOf(dir, swarm, options, io)
  const records = await JobRecords.open(dir)
  const pictures = new Pictures()
  const progress = new JobProgress(io)
  for (const record of records.open()) pictures.expect(record.job, record.outDir)
  const board = new StatusBoard()
  const host = await openHost(home, {
    ...init,
    onPeer: peer => {
      board.watch(peer)
      pictures.watch(peer)
      progress.watch(peer)
    }
  })
  try {
    const status = await serveStatus(host, board)
    try {
      const prepared = {
        checked,
        name,
        outDir,
        amount,
        records,
        pictures,
        progress,
        startedAtMs,
        ...present({ witness })
      }
      return await carry(host, prepared, { ...options, ...present({ timeoutMs }) }, io)
    } finally {
      await status.close()
    }
  } finally {
    await pictures.written()
    await host.stop()
  }
}

/** The job, as file and command line describe it. */
async function inputOf(file: string, options: PublishOptions): Promise<JobInput> {
  const number = (text: string | undefined, option: string): number | undefined =>
    text === undefined ? undefined : wholeNumber(text, option)
  return await readJobInput(
    file,
    present({
      frames: options.frames,
      widthPx: number(options.width, '--width'),
      heightPx: number(options.height, '--height'),
      samplesPerPixel: number(options.samples, '--samples'),
      memoryBytes: options.memory === undefined ? undefined : sizeBytes(options.memory, '--memory')
    })
  )
}

/** Everything that can be wrong with the job itself. */
async function check(input: JobInput): Promise<CheckedJob> {
  const [{ sceneFiles }, { openEngines }] = await Promise.all([
    import('@rayswarm/runner-pathtracer'),
    import('../host/engines.ts')
  ])
  return await checkJob(input, openEngines(), sceneFiles)
}

async function carry(
  host: Host,
  prepared: Prepared,
  options: PublishOptions & { readonly timeoutMs?: number },
  io: CommandIo
): Promise<Outcome> {
  const { pictures, records, startedAtMs } = prepared
  io.tell({ event: 'ready', peerId: host.swarm.network.peerId, addresses: host.swarm.network.addresses() })
  const published = await offer(host, prepared, options, io)
  const { job, spec } = published
  const frames = framesOf(spec.work)
  const dir = pictures.expect(job, prepared.outDir)
  io.screen.say(`job ${job}; Ctrl+C leaves it open, the same command takes it up again`)
  const report = await settled(published, dir, prepared, options.timeoutMs, io)
  if (report.end === 'complete') await allWritten(dir, frames.length, pictures, io)
  await records.put({ job, name: prepared.name, outDir: prepared.outDir, settled: true })
  const wallSeconds = (performance.now() - startedAtMs) / 1_000
  const { deliver } = await import('../publish/deliver.ts')
  const delivered = await deliver({ report, spec, dir, wallSeconds, signal: io.signal })
  return outcomeOf(report, delivered)
}

/** Find out whether the job is under way already; if not, pay for it and offer it. */
async function offer(
  host: Host,
  prepared: Prepared,
  options: PublishOptions,
  io: CommandIo
): Promise<PublishedJob> {
  const { checked, records, amount, progress, pictures, name, outDir } = prepared
  const { quote, sources, file } = checked
  const specFor = (assets: Parameters<typeof specOf>[1]) =>
    records.unsettled(nonce => specOf(file, assets, nonce), options.again === true)
  io.screen.say(
    `quote: ${quote.subtaskCount} subtasks, at most ${formatTokens(quote.budget)} tokens; what is not paid out returns`
  )
  const known = records.open().length > 0 ? await underWay(host, sources, specFor) : undefined
  if (known === undefined) {
    await confirm(amount, options, host, io)
    await ensureFunds(host.home, amount, io)
  } else io.screen.say(`taking up job ${shortJob(known)} where it was left`)
  if (io.signal.aborted) throw new RayswarmError('ERR_ABORTED', 'stopped before anything was locked')
  const published = await host.peer.publish({
    sources,
    budget: amount,
    ...present({ witness: prepared.witness }),
    spec: assets => {
      const spec = specFor(assets)
      pictures.expect(jobIdOf(spec), outDir)
      return spec
    }
  })
  await records.put({ job: published.job, name, outDir, settled: false })
  const tracks = host.peer.creator.get(published.job)!.driver.state
  progress.follow(published.job, {
    subtaskCount: tracks.tracks.length,
    acceptedCount: tracks.count('accepted'),
    frameCount: framesOf(published.spec.work).length
  })
  return published
}

async function underWay(
  host: Host,
  sources: CheckedJob['sources'],
  specFor: (assets: Parameters<typeof specOf>[1]) => ReturnType<typeof specOf>
): Promise<JobId | undefined> {
  const { cid, manifest } = await host.assets.add(sources)
  const assetsSizeBytes = manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
  const job = jobIdOf(specFor({ manifest: cid, assetsSizeBytes, creator: host.swarm.network.peerId }))
  return host.peer.creator.get(job)?.job
}

/** Real money is locked only with consent. */
async function confirm(amount: Amount, options: PublishOptions, host: Host, io: CommandIo): Promise<void> {
  if (options.yes === true || host.home.swarm.faucetKey !== undefined) return
  const question = `Lock ${formatTokens(amount)} tokens in escrow?`
  if (process.stdin.isTTY !== true || io.json)
    throw new RayswarmError('ERR_USAGE', `${question} Nobody is there to answer`, {
      thing: '--yes',
      value: formatTokens(amount),
      remedy: 'Add --yes to lock the quote without being asked.'
    })
  const { confirm: ask } = await import('@clack/prompts')
  const answer = await ask({ message: question, output: process.stderr, signal: io.signal })
  if (answer !== true) throw new RayswarmError('ERR_ABORTED', 'nothing was locked')
}

/** Wait for the job's end, however that comes. */
async function settled(
  published: PublishedJob,
  dir: PictureDir,
  { pictures, progress }: Prepared,
  timeoutMs: number | undefined,
  io: CommandIo
): Promise<JobReport> {
  const { job } = published
  const again = 'Give the same command with the same data directory: the job goes on.'
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
      timer = setTimeout(() => reject(tooLate(job, timeoutMs, progress.grantCount, again)), timeoutMs)
    pictures.onChange((changed, frame) => {
      if (pictures.failure !== undefined) return reject(pictures.failure)
      if (changed === dir) progress.frameWritten(frame, dir.frames.size, dir.frames.get(frame)?.[0] ?? '')
    })
  })
  try {
    return await Promise.race([published.done, ended])
  } finally {
    clearTimeout(timer)
  }
}

function tooLate(job: JobId, timeoutMs: number, grantCount: number, remedy: string): RayswarmError {
  const seconds = timeoutMs / 1_000
  return grantCount === 0
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
  io: CommandIo
): Promise<void> {
  await pictures.written()
  const late = AbortSignal.any([io.signal, AbortSignal.timeout(LAST_FRAMES_TIMEOUT_MS)])
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
      remedy: 'Publish the job once more with --again.'
    })
}

function outcomeOf(report: JobReport, delivered: Delivered): Outcome {
  const { json, text } = delivered
  return { json, text, exitCode: report.end === 'complete' ? 0 : 1 }
}
