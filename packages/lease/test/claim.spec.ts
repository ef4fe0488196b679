import assert from 'node:assert/strict'
import type { Refusal } from '@rayswarm/interface'
import { LEASE_ETA_FACTOR_MAX, params } from '@rayswarm/params'
import {
  hasLapsed,
  leaseState,
  onClaim,
  onRelease,
  onRenew,
  openForMs,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState
} from '../src/index.ts'
import { RACE_JUMP_GAPS } from '../src/race.ts'
import { ETA_MS_MAX } from '../src/timing.ts'
import {
  alice,
  bob,
  claim,
  commitCert,
  freeClaim,
  grant,
  peerOf,
  quorumRules,
  renew,
  replica,
  rules
} from './fixtures.ts'

const { promiseTermMs, leaseTermMsMin: TERM_MS, raceGapMs } = params.minimal
const [ALICE, BOB] = [peerOf('alice'), peerOf('bob')]
const DELAY_MS = 1_000
const ETA_MS = 8_000
const TOTAL_MS = LEASE_ETA_FACTOR_MAX * ETA_MS

/** Rules of a witness that knows the replica as wanted since 5 000, where everybody's turn comes after 1 000. */
function raced(over: Partial<WitnessRules> = {}): WitnessRules {
  return { ...quorumRules(), race: () => DELAY_MS, openSinceMs: 5_000, ...over }
}

function refusal(step: Step<unknown>): Refusal {
  assert.equal(step.changed, false)
  assert.equal(step.reply.granted, false)
  return (step.reply as { refusal: Refusal }).refusal
}

const claimAt = (state: WitnessState, nowMs: number, fence = 1, known = raced()) =>
  onClaim(state, freeClaim(alice, fence), ALICE, nowMs, known)
const bobs = (state: WitnessState, nowMs: number, fence: number, known = raced()) =>
  onClaim(state, freeClaim(bob, fence), BOB, nowMs, known)
const renewAt = (state: WitnessState, nowMs: number, progressBps = 0, known = raced()) =>
  onRenew(state, renew(alice, { progressBps }), ALICE, nowMs, known)
const releaseAt = (state: WitnessState, nowMs: number) =>
  onRelease(state, { replica: replica(), holder: ALICE, fence: state.fence }, ALICE, nowMs, raced())

