import type { Claim, CommitVote, Renew, Signed } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { signed, type WireContext } from '@rayswarm/wire'
import { exponentialOf } from '../src/chance.ts'
import { equivocationOf } from '../src/equivocation.ts'
import {
  drawWitnesses,
  judgeEquivocation,
  onClaim,
  onRelease,
  onRenew,
  raceDelayMs,
  sortitioned,
  VACANT,
  type WitnessState,
  witnessRuleFor
} from '../src/index.ts'
import {
  alice,
  beacon,
  bob,
  claim,
  contextOf,
  freeClaim,
  JOB,
  leaseCert,
  PRICE,
  peerOf,
  quorumRules,
  quorumSet,
  registration,
  renew,
  replica,
  seal,
  snapshotOf,
  witnessContexts
} from './fixtures.ts'
import { knowing, type LeaseVectors } from './vectors.ts'

export const DRAWN = quorumSet(7, 5)
const rules = quorumRules(7, 5)
const { minimal } = params
const [ALICE, BOB] = [peerOf('alice'), peerOf('bob')]
type Known = LeaseVectors['turn'][number]['known']

const open = { turnMs: 1_000, openSinceMs: 5_000 }
const claimed = onClaim(VACANT, freeClaim(alice, 1), ALICE, 6_000, knowing(rules, open)).state
const leased = onRenew(claimed, renew(alice), ALICE, 6_000, rules).state
const release = { replica: replica(), holder: ALICE, fence: 1 }
const released = onRelease(leased, release, ALICE, 6_500, rules).state
const tried = onRelease(claimed, release, ALICE, 6_100, rules).state
const lapsedAtMs = 6_000 + minimal.leaseTermMsMin
const promisedUntilMs = 6_000 + minimal.promiseTermMs
const later = { ...open, turnMs: 1_500 }

const turnCase = (name: string, state: WitnessState, request: Claim, nowMs: number, known: Known = open) => ({
  ...{ name, state, request, from: request.holder, nowMs, known },
  step: onClaim(state, request, request.holder, nowMs, knowing(rules, known))
})
const progressCase = (name: string, state: WitnessState, nowMs: number, progressBps: number) => {
  const request: Renew = renew(alice, { progressBps })
  const step = onRenew(state, request, ALICE, nowMs, rules)
  return { name, state, request, from: ALICE, nowMs, step }
}

export const turn: LeaseVectors['turn'] = [
  turnCase('nobody claims before its turn', VACANT, freeClaim(alice, 1), 5_999),
  turnCase('its turn counts from when the replica was wanted', VACANT, freeClaim(alice, 1), 6_000),
  turnCase('a skipped fence costs four gaps', VACANT, freeClaim(alice, 2), 6_079),
  turnCase('and no more', VACANT, freeClaim(alice, 2), 6_080),
  turnCase('the lapse of a lease opens the replica again', leased, freeClaim(bob, 2), lapsedAtMs + 999),
  turnCase('and the race starts there', leased, freeClaim(bob, 2), lapsedAtMs + 1_000),
  turnCase('as it does after a release', released, freeClaim(bob, 2), 7_499),
  turnCase('when the next turn came', released, freeClaim(bob, 2), 7_500),
  turnCase('waiting goes on after the release of a mere promise', tried, freeClaim(bob, 2), 6_599, later),
  turnCase('from where it stopped', tried, freeClaim(bob, 2), 6_600, later),
  turnCase('and after its lapse', claimed, freeClaim(bob, 2), promisedUntilMs + 499, later),
  turnCase('as well', claimed, freeClaim(bob, 2), promisedUntilMs + 500, later),
  turnCase('its holder keeps its clock', tried, freeClaim(alice, 2), 6_200),
  turnCase('a grant skips the race', VACANT, claim(alice), 5_000),
  turnCase('who holds the lease skips it too', claimed, freeClaim(alice, 2), 6_001),
  turnCase('who is not registered has no turn', VACANT, freeClaim(alice, 1), 9_000, { openSinceMs: 5_000 }),
  turnCase('what is not wanted is not leased', VACANT, claim(alice), 9_000, { turnMs: 0 }),
  turnCase('nor to who executes another replica', VACANT, claim(alice), 9_000, {
    ...open,
    conflict: 'same-holder'
  }),
  turnCase('nor to who was caught', VACANT, claim(alice), 9_000, { ...open, conflict: 'caught' }),
  turnCase('nor for longer than the job allows', VACANT, claim(alice), 9_000, { ...open, etaMsMax: 7_999 })
]

