import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isRayswarmError, type JobId, RayswarmError } from '@rayswarm/interface'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { wholeNumber } from '../cli/options.ts'
import { writeWhole } from '../disk.ts'
import { present } from '../present.ts'
import { absolute } from '../swarm-file.ts'
import { assertThat } from './asserting.ts'
import { auditChain } from './chain-audit.ts'
import { check } from './checker.ts'
import { endTestnet } from './down.ts'
import { oneOf } from './faults.ts'
import { writeHistory } from './gather.ts'
import type { Laboratory } from './laboratory.ts'
import { HistoryTail, LiveView } from './live-view.ts'
import { isRunning } from './processes.ts'
import { publishJob } from './publish.ts'
import { outcomeOf } from './report-command.ts'
import { reportPage } from './report-page.ts'
import { readScenario, type Scenario, type Step } from './scenario.ts'
import { TESTNET_FILE } from './testnet-file.ts'
import { parseWitnesses } from './units.ts'
import { bringUp } from './up.ts'
import type { ActiveFault } from './world-state.ts'

const POLL_MS = 100
/** What a testnet leaves in its directory. */
const MADE_BY_RUN =
  /^(swarm\.json|chain\.log|chain(-state)?\.json|program|report\.html|creator|node-\d+|(lab|history|creator\.history|node-\d+\.history)\.jsonl)$/
const PULSE_MS = 1_000
/** After the money moved, results may still be on their way to the creator. */
const LAST_WORDS_MS = 1_000

export interface TestnetRunOptions extends CommonOptions {
  readonly dir?: string
  readonly peers?: string
  readonly seed?: string
  readonly byzantine?: string
  readonly witnesses?: string
  readonly subtasks?: string
  readonly latency?: string
  readonly layer: string
  readonly keep?: boolean
}

/** `rayswarm testnet run`: a testnet of its own for one scenario, from its start to the verdict. */
export async function testnetRun(path: string, options: TestnetRunOptions, io: CommandIo): Promise<Outcome> {
  const written = await readScenario(absolute(path))
  const { witnesses, subtasks } = options
  const scenario: Scenario = {
    ...written,
    job: {
      ...written.job,
      ...(witnesses === undefined ? {} : parseWitnesses(witnesses)),
      ...(subtasks === undefined ? {} : { subtaskCount: wholeNumber(subtasks, '--subtasks') })
    }
  }
  const dir = absolute(options.dir ?? join('.rayswarm', 'run', scenario.name))
  await forgetRun(dir)
  const lab = await bringUp(
    {
      dir,
      peerCount: options.peers === undefined ? scenario.peerCount : wholeNumber(options.peers, '--peers'),
      seed: options.seed ?? randomBytes(8).toString('hex'),
      byzantine: [scenario.byzantine, options.byzantine ?? ''].join(','),
      layer: oneOf(options.layer, ['auto', 'process', 'namespace'], '--layer'),
      host: '127.0.0.1',
      engine: { engine: scenario.job.engine, noopMs: scenario.noopMs, concurrency: scenario.concurrency },
      readyMs: scenario.readyMs,
      ...present({ latencyPath: options.latency })
    },
    io
  )
  let isClean = false
  try {
    lab.history.write({ event: 'scenario', scenario: scenario.name })
    await new Play(lab, scenario, dirname(absolute(path)), io).perform()
    lab.history.write({ event: 'ended' })
    const { path: history, events } = await writeHistory(lab)
    const verdict = check(events)
    isClean = verdict.violations.length === 0
    const report = join(dir, 'report.html')
    await writeWhole(report, reportPage(events, verdict), { thing: 'report' })
    return outcomeOf(verdict, { history, report })
  } finally {
    const { peers } = lab.file
    lab.close()
    await endTestnet(dir, io.signal.aborted)
    if (options.keep !== true && isClean)
      for (const { home } of peers) await rm(home, { recursive: true, force: true })
  }
}

/** An earlier run in the same directory left its chain and its keys: a job of the same name would have been published before. */
async function forgetRun(dir: string): Promise<void> {
  const names: readonly string[] = await readdir(dir).catch(() => [])
  if (!names.includes('lab.jsonl') || names.includes(TESTNET_FILE)) return
  for (const name of names)
    if (MADE_BY_RUN.test(name)) await rm(join(dir, name), { recursive: true, force: true })
}

/** A step that waits for its time. */
interface Pending {
  readonly step: Step
  readonly index: number
  /** When the step before it was taken. */
  previousAtMs: number | undefined
  nextAtMs: number | undefined
}

/** One performance of a scenario on a testnet that is up. */
class Play {
  readonly #lab: Laboratory
  readonly #scenario: Scenario
  readonly #dir: string
  readonly #io: CommandIo
  readonly #tail = new HistoryTail()
  readonly #view = new LiveView()
  readonly #ending = new Set<Promise<void>>()
  readonly #crashed = new Set<string>()
  #pending: Pending[]
  #publishedAtMs = 0
  #job: JobId = ''

