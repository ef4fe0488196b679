import type { Claim, Commit, CommitCert, Identity, PeerId, Release, Renew, Signed } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { sha256, toHex, type WireContext } from '@rayswarm/wire'
import {
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState
} from '../src/index.ts'
import {
  claim,
  commit,
  commitCert,
  contextOf,
  creator,
  grant,
  quorumSet,
  renew,
  rules,
  seal,
  witnessContexts
} from './fixtures.ts'

/** The rules under test; a mutant replaces one of them. */
export interface RuleSet {
  readonly onClaim: typeof onClaim
  readonly onRenew: typeof onRenew
  readonly onRelease: typeof onRelease
  readonly onCommit: typeof onCommit
  readonly onCert: typeof onCert
  /** What a witness knows after a restart. */
  readonly onRestart: (state: WitnessState) => WitnessState
}

export const RULES: RuleSet = { onClaim, onRenew, onRelease, onCommit, onCert, onRestart: state => state }

export interface World {
  /** Witnesses, how many of them must agree, how many of them lie. */
  readonly m: number
  readonly q: number
  readonly b: number
  readonly holderCount: number
  readonly fenceCount: number
  /** Holders lie too: each may seal this many different results. */
  readonly sealCount: number
  /** Let two leases of one fence pass, to see what follows from them. */
  readonly leasesMayClash?: boolean
}

export interface Finding {
  readonly invariant: string
  readonly trace: readonly string[]
}

export interface Exploration {
  readonly stateCount: number
  readonly broken?: Finding
}

type Outcome = Pick<Step<unknown>, 'state' | 'reply'>