const begun = onRenew(claimed, renew(alice, { progressBps: 1 }), ALICE, 6_000, rules).state

export const progress: LeaseVectors['progress'] = [
  progressCase('no progress is enough for half of the total', claimed, 6_000 + 15_999, 0),
  progressCase('and not for longer', claimed, 6_000 + 16_000, 0),
  progressCase('equal progress is enough for a third of the total', begun, 6_000 + 10_665, 1),
  progressCase('and then it must have grown', begun, 6_000 + 10_666, 1),
  progressCase('any growth counts', begun, 6_000 + 10_666, 2)
]

const proven = (fence: number, promisedBy = 5): Renew => {
  const cert = leaseCert(alice, witnessContexts.slice(1, 1 + promisedBy), { fence })
  return renew(alice, { fence, lease: { cert, etaMs: 8_000 } })
}
const takeoverCase = (name: string, state: WitnessState, request: Renew, nowMs: number) => ({
  ...{ name, state, request, from: ALICE, nowMs },
  step: onRenew(state, request, ALICE, nowMs, rules)
})
const bobs = onClaim(VACANT, freeClaim(bob, 1), BOB, 6_000, knowing(rules, open)).state

export const takeover: LeaseVectors['takeover'] = [
  takeoverCase('a certificate makes up for a claim that was not heard', VACANT, proven(3), 6_000),
  takeoverCase('or was refused', bobs, proven(2), 6_100),
  takeoverCase('not for one promise too few', VACANT, proven(3, 4), 6_000),
  takeoverCase('nor after a later claim', bobs, proven(1), 6_100),
  takeoverCase('and restarts no clock', leased, proven(2), lapsedAtMs)
]

const hashes: Record<string, bigint> = {
  'the highest hash is zero': 2n ** 64n - 1n,
  'a half is ln 2': 2n ** 63n - 1n,
  'just above a half': 2n ** 63n,
  'the lowest hash is 64 ln 2': 0n,
  'any hash': 0x0123_4567_89ab_cdefn
}

export const chance: LeaseVectors['chance'] = Object.entries(hashes).map(([name, value]) => {
  const hash = new Uint8Array(32).fill(0xa5)
  new DataView(hash.buffer).setBigUint64(0, value)
  return { name, hash, variate: exponentialOf(hash) }
})

/** Twenty peers: one staked nothing, one is the creator, one is its friend, three are one operator's, one is rich. */
export const REGISTERED = snapshotOf(
  ...Array.from({ length: 20 }, (_, i) => {
    const operatorTag = i === 1 || i === 2 ? 'creator and friends' : i >= 3 && i < 6 ? 'farm' : ''
    const stake = i === 0 ? 0n : i === 6 ? 10n ** 12n : 1_000_000n * BigInt(i)
    return registration(peerOf(`registered ${i}`), { stake, operatorTag })
  })
).entries

const drawCase = (name: string, witnessCount: number, job = JOB) => {
  const init = { job, creator: peerOf('registered 1'), witnessCount }
  const drawn = drawWitnesses({ epoch: 0, entries: REGISTERED }, beacon, init)?.map(({ peer }) => peer)
  return { name, init, ...(drawn && { drawn }) }
}