  constructor(lab: Laboratory, scenario: Scenario, dir: string, io: CommandIo) {
    this.#lab = lab
    this.#scenario = scenario
    this.#dir = dir
    this.#io = io
    this.#pending = scenario.steps.map((step, index) => ({
      step,
      index,
      previousAtMs: undefined,
      nextAtMs: undefined
    }))
    for (const path of lab.historyPaths()) this.#tail.follow(path)
  }

  /** @throws {RayswarmError} `ERR_ABORTED`; what goes wrong with the scenario itself is written into the history */
  async perform(): Promise<void> {
    const { file, engine: _, ...job } = this.#scenario.job
    this.#job = await publishJob(
      this.#lab,
      { ...job, ...(file === undefined ? {} : { file: resolve(this.#dir, file) }) },
      this.#io.signal
    )
    this.#publishedAtMs = performance.now()
    for (let polls = 0; !this.#isOver(); polls++) {
      if (this.#io.signal.aborted)
        throw new RayswarmError('ERR_ABORTED', 'stopped in the middle of the scenario')
      this.#view.feed(this.#tail.read())
      if (polls % (PULSE_MS / POLL_MS) === 0) await this.#pulse()
      await this.#takeSteps()
      await delay(POLL_MS)
    }
    await Promise.all(this.#ending)
    await delay(LAST_WORDS_MS)
    await auditChain(this.#lab)
    for (const assertion of this.#scenario.assertions) await assertThat(this.#lab, assertion, this.#io.signal)
  }

  /** The job is settled and every step was taken, or the time is up. */
  #isOver(): boolean {
    if (this.#sinceMs() > this.#scenario.wallMs) return true
    const busy = this.#pending.length > 0 || this.#ending.size > 0
    return !busy && this.#view.job(this.#job).isSettled
  }

  #sinceMs(): number {
    return performance.now() - this.#publishedAtMs
  }

  async #takeSteps(): Promise<void> {
    // A step that counts from the one before it may become due by it: once through is enough, in order.
    for (const pending of [...this.#pending]) {
      const nowMs = this.#sinceMs()
      if (!this.#isDue(pending, nowMs)) continue
      const { everyMs, untilMs } = pending.step
      if (everyMs !== undefined && nowMs + everyMs <= (untilMs ?? 0)) pending.nextAtMs = nowMs + everyMs
      else this.#pending = this.#pending.filter(other => other !== pending)
      const after = this.#pending.find(({ index }) => index === pending.index + 1)
      if (after !== undefined) after.previousAtMs ??= nowMs
      await this.#take(pending.step, pending.index)
    }
  }

  #isDue({ step, previousAtMs, nextAtMs }: Pending, nowMs: number): boolean {
    if (nextAtMs !== undefined) return nowMs >= nextAtMs
    const job = this.#view.job(this.#job)
    const { at } = step
    switch (at.kind) {
      case 'published':
        return nowMs >= at.afterMs
      case 'previous':
        return (
          nowMs >=
          (previousAtMs ?? (step === this.#scenario.steps[0] ? 0 : Number.POSITIVE_INFINITY)) + at.afterMs
        )
      case 'progress':
        return job.subtaskCount > 0 && job.accepted.size >= at.share * job.subtaskCount
      case 'leases':
        return this.#view.leases.size >= at.count
      case 'settled':
        return job.isSettled
    }
  }

  async #take({ fault, assertion }: Step, index: number): Promise<void> {
    if (assertion !== undefined) {
      this.#background(assertThat(this.#lab, assertion, this.#io.signal))
      return
    }
    if (fault === undefined) return
    try {
      const active = await this.#lab.inflict(fault, this.#view)
      this.#note(active)
      if (fault.forMs !== undefined) this.#background(this.#endLater(active, fault.forMs))
    } catch (error) {
      // Nobody left to crash, nobody holds a lease: the scenario says something that cannot be done.
      if (!isRayswarmError(error)) throw error
      this.#lab.history.write({
        event: 'asserted',
        assertion: `step ${index + 1}: ${fault.kind}`,
        held: false,
        found: error.message
      })
    }
  }

  #background(work: Promise<unknown>): void {
    const ended: Promise<void> = work.then(
      () => void this.#ending.delete(ended),
      cause => {
        this.#ending.delete(ended)
        this.#lab.history.write({
          event: 'asserted',
          assertion: 'end of a fault',
          held: false,
          found: cause instanceof Error ? cause.message : String(cause)
        })
      }
    )
    this.#ending.add(ended)
  }

  async #endLater(active: ActiveFault, forMs: number): Promise<void> {
    await delay(forMs, undefined, { signal: this.#io.signal }).catch(() => {})
    // Until it runs again its old process is one that was ended on purpose.
    await this.#lab.end(active)
    if (active.fault.kind === 'crash') for (const name of active.targets) this.#crashed.delete(name)
  }

  /** Who was ended on purpose, and whose leases nobody holds any more. */
  #note({ fault, targets }: ActiveFault): void {
    if (fault.kind === 'crash')
      for (const name of targets) {
        this.#crashed.add(name)
        this.#view.forget(name)
      }
    if (fault.kind === 'restart') for (const name of targets) this.#crashed.delete(name)
  }

  /** Notice processes that ended by themselves, and say how far it is. */
  async #pulse(): Promise<void> {
    for (const own of this.#lab.file.processes) {
      if (this.#crashed.has(own.name) || (await isRunning(own))) continue
      const isReplaced = this.#lab.processOf(own.name)?.pid !== own.pid
      if (this.#crashed.has(own.name) || isReplaced) continue
      this.#crashed.add(own.name)
      this.#lab.history.write({ event: 'died', target: own.name })
    }
    const { accepted, subtaskCount } = this.#view.job(this.#job)
    const left = this.#pending.length
    this.#io.screen.show([
      `${Math.round(this.#sinceMs() / 1_000)} s: ${accepted.size} of ${subtaskCount} accepted, ${left} steps to come`
    ])
  }
}
