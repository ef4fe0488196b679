import assert from 'node:assert/strict'
import type { Refusal } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import fc from 'fast-check'
import { nextFence, onClaim, onRelease, VACANT, type WitnessRules, type WitnessState } from '../src/index.ts'
import { RACE_GAPS_MAX } from '../src/race.ts'
import { contextOf, freeClaim, quorumSet, replica, rules, witnessContexts } from './fixtures.ts'

const M = 7
const Q = 5
const FENCE_MAX = 2_000
/** Rounds of one claimant, and how often claimants begin again. */
const ROUND_COUNT = 8
const ATTEMPT_COUNT = 500
const { raceGapMs, raceHeadStartMs } = params.minimal
/** Every turn has come, even with the most fences skipped that a witness takes. */
const LONG_MS = raceHeadStartMs + 1_000 * RACE_GAPS_MAX * raceGapMs

const HOLDERS = ['alice', 'bob', 'carol'].map(contextOf)
const RULES: readonly WitnessRules[] = witnessContexts.map(context =>
  rules({
    context,
    self: context.identity.peerId,
    witnesses: quorumSet(M, Q),
    openSinceMs: 0,
    race: () => raceHeadStartMs
  })
)

/** What a liar may say to a claimant. It never promises anything. */
type Lie = (unit: number) => Refusal
const LIES: readonly Lie[] = [
  () => ({ reason: 'fence-jump', fence: 0 }),
  () => ({ reason: 'stale-fence', fence: 2 ** 40 }),
  () => ({ reason: 'fence-jump', fence: 2 ** 40 }),
  unit => ({ reason: 'fence-jump', fence: Math.floor(unit * FENCE_MAX) }),
  unit => ({ reason: 'stale-fence', fence: Math.floor(unit * FENCE_MAX) })
]

interface Scene {
  readonly fences: readonly number[]
  readonly lies: readonly number[]
  readonly seed: number
}

/** Numbers in `[0, 1)` that look like chance. */
function unitsOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Let nodes claim one after the other, as `WitnessQuorum` does. Answers after how many attempts one had a quorum. */
function attemptsUntilHeld({ fences, lies, seed }: Scene): number | undefined {
  const unit = unitsOf(seed)
  const states: WitnessState[] = fences.map(fence => ({ ...VACANT, fence }))
  let nowMs = LONG_MS
  for (let attempt = 1; attempt <= ATTEMPT_COUNT; attempt++) {
    const holder = HOLDERS[attempt % HOLDERS.length]!
    // Those behind may not even want the replica, and tell nobody of it: claimants have heard from the foremost one.
    let fence = Math.max(...states.filter((_, i) => lies[i] === undefined).map(state => state.fence)) + 1
    for (let round = 0; round < ROUND_COUNT; round++) {
      const refusals: Refusal[] = []
      let promiseCount = 0
      for (const [i, state] of states.entries()) {
        const lie = lies[i]
        if (lie !== undefined) {
          refusals.push(LIES[lie]!(unit()))
          continue
        }
        const from = holder.identity.peerId
        const step = onClaim(state, freeClaim(holder, fence), from, nowMs, RULES[i]!)
        if (step.reply.granted) promiseCount++
        else refusals.push(step.reply.refusal)
        states[i] = step.state
      }
      if (promiseCount >= Q) return attempt
      const release = { replica: replica(), holder: holder.identity.peerId, fence }
      for (const [i, state] of states.entries())
        states[i] = onRelease(state, release, release.holder, nowMs, RULES[i]!).state
      fence = nextFence(fence, refusals, unit())
      nowMs += LONG_MS
    }
  }
  return undefined
}

const scene: fc.Arbitrary<Scene> = fc.record({
  fences: fc.array(fc.constantFrom(0, 1, 63, 64, 65, 129, 500, FENCE_MAX), { minLength: M, maxLength: M }),
  // The first ones lie: which ones is no difference.
  lies: fc.array(fc.nat({ max: LIES.length - 1 }), { maxLength: M - Q }),
  seed: fc.nat()
})

describe('witnesses whose fences are further apart than a claim may jump', () => {
  it('come together again, with as many liars among them as a job gets on with', () => {
    fc.assert(
      fc.property(scene, world => {
        assert.notEqual(attemptsUntilHeld(world), undefined)
      }),
      { numRuns: 200 }
    )
  })
})