/** Something that may reach a witness, any number of times, at any time, or never. */
interface Event {
  readonly name: string
  /** Evaluated before the lease at the witness lapsed, or after: clocks promise nothing here. */
  readonly late: boolean
  /** Bit of the promise or vote that the answer adds, if granted. */
  readonly promiseBit?: number
  readonly voteBit?: number
  /** Lease certificate, or commit certificate, that has to exist before anybody can send it. */
  readonly needsLease?: number
  readonly needsCommit?: number
  readonly run: (state: WitnessState, nowMs: number) => Outcome
  /** The rule this one step broke, if any. */
  readonly judge: (before: WitnessState, after: Outcome) => string | undefined
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
export function explore(ruleSet: RuleSet, world: World): Exploration {
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
    return { stateCount: queue.length, broken: { invariant, trace } }
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
        if (to.broken !== undefined) return found(to.broken, index, event, w)
        if (to.next === local && (promises | to.promiseBits) === promises && (votes | to.voteBits) === votes)
          continue

        const next = [...now]
        next.splice(w * 3, 3, to.next, promises | to.promiseBits, votes | to.voteBits)
        const broken = uniqueness(next, world, leases, commits)
        if (broken !== undefined) return found(broken, index, event, w)

        const key = keyOf(next)
        if (seen.has(key)) continue
        if (queue.length >= STATES_MAX) throw new RangeError(`more than ${STATES_MAX} states`)
        seen.add(key)
        parents.push({ parent: index, event, w })
        queue.push(next)
      }
    }
  }
  return { stateCount: queue.length }
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
    const { holder, grant: _, ...rest } = state
    const times = {
      expiresAtMs: holder === undefined ? 0 : LAPSE_MS,
      claimedAtMs: 0,
      etaMs: 8_000,
      progressBps: 0
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

function contentOf(commitment: { holder: PeerId; seal: Uint8Array } | undefined): string | undefined {
  return commitment && `${commitment.holder} ${commitment.seal}`
}

/** What no step may do, whatever the event. */
function brokenRule(before: WitnessState, after: WitnessState): string | undefined {
  if (after.fence < before.fence) return 'fence went backwards'
  if (before.register && contentOf(before.register.body) !== contentOf(after.register?.body))
    return 'register written twice'
  if (before.cert && contentOf(before.cert) !== contentOf(after.cert)) return 'certificate replaced'
  return undefined
}

function eventsOf(rules: RuleSet, world: World): { events: Event[]; leases: number; commits: number } {
  const ownerMode = world.m === 1
  const members = ownerMode ? [creator] : witnessContexts.slice(0, world.m)
  const set = { ...quorumSet(world.m, world.q), members: members.map(w => w.identity.peerId) }
  const self = members[0]!
  const known = rulesFor(self, set)
  const holders = ['alice', 'bob', 'carol'].slice(0, world.holderCount).map(contextOf)
  const quorum = members.slice(0, world.q)

  const events: Event[] = [restartEvent(rules)]
  holders.forEach((holder, h) => {
    for (let f = 0; f < world.fenceCount; f++) {
      const lease = f * world.holderCount + h
      const over = { fence: f + 1, ...(ownerMode && { grant: grant(holder) }) }
      const { grant: _, ...free } = claim(holder, over)
      events.push(...claimEvents(rules, known, ownerMode ? claim(holder, over) : free, lease))
      events.push(...holdEvents(rules, known, renew(holder, { fence: f + 1 })))

      for (let s = 0; s < world.sealCount; s++) {
        const value = h * world.sealCount + s
        const over = { fence: f + 1, seal: seal(`seal ${s}`) }
        const good = commit(holder, over, quorum)
        const bare = commit(holder, over, quorum.slice(1))
        events.push(...commitEvents(rules, known, good, holders, value, lease), bareEvent(rules, known, bare))
        if (f === 0)
          events.push(certEvent(rules, known, commitCert(holder, quorum, { seal: over.seal }), value))
      }
    }
  })
  return {
    events,
    leases: world.fenceCount * world.holderCount,
    commits: world.holderCount * world.sealCount
  }
}

function rulesFor(self: WireContext, witnesses: WitnessRules['witnesses']): WitnessRules {
  const context = { ...self, identity: remembering(self.identity) }
  return rules({ witnesses, self: self.identity.peerId, context })
}

const verified = new Map<string, boolean>()

/** The same few signatures are checked thousands of times over. */
function remembering(identity: Identity): Identity {
  const verify: Identity['verify'] = (signer, bytes, signature) => {
    const key = `${signer} ${toHex(sha256(bytes, signature))}`
    const known = verified.get(key) ?? identity.verify(signer, bytes, signature)
    verified.set(key, known)
    return known
  }
  return { peerId: identity.peerId, sign: bytes => identity.sign(bytes), verify }
}

const BOTH = [false, true]
const label = (holder: PeerId): string => holder.slice(-4)

function restartEvent({ onRestart }: RuleSet): Event {
  return {
    name: 'restart',
    late: false,
    run: state => ({ state: onRestart(state), reply: { granted: true, value: {} } }),
    judge: () => undefined
  }
}

function claimEvents({ onClaim }: RuleSet, known: WitnessRules, asked: Claim, bit: number): Event[] {
  return BOTH.map(late => ({
    name: `claim ${label(asked.holder)} fence ${asked.fence}${late ? ' after the lapse' : ''}`,
    late,
    promiseBit: bit,
    run: (state, nowMs) => onClaim(state, asked, asked.holder, nowMs, known),
    judge: (before, { state, reply }) => {
      if (!reply.granted) return undefined
      const other = before.holder !== undefined && before.holder !== state.holder
      if (!late && other) return 'a running lease changed hands'
      if (before.cert !== undefined) return 'a closed replica was leased'
      const shown = (reply.value as { register?: Signed<Commit> }).register
      return contentOf(shown?.body) === contentOf(before.register?.body)
        ? undefined
        : 'the register was hidden'
    }
  }))
}

function holdEvents({ onRenew, onRelease }: RuleSet, known: WitnessRules, asked: Renew): Event[] {
  const { replica, holder, fence } = asked
  const release: Release = { replica, holder, fence }
  const judge: Event['judge'] = (before, { state }) =>
    state.holder !== before.holder && before.holder !== holder ? 'a running lease changed hands' : undefined
  const name = `${label(holder)} fence ${fence}`
  return [
    { name: `renew ${name}`, late: false, run: (s, nowMs) => onRenew(s, asked, holder, nowMs, known), judge },
    {
      name: `release ${name}`,
      late: false,
      run: (s, nowMs) => onRelease(s, release, holder, nowMs, known),
      judge
    }
  ]
}

function commitEvents(
  { onCommit }: RuleSet,
  known: WitnessRules,
  asked: Signed<Commit>,
  senders: readonly WireContext[],
  voteBit: number,
  needsLease: number
): Event[] {
  const { holder, fence } = asked.body
  return senders.flatMap(({ identity: { peerId: from } }) =>
    BOTH.map(late => ({
      name: `commit ${label(holder)} fence ${fence} value ${voteBit} from ${label(from)}${late ? ' after the lapse' : ''}`,
      late,
      voteBit,
      needsLease,
      run: (state: WitnessState, nowMs: number) => onCommit(state, asked, from, nowMs, known),
      judge: (before: WitnessState, { state, reply }: Outcome) => {
        const stranger = before.holder !== undefined && before.holder !== holder && before.holder !== from
        if (!late && stranger && before.register === undefined && state.register !== undefined)
          return 'a stranger committed while a lease ran'
        if (!reply.granted) return undefined
        return contentOf(state.register?.body) === contentOf(asked.body)
          ? undefined
          : 'a vote beside the register'
      }
    }))
  )
}

/** A commit whose lease certificate is one promise short. */
function bareEvent({ onCommit }: RuleSet, known: WitnessRules, asked: Signed<Commit>): Event {
  return {
    name: `commit ${label(asked.body.holder)} without a lease`,
    late: true,
    run: (state, nowMs) => onCommit(state, asked, asked.body.holder, nowMs, known),
    judge: (before, { state }) =>
      before.register === undefined && state.register !== undefined ? 'a commit without a lease' : undefined
  }
}

function certEvent({ onCert }: RuleSet, known: WitnessRules, cert: CommitCert, needsCommit: number): Event {
  return {
    name: `certificate of ${label(cert.holder)}`,
    late: false,
    needsCommit,
    run: state => onCert(state, cert, known),
    judge: () => undefined
  }
}
