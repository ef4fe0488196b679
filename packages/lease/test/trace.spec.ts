import assert from 'node:assert/strict'
import type { Commit, Renew, Signed } from '@rayswarm/interface'
import { BPS, params } from '@rayswarm/params'
import fc from 'fast-check'
import {
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState
} from '../src/index.ts'
import { leaseTotalMs } from '../src/timing.ts'
import {
  commit,
  contextOf,
  freeClaim,
  quorumRules,
  quorumSet,
  renew,
  replica,
  seal,
  witnessContexts
} from './fixtures.ts'

const M = 3
const Q = 2
const ETA_MS = 8_000
const { promiseTermMs, leaseTermMsMin: TERM_MS } = params.minimal
const HOLDERS = ['alice', 'bob', 'carol'].map(contextOf)
const LAST_FENCE = 4
/** Most that a clock may be too fast or too slow for a holder to know how long it is the only one, in parts of 10 000. */
const CLOCK_DRIFT_BPS = 100

const COMMITS: ReadonlyMap<string, Signed<Commit>> = new Map(
  HOLDERS.flatMap((holder, h) =>
    Array.from({ length: LAST_FENCE }, (_, i) => {
      const over = { fence: i + 1, seal: seal(`seal of ${h}`) }
      return [`${h} ${i + 1}`, commit(holder, over, witnessContexts.slice(0, Q))] as const
    })
  )
)

interface Action {
  readonly kind: 'claim' | 'renew' | 'release' | 'commit'
  readonly holder: number
  readonly fence: number
  readonly progressBps: number
  readonly waitMs: number
  /** Per witness: how long the request travels; undefined if it is lost. */
  readonly delaysMs: readonly (number | undefined)[]
}

// Near the edges on purpose: a uniform draw almost never lands on the millisecond that matters.
const EDGES_MS = [
  0,
  1,
  promiseTermMs - 1,
  promiseTermMs,
  promiseTermMs + 1,
  TERM_MS - 1,
  TERM_MS,
  TERM_MS + 1
]
const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('claim', 'claim', 'renew', 'renew', 'release', 'commit'),
  holder: fc.nat(HOLDERS.length - 1),
  fence: fc.integer({ min: 1, max: LAST_FENCE }),
  progressBps: fc.constantFrom(0, 5_000, 10_000),
  waitMs: fc.constantFrom(...EDGES_MS),
  delaysMs: fc.array(fc.option(fc.constantFrom(0, 1, 300, TERM_MS), { nil: undefined, freq: 4 }), {
    minLength: M,
    maxLength: M
  })
})
const actions = fc.array(action, { maxLength: 40 })

function rulesOf(witness: number): WitnessRules {
  const context = witnessContexts[witness]!
  return { ...quorumRules(M, Q), self: context.identity.peerId, context, witnesses: quorumSet(M, Q) }
}
const RULES = Array.from({ length: M }, (_, w) => rulesOf(w))

function ask(
  state: WitnessState,
  { kind, holder, fence, progressBps }: Action,
  nowMs: number,
  witness: number,
  isProven = false
) {
  const context = HOLDERS[holder]!
  const from = context.identity.peerId
  const known = RULES[witness]!
  const step = (() => {
    switch (kind) {
      case 'claim':
        return onClaim(state, freeClaim(context, fence, { etaMs: ETA_MS }), from, nowMs, known)
      case 'renew':
        return onRenew(
          state,
          renew(context, { fence, progressBps, ...proof(isProven, holder, fence) }),
          from,
          nowMs,
          known
        )
      case 'release':
        return onRelease(state, { replica: replica(), holder: from, fence }, from, nowMs, known)
      case 'commit':
        return onCommit(state, COMMITS.get(`${holder} ${fence}`)!, from, nowMs, known)
    }
  })()
  return step as Step<{ termMs?: number }>
}

/** A renewal shows a certificate if its holder has one. */
function proof(isProven: boolean, holder: number, fence: number): Pick<Renew, 'lease'> {
  return isProven ? { lease: { cert: COMMITS.get(`${holder} ${fence}`)!.body.lease, etaMs: ETA_MS } } : {}
}

function deliveries(trace: readonly Action[]) {
  let sentAtMs = 0
  return trace
    .flatMap((sent, index) => {
      sentAtMs += sent.waitMs
      const at = sentAtMs
      return sent.delaysMs.flatMap((delayMs, witness) =>
        delayMs === undefined ? [] : [{ sent, index, witness, sentAtMs: at, atMs: at + delayMs }]
      )
    })
    .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
}

/** Until when a holder could count on being the only one: from sending, and allowing for the drift of two clocks. */
function holderExpiryMs(sentAtMs: number, termMs: number): number {
  const bps = Number(BPS)
  return sentAtMs + Math.floor((termMs * (bps - 2 * CLOCK_DRIFT_BPS)) / bps)
}

