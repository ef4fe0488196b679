import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import { z } from 'zod'
import { diskFailure } from '../disk.ts'
import { present } from '../present.ts'
import { type AssertionText, parseAssertion } from './assertions.ts'
import { type Fault, type FaultText, parseFault } from './faults.ts'
import { requireSelector } from './targets.ts'
import { parseSpanMs, parseWitnesses } from './units.ts'

const STEP_COUNT_MAX = 1_000
const PEER_COUNT_MAX = 128
const SUBTASK_COUNT_MAX = 10_000

/** When a step is due. */
export type Trigger =
  | { readonly kind: 'published'; readonly afterMs: number }
  | { readonly kind: 'previous'; readonly afterMs: number }
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'leases'; readonly count: number }
  | { readonly kind: 'settled' }

/** One step of a scenario. */
export interface Step {
  readonly at: Trigger
  /** Repeat at this interval… */
  readonly everyMs?: number
  /** …until this long after the job was published. */
  readonly untilMs?: number
  readonly fault?: Fault
  readonly assertion?: AssertionText
}

/** What is published. */
export interface ScenarioJob {
  readonly engine: 'noop' | 'pathtracer'
  readonly subtaskCount: number
  /** Job or scene file, relative to the scenario; `pathtracer` only. */
  readonly file?: string
  readonly witnessCount: number
  readonly witnessQuorum: number
  readonly replicaCount: number
  readonly replicaCountMax: number
  readonly quorum: number
  readonly deadlineMs: number
}

/** Timed faults and assertions on one job. spec/testnet.md#scenario */
export interface Scenario {
  readonly name: string
  readonly description: string
  /** Peers to run it with, unless the command line says otherwise. */
  readonly peerCount: number
  /** Duration of one execution of the `noop` engine. */
  readonly noopMs: number
  /** Executions side by side. */
  readonly concurrency: number
  /** `kind:n[,kind:n]` */
  readonly byzantine: string
  readonly job: ScenarioJob
  readonly steps: readonly Step[]
  readonly assertions: readonly AssertionText[]
  /** The run is given up this long after the job was published. */
  readonly wallMs: number
  readonly readyMs: number
}

const text = z.string().max(1_024)
const count = (max: number) => z.int().min(1).max(max)
const targets = z.union([text, z.array(text).max(64)], 'must be text or a list of texts')

const stepSchema = z.strictObject({
  at: text,
  every: text.exactOptional(),
  until: text.exactOptional(),
  assert: text.exactOptional(),
  fault: text.exactOptional(),
  targets: targets.exactOptional(),
  against: targets.exactOptional(),
  direction: text.exactOptional(),
  loss: text.exactOptional(),
  latency: text.exactOptional(),
  jitter: text.exactOptional(),
  rate: text.exactOptional(),
  as: text.exactOptional(),
  skew: text.exactOptional(),
  drift: text.exactOptional(),
  fresh: z.boolean().exactOptional(),
  for: text.exactOptional()
})

const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z\d][a-z\d-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9 and -')
    .exactOptional(),
  description: text.default(''),
  peers: count(PEER_COUNT_MAX).default(8),
  noopMs: z.int().min(0).max(600_000).default(1_000),
  concurrency: count(64).default(1),
  byzantine: text.default(''),
  job: z
    .strictObject({
      engine: z.enum(['noop', 'pathtracer'], 'must be noop or pathtracer').default('noop'),
      subtasks: count(SUBTASK_COUNT_MAX).default(20),
      file: text.exactOptional(),
      witnesses: text.default('1/1'),
      replicas: count(8).default(1),
      replicasMax: count(8).exactOptional(),
      quorum: count(8).default(1),
      deadline: text.default('15m')
    })
    .prefault({}),
  steps: z.array(stepSchema).max(STEP_COUNT_MAX).default([]),
  assertions: z.array(text).max(100).default(['accepted all', 'paid-twice 0', 'violations 0']),
  limits: z.strictObject({ wall: text.default('5m'), ready: text.default('2m') }).prefault({})
})

/**
 * Read a scenario.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`; `ERR_USAGE` naming the line or the step that is wrong
 */
export async function readScenario(path: string): Promise<Scenario> {
  const source = await readFile(path, 'utf8').catch(error => {
    throw diskFailure(error, 'scenario', path)
  })
  return parseScenario(source, path)
}