export const draw: LeaseVectors['draw'] = [
  drawCase('one of twenty', 1),
  drawCase('seven of twenty', 7),
  drawCase('seven others for another job', 7, 'another job'),
  drawCase('all that can be drawn', 15),
  drawCase('one more than can be drawn', 16)
]

const tierCase = (locked: bigint, eligibleCount: number) => ({
  name: `${locked} locked, ${eligibleCount} eligible`,
  locked,
  eligibleCount,
  rule: witnessRuleFor(locked, eligibleCount)
})

export const tier: LeaseVectors['tier'] = [
  tierCase(999_999n, 50),
  tierCase(1_000_000n, 50),
  tierCase(1_000_000n, 6),
  tierCase(10_000_000_000n, 50),
  tierCase(10_000_000_000n, 12)
]

const share = { weight: 1_000_000n, totalWeight: 20_000_000n }
const raceCase = (name: string, over: Partial<LeaseVectors['race'][number]>) => {
  const v = { name, replica: replica(), fence: 1, node: ALICE, share, ...over }
  return { ...v, delayMs: raceDelayMs({ ...v, beacon }, v.share, minimal) }
}

export const race: LeaseVectors['race'] = [
  raceCase('a turn', {}),
  raceCase('with the next fence', { fence: 2 }),
  raceCase('of another replica', { replica: replica({ replica: 1 }) }),
  raceCase('of another generation', { replica: replica({ generation: 1 }) }),
  raceCase('of another node', { node: BOB }),
  raceCase('with twice the weight', { share: { ...share, weight: 2_000_000n } }),
  raceCase('the last one', { share: { weight: 1n, totalWeight: 10n ** 16n } })
]

const sortitionCase = (name: string, elapsedMs: number, totalWeight: bigint, node = ALICE) => {
  const v = { name, job: JOB, node, share: { ...share, totalWeight }, elapsedMs }
  return { ...v, bids: sortitioned({ ...v, beacon }, v.share, elapsedMs, minimal) }
}

export const sortition: LeaseVectors['sortition'] = [
  sortitionCase('all bid where there is room', 0, 20_000_000n),
  sortitionCase('few of many bid', 0, 10n ** 9n),
  ...[1, 2, 3, 4].map(doublings =>
    sortitionCase(`after ${doublings} doublings`, doublings * 2_000, 10n ** 9n)
  ),
  sortitionCase('in the end all may', 16 * 2_000, 10n ** 16n)
]

const vote = (by: WireContext, holder: WireContext, over: Partial<CommitVote> = {}): Signed<CommitVote> =>
  signed(
    'commit-vote',
    { replica: replica(), holder: holder.identity.peerId, seal: seal(), price: PRICE, ...over },
    by
  )
const [w0, w1] = witnessContexts as [WireContext, WireContext]
const stranger = contextOf('stranger')
const proof = equivocationOf(vote(w0, alice), vote(w0, bob))!
const [first, second] = proof.votes

const equivocationCase = (name: string, claim: typeof proof) => ({
  name,
  claim,
  admission: judgeEquivocation(claim, contextOf('anybody'), DRAWN)
})

export const equivocation: LeaseVectors['equivocation'] = [
  equivocationCase('two holders', proof),
  equivocationCase('two seals', equivocationOf(vote(w0, alice), vote(w0, alice, { seal: seal('other') }))!),
  equivocationCase('two prices', equivocationOf(vote(w0, alice), vote(w0, alice, { price: 6n }))!),
  equivocationCase('the votes in the other order', { ...proof, votes: [second, first] }),
  equivocationCase('one vote twice', { ...proof, votes: [first, first] }),
  equivocationCase('votes of two witnesses', { ...proof, votes: [first, vote(w1, bob)] }),
  equivocationCase('a stranger', equivocationOf(vote(stranger, alice), vote(stranger, bob))!),
  equivocationCase('a forged vote', { ...proof, votes: [first, { ...second, signature: first.signature }] })
]
