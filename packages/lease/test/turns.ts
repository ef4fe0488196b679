import type {
  Claim,
  LeaseCert,
  LeasePromise,
  PeerId,
  Refusal,
  Release,
  Renew,
  RenewAck
} from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import fc from 'fast-check'
import { type Step, VACANT, type WitnessRules, type WitnessState } from '../src/index.ts'
import { RACE_JUMP_GAPS } from '../src/race.ts'
import { leaseTermMs, leaseTotalMs } from '../src/timing.ts'
import type { Finding } from './checker.ts'
import { type RuleSet, remembering } from './events.ts'
import { contextOf, grant, leaseCert, PRICE, quorumRules, replica, witnessContexts } from './fixtures.ts'

const { minimal } = params
const HOLDERS = ['alice', 'bob', 'carol', 'stranger', 'twin'].map(contextOf)
const [STRANGER, TWIN] = [HOLDERS[3]!.identity.peerId, HOLDERS[4]!.identity.peerId]
const ETA_MS_MAX = 6_000
const WANTED_AT_MS = 2_000
const GRANT_PRICE = 3n
const GRANTS = HOLDERS.map(holder => grant(holder, { price: GRANT_PRICE }))

const leases = new Map<string, LeaseCert>()

/** A certificate of two other witnesses. */
function leaseOf(holder: number, fence: number): LeaseCert {
  const key = `${holder} ${fence}`
  const known = leases.get(key) ?? leaseCert(HOLDERS[holder]!, witnessContexts.slice(1, 3), { fence })
  leases.set(key, known)
  return known
}

interface Action {
  readonly kind: 'claim' | 'renew' | 'prove' | 'release'
  readonly holder: number
  /** Relative to the last fence at the witness. */
  readonly step: number
  readonly granted: boolean
  readonly etaMs: number
  readonly progress: 'same' | 'more'
  readonly waitMs: number
}

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('claim', 'claim', 'claim', 'renew', 'renew', 'prove', 'release', 'release'),
  holder: fc.constantFrom(0, 0, 1, 1, 2, 3, 4),
  step: fc.constantFrom(0, 1, 1, 1, 1, 2, 5),
  granted: fc.constantFrom(false, false, true),
  etaMs: fc.constantFrom(1_000, 4_000, 4_000, ETA_MS_MAX, ETA_MS_MAX + 1),
  progress: fc.constantFrom('same', 'same', 'more'),
  waitMs: fc.constantFrom(0, 1, 499, 500, 999, 1_000, 1_500, 3_999, 4_000)
})

/** One holder with the creator's word that will not let go. A uniform draw almost never comes so far. */
const squat: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('claim', 'renew', 'renew', 'renew', 'prove', 'release'),
  holder: fc.constant(0),
  step: fc.constant(1),
  granted: fc.constant(true),
  etaMs: fc.constant(4_000),
  progress: fc.constantFrom('same', 'same', 'same', 'more'),
  waitMs: fc.constantFrom(1, 999, 2_500, 3_999)
})

/** Two that want it, and come when a turn of somebody's comes. */
const contend: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('claim', 'claim', 'renew', 'release'),
  holder: fc.constantFrom(0, 1),
  step: fc.constantFrom(1, 1, 2),
  granted: fc.constant(false),
  etaMs: fc.constant(4_000),
  progress: fc.constant('more'),
  waitMs: fc.constantFrom(0, 499, 501, 1_201, 4_000)
})
const actions = fc.oneof(
  fc.array(action, { maxLength: 30 }),
  fc.array(squat, { minLength: 5, maxLength: 40 }),
  fc.array(contend, { minLength: 5, maxLength: 20 })
)

/** Everybody's turn comes at another time, and another one with each fence. Strangers have none. */
function turnMs(holder: PeerId, fence: number): number | undefined {
  if (holder === STRANGER) return undefined
  const index = HOLDERS.findIndex(({ identity }) => identity.peerId === holder)
  return minimal.raceHeadStartMs + 700 * ((index + fence) % 3)
}

const RULES = quorumRules()
const CONTEXT = { ...RULES.context, identity: remembering(RULES.context.identity) }

