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
}

/** What one witness remembers, and all it ever signed: its promises and its votes as bit sets. */
interface Seat {
  readonly id: number
  readonly local: number
  readonly promises: number
  readonly votes: number
}

interface Move<To> {
  readonly event: Event
  readonly to: To
  readonly broken?: string | undefined
}

const STATES_MAX = 2_000_000
/** One UTF-16 unit in a key. */
const SEAT_ID_MAX = 0xffff
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
  const seats = new Seats(new LocalStates(events))
  const honest = world.m - world.b

  type Global = readonly Seat[]
  const start: Global = Array.from({ length: honest }, () => seats.first)
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
    const leased = certified(now, 'promises', leases, world)
    const closed = certified(now, 'votes', commits, world)

    for (let w = 0; w < honest; w++) {
      const seat = now[w]!
      // What happens to one of two that are alike may as well happen to the other.
      if (now.indexOf(seat) < w) continue
      for (const { event, to, broken } of seats.moves(seat)) {
        if (event.needsLease !== undefined && (leased & (1 << event.needsLease)) === 0) continue
        if (event.needsCommit !== undefined && (closed & (1 << event.needsCommit)) === 0) continue
        if (broken !== undefined && !world.stepsMayBreak) return found(broken, index, event, w)
        if (to === seat) continue

        const next = now.with(w, to)
        const key = keyOf(next)
        if (seen.has(key)) continue
        const clash = uniqueness(next, world, leases, commits)
        if (clash !== undefined) return found(clash, index, event, w)
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
function keyOf(seats: readonly Seat[]): string {
  return String.fromCharCode(...seats.map(({ id }) => id).sort((a, b) => a - b))
}

/** Bit set of the certificates that can be put together: honest signatures plus everything liars sign. */
function certified(seats: readonly Seat[], field: 'promises' | 'votes', count: number, world: World): number {
  let certificates = 0
  for (let bit = 0; bit < count; bit++) {
    let signatures = world.b
    for (const seat of seats) if ((seat[field] & (1 << bit)) !== 0) signatures++
    if (signatures >= world.q) certificates |= 1 << bit
  }
  return certificates
}

function uniqueness(
  seats: readonly Seat[],
  world: World,
  leases: number,
  commits: number
): string | undefined {
  const closed = certified(seats, 'votes', commits, world)
  if ((closed & (closed - 1)) !== 0) return 'two commit certificates'

  if (world.leasesMayClash) return undefined
  const leased = certified(seats, 'promises', leases, world)
  for (let fence = 0; fence < world.fenceCount; fence++) {
    const holders = (leased >> (fence * world.holderCount)) & ((1 << world.holderCount) - 1)
    if ((holders & (holders - 1)) !== 0) return 'two lease certificates for one fence'
  }
  return undefined
}

/** Every seat there can be, and where each event takes it. */
class Seats {
  readonly #locals: LocalStates
  readonly #seats = new Map<string, Seat>()
  readonly #moves: (readonly Move<Seat>[] | undefined)[] = []

  constructor(locals: LocalStates) {
    this.#locals = locals
  }

  get first(): Seat {
    return this.#intern(0, 0, 0)
  }

  /** Every event that changes something, or breaks a rule. */
  moves(seat: Seat): readonly Move<Seat>[] {
    this.#moves[seat.id] ??= this.#locals
      .moves(seat.local)
      .map(({ event, broken, to: { next, promiseBits, voteBits } }) => {
        return { event, broken, to: this.#intern(next, seat.promises | promiseBits, seat.votes | voteBits) }
      })
      .filter(({ to, broken }) => to !== seat || broken !== undefined)
    return this.#moves[seat.id]!
  }

  #intern(local: number, promises: number, votes: number): Seat {
    const key = `${local} ${promises} ${votes}`
    const known = this.#seats.get(key)
    if (known !== undefined) return known
    const seat = { id: this.#seats.size, local, promises, votes }
    if (seat.id > SEAT_ID_MAX) throw new RangeError('more seats than a key can name')
    this.#seats.set(key, seat)
    return seat
  }
}

/** The states one witness can be in, and what each event does to them. */
class LocalStates {
  readonly #events: readonly Event[]
  readonly #states: WitnessState[] = []
  readonly #ids = new Map<string, number>()
  readonly #moves: (readonly Move<Transition>[] | undefined)[] = []

  constructor(events: readonly Event[]) {
    this.#events = events
    this.#intern(VACANT)
  }

  /** What every event does to a witness in this state, evaluated once. */
  moves(local: number): readonly Move<Transition>[] {
    this.#moves[local] ??= this.#events.map(event => this.#evaluate(local, event))
    return this.#moves[local]
  }

  #evaluate(local: number, event: Event): Move<Transition> {
    const before = this.#states[local]!
    const after = event.run(before, event.late ? LAPSE_MS : EARLY_MS)
    const to = {
      next: this.#intern(after.state),
      promiseBits: after.reply.granted && event.promiseBit !== undefined ? 1 << event.promiseBit : 0,
      voteBits: after.reply.granted && event.voteBit !== undefined ? 1 << event.voteBit : 0
    }
    return { event, to, broken: brokenRule(before, after.state) ?? event.judge(before, after) }
  }

  /** Times are abstracted to "runs until LAPSE_MS"; an event decides by its clock whether that is over. */
  #intern(state: WitnessState): number {
    const { holder, price: _, releasedBy: __, ...rest } = state
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