describe('the race', () => {
  it('lets nobody claim before its turn, and says how long that takes', () => {
    assert.deepEqual(refusal(claimAt(VACANT, 5_999)), { reason: 'too-early', fence: 0, leftMs: 1 })
    assert.equal(claimAt(VACANT, 6_000).reply.granted, true)
  })

  it('asks for the very holder, replica and fence', () => {
    const asked: unknown[] = []
    const known = raced({
      race: (...args) => {
        asked.push(args)
        return 0
      }
    })
    assert.equal(claimAt(VACANT, 6_000, 1, known).reply.granted, true)
    assert.deepEqual(asked, [[ALICE, replica(), 1]])
  })

  it('starts again when a lease lapses', () => {
    const state = renewAt(claimAt(VACANT, 6_000).state, 6_000).state
    const lapsedAtMs = 6_000 + TERM_MS
    assert.equal(refusal(bobs(state, lapsedAtMs - 1, 2)).reason, 'held')
    assert.deepEqual(refusal(bobs(state, lapsedAtMs, 2)), { reason: 'too-early', fence: 1, leftMs: DELAY_MS })
    assert.equal(bobs(state, lapsedAtMs + DELAY_MS, 2).reply.granted, true)
  })

  it('starts again when a lease is released', () => {
    const { state } = renewAt(claimAt(VACANT, 6_000).state, 6_000)
    const released = releaseAt(state, 6_100).state
    assert.equal(refusal(bobs(released, 6_099 + DELAY_MS, 2)).leftMs, 1)
    assert.equal(bobs(released, 6_100 + DELAY_MS, 2).reply.granted, true)
  })

  it('goes on over a promise that was never renewed, lapsed or released', () => {
    const known = raced({ race: holder => (holder === ALICE ? DELAY_MS : DELAY_MS + 500) })
    const { state } = claimAt(VACANT, 6_000, 1, known)
    for (const [tried, endedAtMs] of [
      [releaseAt(state, 6_100).state, 6_100],
      [state, 6_000 + promiseTermMs]
    ] as const) {
      assert.equal(refusal(bobs(tried, endedAtMs + 499, 2, known)).leftMs, 1)
      assert.equal(bobs(tried, endedAtMs + 500, 2, known).reply.granted, true)
    }
  })

  it('counts from the lapse of a renewed lease, however late its holder releases it', () => {
    const { state } = renewAt(claimAt(VACANT, 6_000).state, 6_000)
    const lapsedAtMs = 6_000 + TERM_MS
    const released = releaseAt(state, lapsedAtMs + DELAY_MS - 1).state
    assert.equal(bobs(released, lapsedAtMs + DELAY_MS, 2).reply.granted, true)
  })

  it('is skipped by grants, and by nothing that looks like one', () => {
    const granted = onClaim(VACANT, claim(alice), ALICE, 5_000, raced())
    assert.equal(granted.reply.granted, true)
    const forged = onClaim(VACANT, claim(alice, { grant: grant(bob) }), ALICE, 5_000, raced())
    assert.equal(refusal(forged).reason, 'no-grant')
  })

  it('is over for who holds the lease, and for a repeated claim', () => {
    const { state } = renewAt(claimAt(VACANT, 6_000).state, 6_000)
    const lapsedAtMs = 6_000 + TERM_MS
    assert.equal(claimAt(state, lapsedAtMs - 1, 2).reply.granted, true)
    assert.equal(claimAt(state, lapsedAtMs).reply.granted, true)
    assert.equal(refusal(claimAt(state, lapsedAtMs, 2)).reason, 'too-early')
  })

  it('costs more for each fence that is skipped', () => {
    const costMs = RACE_JUMP_GAPS * raceGapMs
    assert.equal(refusal(claimAt(VACANT, 6_000, 2)).leftMs, costMs)
    assert.equal(refusal(claimAt(VACANT, 6_000, 3)).leftMs, 2 * costMs)
    assert.equal(claimAt(VACANT, 6_000 + costMs, 2).reply.granted, true)
  })

  it('takes only who is registered', () => {
    const known = raced({ race: holder => (holder === BOB ? DELAY_MS : undefined) })
    assert.equal(refusal(claimAt(VACANT, 1e9, 1, known)).reason, 'not-registered')
    assert.equal(bobs(VACANT, 6_000, 1, known).reply.granted, true)
    assert.equal(onClaim(VACANT, claim(alice), ALICE, 5_000, known).reply.granted, true)
  })
})

describe('onClaim in witness mode', () => {
  it('leases only what is wanted, grant or not', () => {
    const known = raced({ openSinceMs: undefined })
    assert.equal(refusal(claimAt(VACANT, 1e9, 1, known)).reason, 'not-open')
    assert.equal(refusal(onClaim(VACANT, claim(alice), ALICE, 1e9, known)).reason, 'not-open')
  })

  it('asks for patience where it is about to take over', () => {
    const known = raced({ openSinceMs: undefined, opensInMs: 700 })
    assert.deepEqual(refusal(onClaim(VACANT, claim(alice), ALICE, 1e9, known)), {
      ...{ reason: 'too-early', fence: 0, leftMs: 700 }
    })
  })

  it('keeps out who executes another replica of the subtask, or was caught, grant or not', () => {
    for (const reason of ['same-holder', 'caught'] as const) {
      const known = raced({ conflict: (_, holder) => (holder === ALICE ? reason : undefined) })
      assert.equal(refusal(claimAt(VACANT, 1e9, 1, known)).reason, reason)
      assert.equal(refusal(onClaim(VACANT, claim(alice), ALICE, 1e9, known)).reason, reason)
      assert.equal(bobs(VACANT, 1e9, 1, known).reply.granted, true)
    }
  })

  it('bounds what a claim may declare', () => {
    const at = (etaMs: number, etaMsMax?: number) =>
      onClaim(VACANT, freeClaim(alice, 1, { etaMs }), ALICE, 1e9, raced({ etaMsMax }))
    assert.equal(at(10_000, 10_000).reply.granted, true)
    assert.equal(refusal(at(10_001, 10_000)).reason, 'out-of-range')
    assert.equal(refusal(at(ETA_MS_MAX + 1, ETA_MS_MAX * 2)).reason, 'out-of-range')
  })

  it('promises the price of the grant, or the cap of the offer', () => {
    const known = raced({ priceCap: ({ subtask }) => BigInt(subtask) * 100n })
    const price = (step: ReturnType<typeof onClaim>) => step.reply.granted && step.reply.value.price
    assert.equal(price(claimAt(VACANT, 1e9, 1, known)), 300n)
    const granted = onClaim(VACANT, claim(alice, { grant: grant(alice, { price: 7n }) }), ALICE, 6_000, known)
    assert.equal(price(granted), 7n)
    // Claimed once with a grant, it stays that price.
    assert.equal(price(claimAt(granted.state, 6_001, 1, known)), 7n)
  })
})

