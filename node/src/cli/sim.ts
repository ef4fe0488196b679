import { RayswarmError } from '@rayswarm/interface'
import { runSeeds } from '../sim/children.ts'
import { summarize } from '../sim/run-seeds.ts'
import { changed, SCENARIOS, type Scenario } from '../sim/scenarios.ts'
import { Timeline } from '../sim/timeline.ts'
import { World } from '../sim/world.ts'
import type { CommandIo, CommonOptions, Outcome } from './command.ts'
import { EXIT } from './failure.ts'
import { wholeNumber, witnessRuleOf } from './options.ts'
import { tableOf } from './table.ts'

const SEED_MAX = Number.MAX_SAFE_INTEGER
const SEED_COUNT_MAX = 1_000_000
const JOB_COUNT_MAX = 64
const PEER_COUNT_MAX = 1_000
const REPLICA_COUNT_MAX = 20_000
const SHOWN_FAILURE_COUNT_MAX = 5

/** Options of every command that lets a scenario live. */
interface ScenarioOptions extends CommonOptions {
  readonly scenario: string
  readonly peers?: string
  readonly replicas?: string
  readonly witnesses?: string
}

export interface SimRunOptions extends ScenarioOptions {
  readonly seeds: string
  readonly jobs: string
}

export interface SimReplayOptions extends ScenarioOptions {
  readonly seed: string
  readonly trace?: boolean
  readonly full?: boolean
}

/** Many worlds of one scenario. */
export async function simRun(options: SimRunOptions, io: CommandIo): Promise<Outcome> {
  const scenario = scenarioOf(options)
  const seeds = seedRange(options.seeds)
  const jobCount = bounded(options.jobs, '--jobs', 1, JOB_COUNT_MAX)
  const startedAtMs = performance.now()
  let [doneCount, failedCount] = [0, 0]
  const results = await runSeeds(scenario, seeds, {
    jobCount,
    signal: io.signal,
    onResult: ({ violations }) => {
      doneCount++
      if (violations.length > 0) failedCount++
      const worldCount = seeds.last - seeds.first + 1
      io.screen.show([`${scenario.name}: ${doneCount} of ${worldCount} worlds, ${failedCount} failed`])
    }
  })
  const wallSeconds = (performance.now() - startedAtMs) / 1_000
  const report = summarize(results)
  const json = {
    scenario: scenario.name,
    ...report,
    wallSeconds,
    worldsPerMinute: (60 * report.worlds) / wallSeconds,
    worldsPerCpuMinute: (60 * report.worlds) / report.cpuSeconds
  }
  const failures = report.failures
    .slice(0, SHOWN_FAILURE_COUNT_MAX)
    .map(({ seed, violations }) => `seed ${seed}: ${violations.join('; ')}`)
  const text = [
    `${report.worlds} worlds of ${scenario.name}, ${report.failingSeeds.length} failed, ${report.crashes} crashes, ${report.messages} messages`,
    `${json.worldsPerMinute.toFixed(0)} worlds per minute, ${json.worldsPerCpuMinute.toFixed(0)} per minute of one core`,
    `trace ${report.traceHash}`,
    ...failures
  ]
  if (failures.length > 0)
    text.push(
      `replay: rayswarm sim replay --scenario ${scenario.name} --seed ${report.failingSeeds[0]} --trace`
    )
  const exitCode = report.violations > 0 ? EXIT.failure : EXIT.ok
  return { json, text: text.join('\n'), exitCode }
}

