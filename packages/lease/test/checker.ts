import { params } from '@rayswarm/params'
import { VACANT, type WitnessState } from '../src/index.ts'
import { contentOf, type Event, eventsOf, type RuleSet, type World } from './events.ts'

export interface Finding {
  readonly invariant: string
  readonly trace: readonly string[]
}

export interface Exploration {
  readonly stateCount: number
  /** False if the bound came first: then every state within some number of steps was visited. */
  readonly complete: boolean
  readonly broken?: Finding
}

interface Transition {
  readonly next: number
  readonly promiseBits: number
  readonly voteBits: number
  readonly broken?: string
}

interface Move {
  readonly event: Event
  readonly to: Transition
}

const STATES_MAX = 2_000_000
const EARLY_MS = 0
const LAPSE_MS = params.minimal.promiseTermMs

/**
 * Visit every state that `m - b` honest witnesses can reach together, whatever arrives in whatever order, and stop at
 * the first broken invariant. Liars sign anything; messages are lost, repeated and delayed at will.
 *
 * The rules run for real, signatures included; each (state of a witness, event) is evaluated once and remembered.
 */
export function explore(ruleSet: RuleSet, world: World, stateCountMax = STATES_MAX): Exploration {
  const { events, leases, commits } = eventsOf(ruleSet, world)
  const locals = new LocalStates(events)
  const honest = world.m - world.b

  type Global = readonly number[] // per honest witness: local state, promise bits, vote bits
  const start: Global = Array.from({ length: honest }, () => [0, 0, 0]).flat()
  const seen = new Set([keyOf(start)])
  const queue: Global[] = [start]
  const parents: ({ parent: number; event: Event; w: number } | undefined)[] = [undefined]

  const found = (invariant: string, index: number, event: Event, w: number): Exploration => {
    const trace = [`${event.name} at witness ${w}`]
    for (let step = parents[index]; step !== undefined; step = parents[step.parent])
      trace.unshift(`${step.event.name} at witness ${step.w}`)
    return { stateCount: queue.length, complete: false, broken: { invariant, trace } }
  }

  for (let index = 0; index < queue.length; index++) {
    const now = queue[index]!
    const leased = certified(now, 1, leases, world)
    const closed = certified(now, 2, commits, world)

    for (let w = 0; w < honest; w++) {
      const [local, promises, votes] = [now[w * 3]!, now[w * 3 + 1]!, now[w * 3 + 2]!]
      for (const { event, to } of locals.moves(local)) {
        if (event.needsLease !== undefined && (leased & (1 << event.needsLease)) === 0) continue
        if (event.needsCommit !== undefined && (closed & (1 << event.needsCommit)) === 0) continue
        if (to.broken !== undefined && !world.stepsMayBreak) return found(to.broken, index, event, w)
        if (to.next === local && (promises | to.promiseBits) === promises && (votes | to.voteBits) === votes)
          continue

        const next = [...now]
        next.splice(w * 3, 3, to.next, promises | to.promiseBits, votes | to.voteBits)
        const broken = uniqueness(next, world, leases, commits)
        if (broken !== undefined) return found(broken, index, event, w)

        const key = keyOf(next)
        if (seen.has(key)) continue
        if (queue.length >= stateCountMax) return { stateCount: queue.length, complete: false }
        seen.add(key)
        parents.push({ parent: index, event, w })
        queue.push(next)
      }
    }
  }
  return { stateCount: queue.length, complete: true }
}

/** A finding for people to read: one numbered step per line, and what they came to. */
export function printFinding({ invariant, trace }: Finding): string {
  return [...trace.map((step, index) => `${index + 1}. ${step}`), `=> ${invariant}`].join('\n')
}

/** Witnesses are alike, so their order does not matter. */
function keyOf(global: readonly number[]): string {
  const parts: string[] = []
  for (let i = 0; i < global.length; i += 3) parts.push(`${global[i]}.${global[i + 1]}.${global[i + 2]}`)
  return parts.sort().join(' ')
}

/** Bit set of the certificates that can be put together: honest signatures plus everything liars sign. */
function certified(global: readonly number[], offset: number, count: number, world: World): number {
  let certificates = 0
  for (let bit = 0; bit < count; bit++) {
    let signatures = world.b
    for (let i = offset; i < global.length; i += 3) if ((global[i]! & (1 << bit)) !== 0) signatures++
    if (signatures >= world.q) certificates |= 1 << bit
  }
  return certificates
}

function uniqueness(
  global: readonly number[],
  world: World,
  leases: number,
  commits: number
): string | undefined {
  const closed = certified(global, 2, commits, world)
  if ((closed & (closed - 1)) !== 0) return 'two commit certificates'

  if (world.leasesMayClash) return undefined
  const leased = certified(global, 1, leases, world)
  for (let fence = 0; fence < world.fenceCount; fence++) {
    const holders = (leased >> (fence * world.holderCount)) & ((1 << world.holderCount) - 1)
    if ((holders & (holders - 1)) !== 0) return 'two lease certificates for one fence'
  }
  return undefined
}

/** The states one witness can be in, and what each event does to them. */
class LocalStates {
  readonly #events: readonly Event[]
  readonly #states: WitnessState[] = []
  readonly #ids = new Map<string, number>()
  readonly #moves: (readonly Move[] | undefined)[] = []

  constructor(events: readonly Event[]) {
    this.#events = events
    this.#intern(VACANT)
  }

  /** Every event that does something to a witness in this state, evaluated once. */
  moves(local: number): readonly Move[] {
    this.#moves[local] ??= this.#events
      .map(event => ({ event, to: this.#evaluate(local, event) }))
      .filter(({ to }) => to.next !== local || to.promiseBits + to.voteBits > 0 || to.broken !== undefined)
    return this.#moves[local]
  }

  #evaluate(local: number, event: Event): Transition {
    const before = this.#states[local]!
    const after = event.run(before, event.late ? LAPSE_MS : EARLY_MS)
    const broken = brokenRule(before, after.state) ?? event.judge(before, after)
    return {
      next: this.#intern(after.state),
      promiseBits: after.reply.granted && event.promiseBit !== undefined ? 1 << event.promiseBit : 0,
      voteBits: after.reply.granted && event.voteBit !== undefined ? 1 << event.voteBit : 0,
      ...(broken !== undefined && { broken })
    }
  }

  /** Times are abstracted to "runs until LAPSE_MS"; an event decides by its clock whether that is over. */
  #intern(state: WitnessState): number {
    const { holder, grant: _, releasedBy: __, ...rest } = state
    const times = {
      expiresAtMs: holder === undefined ? 0 : LAPSE_MS,
      claimedAtMs: 0,
      etaMs: 8_000,
      progressBps: 0,
      progressedAtMs: 0,
      waitedMs: 0
    }
    const normal: WitnessState = { ...rest, ...times, ...(holder !== undefined && { holder }) }
    const key = JSON.stringify([normal.fence, holder, contentOf(state.register?.body), contentOf(state.cert)])
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    this.#states.push(normal)
    this.#ids.set(key, this.#states.length - 1)
    return this.#states.length - 1
  }
}

function brokenRule(before: WitnessState, after: WitnessState): string | undefined {
  if (after.fence < before.fence) return 'fence went backwards'
  if (before.register && contentOf(before.register.body) !== contentOf(after.register?.body))
    return 'register written twice'
  if (before.cert && contentOf(before.cert) !== contentOf(after.cert)) return 'certificate replaced'
  return undefined
}