/** Understand a scenario; `path` names it in errors. Everything that can be wrong is found before anything is started. */
export function parseScenario(source: string, path: string): Scenario {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch (cause) {
    throw invalid(path, `not JSON: ${(cause as Error).message}`, 'Correct the file.')
  }
  const parsed = schema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw invalid(
      path,
      `${whereOf(issue.path)}: ${issue.message}`,
      'spec/testnet.md#scenario lists the fields.'
    )
  }
  const { job, limits, steps, assertions, ...rest } = parsed.data
  const within = <T>(where: string, needle: string | undefined, read: () => T): T => {
    try {
      return read()
    } catch (error) {
      if (!isRayswarmError(error)) throw error
      const line = needle === undefined ? undefined : lineOf(source, needle)
      const place = line === undefined ? where : `${where}, line ${line}`
      throw new RayswarmError('ERR_USAGE', `scenario ${path}, ${place}: ${error.message}`, {
        thing: error.thing ?? 'scenario',
        value: error.value,
        ...present({ remedy: error.remedy })
      })
    }
  }
  return {
    name: rest.name ?? basename(path).replace(/\.[^.]*$/, ''),
    description: rest.description,
    peerCount: rest.peers,
    noopMs: rest.noopMs,
    concurrency: rest.concurrency,
    byzantine: rest.byzantine,
    job: within('job', job.deadline, () => jobOf(job)),
    steps: steps.map((step, index) =>
      within(`step ${index + 1}`, step.fault ?? step.assert ?? step.at, () => stepOf(step))
    ),
    assertions: assertions.map((line, index) =>
      within(`assertion ${index + 1}`, line, () => parseAssertion(line))
    ),
    wallMs: within('limits', limits.wall, () => parseSpanMs(limits.wall, 'wall')),
    readyMs: within('limits', limits.ready, () => parseSpanMs(limits.ready, 'ready'))
  }
}

function jobOf(job: z.infer<typeof schema>['job']): ScenarioJob {
  const witnesses = parseWitnesses(job.witnesses)
  if (job.engine === 'pathtracer' && job.file === undefined)
    throw new RayswarmError('ERR_USAGE', 'a pathtracer job needs a file', {
      thing: 'job.file',
      remedy: 'Name a scene or a job file, relative to the scenario.'
    })
  return {
    engine: job.engine,
    subtaskCount: job.subtasks,
    ...witnesses,
    replicaCount: job.replicas,
    replicaCountMax: job.replicasMax ?? job.replicas,
    quorum: job.quorum,
    deadlineMs: parseSpanMs(job.deadline, 'deadline'),
    ...present({ file: job.file })
  }
}

function stepOf(step: z.infer<typeof stepSchema>): Step {
  const { at, every, until, assert, ...rest } = step
  if ((assert === undefined) === (rest.fault === undefined))
    throw new RayswarmError('ERR_USAGE', 'a step is either a fault or an assertion', {
      thing: 'step',
      remedy: 'Give it a "fault" or an "assert".'
    })
  const fault = rest.fault === undefined ? undefined : parseFault(rest as FaultText)
  for (const selector of [...(fault?.targets ?? []), ...(fault?.against ?? [])]) requireSelector(selector)
  const everyMs = every === undefined ? undefined : parseSpanMs(every, 'every')
  const untilMs = until === undefined ? undefined : parseSpanMs(until, 'until')
  if ((everyMs === undefined) !== (untilMs === undefined) || (everyMs ?? 1) <= 0)
    throw new RayswarmError('ERR_USAGE', 'a repeated step needs "every" and "until"', {
      thing: 'step',
      remedy: 'Like "every": "5s", "until": "60s".'
    })
  return {
    at: triggerOf(at),
    ...present({
      everyMs,
      untilMs,
      fault,
      assertion: assert === undefined ? undefined : parseAssertion(assert)
    })
  }
}

function triggerOf(at: string): Trigger {
  const [, percent] = /^progress (\d{1,3})\s*%$/.exec(at) ?? []
  if (percent !== undefined && Number(percent) <= 100)
    return { kind: 'progress', share: Number(percent) / 100 }
  const [, leases] = /^leases (\d{1,5})$/.exec(at) ?? []
  if (leases !== undefined) return { kind: 'leases', count: Number(leases) }
  if (at === 'settled') return { kind: 'settled' }
  const afterMs = /^\+?\d/.test(at) ? parseSpanMs(at.replace(/^\+/, ''), 'at') : undefined
  if (afterMs !== undefined) return { kind: at.startsWith('+') ? 'previous' : 'published', afterMs }
  throw new RayswarmError('ERR_USAGE', `"${at}" is no time of a step`, {
    thing: 'at',
    value: at,
    remedy:
      'Write 20s (after the publication), +5s (after the step before), progress 20%, leases 4 or settled.'
  })
}

/** Line of the first place where the file has this text. */
function lineOf(source: string, needle: string): number | undefined {
  const index = source.indexOf(JSON.stringify(needle))
  return index < 0 ? undefined : source.slice(0, index).split('\n').length
}

function whereOf(path: readonly PropertyKey[]): string {
  if (path[0] === 'steps' && typeof path[1] === 'number')
    return [`step ${path[1] + 1}`, ...path.slice(2).map(String)].join(': ')
  return path.map(String).join('.') || 'file'
}

function invalid(path: string, message: string, remedy: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `scenario ${path}, ${message}`, {
    thing: 'scenario',
    value: path,
    remedy
  })
}