function rulesAt(nowMs: number): WitnessRules {
  return {
    ...RULES,
    context: CONTEXT,
    params: minimal,
    etaMsMax: ETA_MS_MAX,
    openSinceMs: nowMs < WANTED_AT_MS ? undefined : WANTED_AT_MS,
    race: (holder, _, fence) => turnMs(holder, fence),
    conflict: (_, holder) => (holder === TWIN ? 'same-holder' : undefined)
  }
}

/** What an onlooker makes of the answers alone: who holds the replica, until when, and since when. */
interface Tenure {
  readonly holder: PeerId
  readonly fence: number
  readonly etaMs: number
  readonly sinceMs: number
  readonly untilMs: number
  readonly progressedAtMs: number
  readonly progressBps: number
  /** For how long the replica was open before, unless the lease was renewed. */
  readonly waitedMs: number
}

class Onlooker {
  #fence = 0
  /** The present lease, or the last one. */
  #last: Tenure | undefined

  claimed(claim: Claim, promise: LeasePromise, nowMs: number): string | undefined {
    const { holder, fence, etaMs } = claim
    const last = this.#last
    const live = last !== undefined && nowMs < last.untilMs
    const again = last?.holder === holder && last.fence === fence
    if (nowMs < WANTED_AT_MS) return 'leased before it was wanted'
    if (holder === TWIN) return 'leased to who executes another replica'
    if (etaMs > ETA_MS_MAX) return 'declared more than allowed'
    if (live && last.holder !== holder) return 'a running lease changed hands'
    if (claim.grant === undefined && !again && !(live && last.holder === holder)) {
      const turn = turnMs(holder, fence)
      if (turn === undefined) return 'leased to who is not registered'
      if (this.#openMs(nowMs) < turn) return 'claimed before its turn'
      if (this.#openMs(nowMs) < turn + this.#jumpMs(fence)) return 'skipped fences for nothing'
    }
    const known = claim.grant !== undefined || promise.price === GRANT_PRICE
    if (promise.price !== (known ? GRANT_PRICE : PRICE)) return 'promised another price'

    // Who had it last and comes back within a term goes on where it stopped.
    const back = last?.holder === holder && nowMs < last.untilMs + leaseTermMs(last.etaMs, minimal)
    const untilMs = Math.max(back && live ? last.untilMs : 0, nowMs + promise.termMs)
    const progressBps = back && again ? last.progressBps : 0
    const begun = back ? last : { holder, etaMs, sinceMs: nowMs, progressedAtMs: nowMs }
    const next = {
      ...begun,
      fence,
      untilMs,
      progressBps,
      waitedMs: live ? last.waitedMs : this.#openMs(nowMs)
    }
    this.#fence = fence
    this.#last = next
    return this.#overdue(next, nowMs)
  }

  refused({ holder, fence }: Claim, { reason }: Refusal, nowMs: number): string | undefined {
    if (reason !== 'too-early') return undefined
    const turn = turnMs(holder, fence) ?? Number.POSITIVE_INFINITY
    return this.#openMs(nowMs) >= turn + this.#jumpMs(fence) ? 'a turn that came was refused' : undefined
  }

  renewed({ progressBps }: Renew, { termMs }: RenewAck, nowMs: number): string | undefined {
    const last = this.#last
    if (last === undefined) return 'renewed what nobody held'
    const grew = progressBps > last.progressBps
    const progressedAtMs = grew ? nowMs : last.progressedAtMs
    const untilMs = Math.max(last.untilMs, nowMs + termMs)
    this.#last = { ...last, progressBps, progressedAtMs, untilMs, waitedMs: 0 }
    return this.#overdue(this.#last, nowMs)
  }

  /** A quorum promised it, in whatever turn. */
  proved(renew: Renew, ack: RenewAck, nowMs: number): string | undefined {
    const last = this.#last
    const { holder, fence, lease } = renew
    if (lease === undefined || fence === last?.fence) return this.renewed(renew, ack, nowMs)
    if (lease.etaMs > ETA_MS_MAX) return 'declared more than allowed'
    const back = last?.holder === holder && nowMs < last.untilMs + leaseTermMs(last.etaMs, minimal)
    const fresh = { holder, etaMs: lease.etaMs, sinceMs: nowMs, progressedAtMs: nowMs, untilMs: nowMs }
    this.#last = { ...(back ? last : fresh), fence, progressBps: 0, waitedMs: 0 }
    this.#fence = fence
    return this.renewed(renew, ack, nowMs)
  }

  released({ holder, fence }: Release, nowMs: number): void {
    if (this.#last?.holder === holder && this.#last.fence === fence)
      // What is released a second time was released already.
      this.#last = { ...this.#last, untilMs: Math.min(this.#last.untilMs, nowMs), fence: -1 }
  }

  /** A lease that was never renewed takes nobody's waiting time away, nor adds to it. */
  #openMs(nowMs: number): number {
    const last = this.#last
    return last === undefined
      ? nowMs - WANTED_AT_MS
      : last.waitedMs + nowMs - Math.max(WANTED_AT_MS, last.untilMs)
  }

  #jumpMs(fence: number): number {
    return (fence - this.#fence - 1) * RACE_JUMP_GAPS * minimal.raceGapMs
  }

  #overdue(tenure: Tenure, nowMs: number): string | undefined {
    const totalMs = leaseTotalMs(tenure.etaMs, minimal)
    if (nowMs >= tenure.sinceMs + totalMs) return 'a lease outlived its total'
    const patienceMs = totalMs / (tenure.progressBps === 0 ? 2 : 3)
    return nowMs >= tenure.progressedAtMs + patienceMs ? 'a lease went on without progress' : undefined
  }
}

function play(rules: RuleSet, trace: readonly Action[]): Finding | undefined {
  const onlooker = new Onlooker()
  const told: string[] = []
  let state: WitnessState = VACANT
  let nowMs = 0
  const take = <Reply>(step: Step<Reply>): Reply | undefined => {
    state = step.state
    told.push(step.reply.granted ? 'granted' : step.reply.refusal.reason)
    return step.reply.granted ? step.reply.value : undefined
  }
  for (const { kind, holder: index, step: fenceStep, granted, etaMs, progress, waitMs } of trace) {
    nowMs += waitMs
    const holder = HOLDERS[index]!.identity.peerId
    const key = { replica: replica(), holder }
    const known = rulesAt(nowMs)
    told.push(`${nowMs} ms, holder ${index}: ${kind}`)
    let broken: string | undefined
    if (kind === 'claim') {
      const asked: Claim = {
        ...key,
        fence: state.fence + fenceStep,
        etaMs,
        ...(granted && { grant: GRANTS[index]! })
      }
      const step = rules.onClaim(state, asked, holder, nowMs, known)
      const reply = take(step)
      broken = reply && onlooker.claimed(asked, reply, nowMs)
      if (!step.reply.granted) broken = onlooker.refused(asked, step.reply.refusal, nowMs)
    } else if (kind === 'renew') {
      const progressBps = state.progressBps + (progress === 'more' ? 1 : 0)
      const asked: Renew = { ...key, fence: state.fence, progressBps }
      const reply = take(rules.onRenew(state, asked, holder, nowMs, known))
      broken = reply && onlooker.renewed(asked, reply, nowMs)
    } else if (kind === 'prove') {
      const fence = state.fence + fenceStep
      const asked: Renew = { ...key, fence, progressBps: 0, lease: { cert: leaseOf(index, fence), etaMs } }
      const reply = take(rules.onRenew(state, asked, holder, nowMs, known))
      broken = reply && onlooker.proved(asked, reply, nowMs)
    } else {
      const asked: Release = { ...key, fence: state.fence }
      if (take(rules.onRelease(state, asked, holder, nowMs, known))) onlooker.released(asked, nowMs)
    }
    if (broken !== undefined) return { invariant: broken, trace: told }
  }
  return undefined
}

/** Ask one witness for leases in random order at random times, and judge its answers by what an onlooker sees. */
export function playTurns(rules: RuleSet, numRuns: number): Finding | undefined {
  const found = fc.check(
    fc.property(actions, trace => play(rules, trace) === undefined),
    { numRuns, seed: 7, endOnFailure: false }
  )
  return found.counterexample === null ? undefined : play(rules, found.counterexample[0])
}