describe('progress', () => {
  const claimed = claimAt(VACANT, 6_000).state
  /** Renews as often as it may; says when that ended. */
  function endMs(progressAt: (elapsedMs: number) => number, known = raced()): number {
    let state = claimed
    for (let nowMs = 6_000; ; nowMs += 100) {
      const step = renewAt(state, nowMs, progressAt(nowMs - 6_000), known)
      if (!step.reply.granted) {
        assert.equal(step.reply.refusal.reason, 'no-progress')
        assert.equal(leaseState(state, nowMs), 'open')
        return nowMs - 6_000
      }
      state = step.state
    }
  }

  it('must have begun after half of the total', () => {
    assert.equal(
      endMs(() => 0),
      TOTAL_MS / 2
    )
    // Begun late, on a replica that nobody claimed meanwhile.
    assert.ok(endMs(ms => (ms < TOTAL_MS / 2 ? 0 : 1)) > TOTAL_MS / 2)
  })

  it('must have grown within the last third of the total', () => {
    const third = Math.floor(TOTAL_MS / 3)
    const stopped = endMs(ms => (ms < 1_000 ? 0 : 1))
    assert.equal(stopped, Math.ceil((1_000 + third) / 100) * 100)
  })

  it('keeps a lease for its total and no longer', () => {
    assert.equal(
      endMs(ms => Math.floor(ms / 4)),
      TOTAL_MS
    )
    assert.equal(
      endMs(ms => Math.floor(ms / 10_000)),
      TOTAL_MS
    )
  })

  it('is not asked for in owner mode: the creator chose the holder', () => {
    const state = onClaim(VACANT, claim(alice), ALICE, 6_000, rules()).state
    assert.equal(onRenew(state, renew(alice), ALICE, 6_000 + TOTAL_MS - 1, rules()).reply.granted, true)
    assert.equal(onRenew(state, renew(alice), ALICE, 6_000 + TOTAL_MS, rules()).reply.granted, false)
  })

  it('cannot be made up for by claiming again, until others had a term to claim', () => {
    const stalled = renewAt(claimed, 6_000 + TOTAL_MS / 2 - 1).state
    const endedAtMs = 6_000 + TOTAL_MS / 2
    assert.equal(stalled.expiresAtMs, endedAtMs)
    const again = (nowMs: number, fence: number) =>
      onClaim(stalled, claim(alice, { fence }), ALICE, nowMs, raced())
    assert.equal(refusal(again(endedAtMs, 2)).reason, 'no-progress')
    assert.equal(refusal(again(endedAtMs + TERM_MS - 1, 1)).reason, 'no-progress')
    assert.equal(bobs(stalled, endedAtMs + DELAY_MS, 2).reply.granted, true)
    assert.equal(again(endedAtMs + TERM_MS, 2).reply.granted, true)
  })

  it('nor by releasing first', () => {
    const releasedAtMs = 6_000 + TOTAL_MS / 2 - 1
    const released = releaseAt(renewAt(claimed, releasedAtMs).state, releasedAtMs).state
    const again = (nowMs: number) =>
      onClaim(released, claim(alice, { fence: 2, etaMs: 1e6 }), ALICE, nowMs, raced())

    assert.equal(again(releasedAtMs).state.claimedAtMs, 6_000)
    assert.equal(again(releasedAtMs).state.etaMs, ETA_MS)
    assert.equal(refusal(again(releasedAtMs + 1)).reason, 'no-progress')
    assert.equal(again(releasedAtMs + TERM_MS).state.claimedAtMs, releasedAtMs + TERM_MS)
    assert.equal(bobs(released, releasedAtMs + DELAY_MS, 2).state.claimedAtMs, releasedAtMs + DELAY_MS)
  })
})