describe('witness rules, along random traces', () => {
  it('never let two holders believe in a lease at once, while clocks drift within bounds', () => {
    const drift = fc.constantFrom(-CLOCK_DRIFT_BPS, 0, CLOCK_DRIFT_BPS)
    const drifts = fc.tuple(
      fc.array(drift, { minLength: M, maxLength: M }),
      fc.array(drift, { minLength: HOLDERS.length, maxLength: HOLDERS.length })
    )
    const speed = (driftBps: number): number => 1 + driftBps / 10_000

    fc.assert(
      fc.property(actions, drifts, (trace, [witnessDrifts, holderDrifts]) => {
        const states: WitnessState[] = Array.from({ length: M }, () => VACANT)
        const answers = new Map<number, number[]>()
        const wonAtMs = new Map<string, number>()
        const beliefs: { holder: number; sentAtMs: number; fromMs: number; untilMs: number }[] = []

        for (const { sent, index, witness, sentAtMs, atMs } of deliveries(trace)) {
          const localMs = Math.floor(atMs * speed(witnessDrifts[witness]!))
          const lease = `${sent.holder} ${sent.fence}`
          const isProven = (wonAtMs.get(lease) ?? Number.POSITIVE_INFINITY) <= sentAtMs
          const step = ask(states[witness]!, sent, localMs, witness, isProven)
          states[witness] = step.state
          if (!step.reply.granted || step.reply.value.termMs === undefined) continue

          const terms = [...(answers.get(index) ?? []), step.reply.value.termMs]
          answers.set(index, terms)
          if (terms.length < Q) continue
          if (sent.kind === 'claim' && !wonAtMs.has(lease)) wonAtMs.set(lease, atMs)
          // Seen from outside, a holder whose clock is slow trusts its lease for longer.
          const trustedMs = holderExpiryMs(0, Math.min(...terms)) / speed(holderDrifts[sent.holder]!)
          beliefs.push({ holder: sent.holder, sentAtMs, fromMs: atMs, untilMs: sentAtMs + trustedMs })
        }
        // Who hands a lease back believes in it no longer.
        const lasting = beliefs
          .map(belief => ({ ...belief, untilMs: Math.min(belief.untilMs, releasedAtMs(trace, belief)) }))
          .filter(belief => belief.fromMs < belief.untilMs)
        for (const a of lasting)
          for (const b of lasting)
            if (a.holder !== b.holder && a.fromMs <= b.fromMs)
              assert.ok(a.untilMs <= b.fromMs, `${JSON.stringify(a)} and ${JSON.stringify(b)}`)
      }),
      { numRuns: 250 }
    )
  })

  it('only ever add to what a witness must remember, and keep leases within their total', () => {
    fc.assert(
      fc.property(actions, trace => {
        const states: WitnessState[] = Array.from({ length: M }, () => VACANT)
        for (const { sent, witness, atMs } of deliveries(trace)) {
          const before = states[witness]!
          const { state, changed, reply } = ask(before, sent, atMs, witness)
          assert.ok(state.fence >= before.fence)
          if (before.register !== undefined) assert.equal(state.register, before.register)
          if (!reply.granted || !changed) assert.equal(state, before)
          if (state.holder === before.holder && state.fence === before.fence)
            assert.ok(state.progressBps >= before.progressBps || !changed)
          const totalMs = leaseTotalMs(ETA_MS, params.minimal)
          assert.ok(state.expiresAtMs <= state.claimedAtMs + totalMs + promiseTermMs)
          states[witness] = state
        }
      }),
      { numRuns: 120 }
    )
  })

  it('answer a repeated request the same, and change nothing by it', () => {
    fc.assert(
      fc.property(actions, trace => {
        const states: WitnessState[] = Array.from({ length: M }, () => VACANT)
        for (const { sent, witness, atMs } of deliveries(trace)) {
          const once = ask(states[witness]!, sent, atMs, witness)
          const twice = ask(once.state, sent, atMs, witness)
          if (once.reply.granted) {
            assert.deepEqual(twice.reply, once.reply)
            assert.deepEqual(twice.state, once.state)
          }
          states[witness] = once.state
        }
      }),
      { numRuns: 120 }
    )
  })
})

/** When a belief's holder first released after having asked for the lease. */
function releasedAtMs(trace: readonly Action[], belief: { holder: number; sentAtMs: number }): number {
  let atMs = 0
  for (const { kind, holder, waitMs } of trace) {
    atMs += waitMs
    if (kind === 'release' && holder === belief.holder && atMs >= belief.sentAtMs) return atMs
  }
  return Number.POSITIVE_INFINITY
}
