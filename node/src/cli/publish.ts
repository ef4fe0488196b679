import { join as joinPath } from 'node:path'
import { type Amount, type JobId, RayswarmError, type WitnessRule } from '@rayswarm/interface'
import type { PublishedJob } from '@rayswarm/peer'
import { jobIdOf } from '@rayswarm/wire'
import { framesOf } from '@rayswarm/workload'
import pc from 'picocolors'
import type { Host } from '../compose.ts'
import { present } from '../present.ts'
import { type Creator, defaultOutDir, follow, openOutDir, withCreator } from '../publish/creator.ts'
import { finish } from '../publish/finish.ts'
import { type CheckedJob, checkJob, type JobInput, readJobInput, specOf } from '../publish/job-input.ts'
import { budgetFor, ensureFunds } from '../publish/money.ts'
import { absolute } from '../swarm-file.ts'
import { formatTokens, parseTokens } from '../tokens.ts'
import type { CommandIo, Outcome } from './command.ts'
import { homeOf, hostInitOf } from './host-init.ts'
import { homeDir, type NetworkOptions, sizeBytes, swarmOf, wholeNumber, witnessRuleOf } from './options.ts'
import { shortJob } from './screen.ts'

/** Frames of results that were accepted before a restart are fetched from our own disk: this is plenty. */
const LAST_FRAMES_TIMEOUT_MS = 60_000
const AGAIN = 'Give the same command with the same data directory: the job goes on.'
const LOST = 'Publish the job once more with --again.'

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
  const outDir = absolute(options.out ?? defaultOutDir(name))
  await openOutDir(outDir)
  const init = { host: hostInitOf(options, io), startedAtMs }
  const home = await homeOf(absolute(options.data ?? joinPath(homeDir(), 'creator')), swarm, options, io)
  const prepared = { checked, name, outDir, amount, ...present({ witness }) }
  return await withCreator(home, init, io, async creator => {
    const published = await offer(creator, prepared, options, io)
    io.screen.say(`job ${published.job}; Ctrl+C leaves it open, the same command takes it up again`)
    const rest = { outDir, lastFramesTimeoutMs: LAST_FRAMES_TIMEOUT_MS, again: AGAIN, lost: LOST }
    return await finish(published, creator, { ...rest, ...present({ timeoutMs }) }, io)
  })
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

/** Find out whether the job is under way already; if not, pay for it and offer it. */
async function offer(
  creator: Creator,
  prepared: Prepared,
  options: PublishOptions,
  io: CommandIo
): Promise<PublishedJob> {
  const { host, records, pictures } = creator
  const { checked, amount, name, outDir } = prepared
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
  follow(creator, published.job, framesOf(published.spec.work).length)
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