describe('a promise that is never renewed', () => {
  const claims = (state: WitnessState, nowMs: number) => claimAt(state, nowMs, state.fence + 1)

  it('keeps its clock over a release, however often it is claimed and released again', () => {
    let state = VACANT
    let nowMs = 6_000
    for (; nowMs < 6_000 + TOTAL_MS / 2; nowMs += promiseTermMs - 1) {
      const step = claims(state, nowMs)
      assert.equal(step.reply.granted, true)
      assert.equal(step.state.claimedAtMs, 6_000)
      state = releaseAt(step.state, nowMs + promiseTermMs - 1).state
    }
    assert.equal(refusal(claims(state, nowMs)).reason, 'no-progress')
    assert.equal(bobs(state, nowMs, state.fence + 1).reply.granted, true)
  })
})

describe('hasLapsed', () => {
  it('is so for what somebody worked on, however many have tried to claim it since', () => {
    const leased = renewAt(claimAt(VACANT, 6_000).state, 6_000).state
    assert.equal(hasLapsed(leased, 6_000 + TERM_MS - 1), false)
    assert.equal(hasLapsed(leased, 6_000 + TERM_MS), true)
    const tried = bobs(leased, 20_000, 2).state
    assert.equal(tried.holder, BOB)
    assert.equal(hasLapsed(tried, 20_000), false)
    assert.equal(hasLapsed(tried, 20_000 + promiseTermMs), true)
    assert.equal(hasLapsed({ ...tried, cert: commitCert(alice) }, 20_000 + promiseTermMs), false)
  })

  it('is so for what somebody was promised and never came back to, unless it was handed back', () => {
    const { state } = claimAt(VACANT, 6_000)
    assert.equal(hasLapsed(state, 6_000 + promiseTermMs), true)
    assert.equal(hasLapsed(releaseAt(state, 6_500).state, 6_000 + promiseTermMs), false)
  })
})

describe('openForMs', () => {
  it('counts while nobody holds the replica, from when it was wanted or its last renewed lease ended', () => {
    const promised = claimAt(VACANT, 6_000).state
    const leased = renewAt(promised, 6_000).state
    const released = releaseAt(leased, 6_500).state

    assert.equal(openForMs(undefined, 5_000, 5_010), 10)
    assert.equal(openForMs(VACANT, 5_000, 5_010), 10)
    assert.equal(openForMs(VACANT, 5_000, 4_000), 0)
    assert.equal(openForMs(promised, 5_000, 6_000 + promiseTermMs - 1), undefined)
    assert.equal(openForMs(promised, 5_000, 6_000 + promiseTermMs), 1_000)
    assert.equal(openForMs(releaseAt(promised, 6_500).state, 5_000, 6_503), 1_003)
    assert.equal(openForMs(leased, 5_000, 6_000 + TERM_MS + 3), 3)
    assert.equal(openForMs(released, 5_000, 6_503), 3)
    assert.equal(openForMs(released, 6_501, 6_503), 2)
    assert.equal(openForMs({ ...VACANT, cert: commitCert(alice) }, 5_000, 6_000), undefined)
  })
})