/** One world again, with everything that happened in it. */
export async function simReplay(options: SimReplayOptions, io: CommandIo): Promise<Outcome> {
  const scenario = scenarioOf(options)
  const seed = bounded(options.seed, '--seed', 0, SEED_MAX)
  // The timeline needs the world's names, and the world its listener.
  let print: (lines: readonly string[]) => void = () => {}
  const world = new World({ ...scenario.world, seed }, record => print(timeline.add(record)))
  const names = new Map(world.hosts.map(({ peerId, name }) => [peerId, name]))
  const timeline = new Timeline({
    startedAtMs: world.clock.nowMs(),
    nameOf: peer => names.get(peer) ?? peer,
    full: options.full === true
  })
  if (options.trace === true || options.full === true) {
    let isRead = true
    // `| head` has seen enough; the world lives on, for its checks.
    process.stdout.on('error', () => {
      isRead = false
    })
    print = lines => {
      for (const line of lines) if (isRead && !io.signal.aborted) process.stdout.write(`${line}\n`)
    }
  }
  const { report, ...outcome } = await world.run(scenario.untilMs)
  print(timeline.end())
  const { subtaskCount, acceptedCount, end } = report ?? {}
  const json = {
    scenario: scenario.name,
    ...outcome,
    ...(report === undefined ? {} : { end, subtasks: subtaskCount, accepted: acceptedCount })
  }
  const text = [
    `${scenario.name}, seed ${seed}: ${(outcome.virtualMs / 1_000).toFixed(1)} s, ${outcome.messageCount} messages, ${outcome.crashCount} crashes`,
    report === undefined
      ? 'no report of the creator'
      : `${acceptedCount} of ${subtaskCount} subtasks accepted`,
    `trace ${outcome.traceHash}`,
    ...(outcome.violations.length === 0
      ? ['nothing violated']
      : outcome.violations.map(v => `VIOLATED: ${v}`))
  ]
  return { json, text: text.join('\n'), exitCode: outcome.violations.length > 0 ? EXIT.failure : EXIT.ok }
}

/** The scenarios there are. */
export async function simScenarios(): Promise<Outcome> {
  const scenarios = [...SCENARIOS.values()].map(({ name, about, world }) => ({
    name,
    about,
    peers: world.nodeCount + 1,
    frames: world.job.frames,
    witness: world.witness
  }))
  const rows = scenarios.map(({ name, about, peers }) => [name, String(peers), about])
  return { json: { scenarios }, text: tableOf(['scenario', 'peers', 'what happens'], rows) }
}

function scenarioOf({ scenario: name, peers, replicas, witnesses }: ScenarioOptions): Scenario {
  const scenario = SCENARIOS.get(name)
  if (scenario === undefined)
    throw new RayswarmError('ERR_USAGE', `there is no scenario "${name}"`, {
      thing: '--scenario',
      value: name,
      remedy: `Take one of ${[...SCENARIOS.keys()].join(', ')}; \`rayswarm sim scenarios\` says what they are.`
    })
  const made = changed(scenario, {
    ...(peers === undefined ? {} : { peerCount: bounded(peers, '--peers', 2, PEER_COUNT_MAX) }),
    ...(replicas === undefined
      ? {}
      : { replicaCount: bounded(replicas, '--replicas', 2, REPLICA_COUNT_MAX) }),
    ...(witnesses === undefined ? {} : { witness: witnessRuleOf(witnesses) })
  })
  checkPeers(made)
  return made
}

/** Enough nodes for the adversaries, the witnesses and somebody honest. */
function checkPeers({ world }: Scenario): void {
  const { nodeCount, liarCount = 0, adversaries = [], witness } = world
  const misbehaving = adversaries.reduce((sum, { count }) => sum + count, liarCount)
  const least = Math.max(misbehaving + 2, witness?.witnessCount ?? 1) + 1
  if (nodeCount + 1 < least)
    throw new RayswarmError('ERR_USAGE', `${nodeCount + 1} peers are too few for this scenario`, {
      thing: '--peers',
      value: nodeCount + 1,
      remedy: `Give at least --peers ${least}.`
    })
}

function seedRange(text: string): { first: number; last: number } {
  const [, first, last = first] = /^(\d{1,16})(?:\.\.(\d{1,16}))?$/.exec(text) ?? []
  const range = { first: Number(first), last: Number(last) }
  const isRange = range.first <= range.last && range.last <= SEED_MAX
  if (isRange && range.last - range.first < SEED_COUNT_MAX) return range
  throw new RayswarmError('ERR_USAGE', `--seeds "${text}" is no range of at most ${SEED_COUNT_MAX} seeds`, {
    thing: '--seeds',
    value: text,
    remedy: 'Give the first and the last one, like --seeds 1..1000, or a single one.'
  })
}

function bounded(text: string, option: string, min: number, max: number): number {
  const value = wholeNumber(text, option, min)
  if (value <= max) return value
  throw new RayswarmError('ERR_USAGE', `${option} ${text} is more than ${max}`, {
    thing: option,
    value: text,
    remedy: `Give at most ${option} ${max}.`
  })
}
