import assert from 'node:assert/strict'
import { params } from '@rayswarm/params'
import { exponentialOf } from '../src/chance.ts'
import {
  certKey,
  drawWitnesses,
  judgeEquivocation,
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  raceDelayMs,
  sortitioned,
  type WitnessRules,
  witnessRuleFor
} from '../src/index.ts'
import { leaseTermMs } from '../src/timing.ts'
import { contextOf } from './fixtures.ts'
import { knowing, readVectors } from './vectors.ts'

const { setting, claim, renew, release, commit, cert, ...others } = readVectors()
const {
  turn,
  progress,
  takeover,
  chance,
  draw,
  tier,
  race,
  sortition,
  equivocation,
  term,
  key,
  ...unclaimed
} = others
const {
  chainId,
  netId,
  params: preset,
  witnesses,
  drawn,
  priceCap,
  randomness,
  registered,
  ...numbers
} = setting
// Any identity can check signatures.
const context = { identity: contextOf('anybody').identity, chainId, netId }
const rules: WitnessRules = {
  ...numbers,
  params: params[preset],
  priceCap: () => priceCap,
  witnesses,
  self: witnesses.members[0]!,
  context
}
const drawnRules: WitnessRules = { ...rules, witnesses: drawn, self: drawn.members[0]! }
const beacon = { round: 1, randomness, insecure: true }

describe('spec/vectors/lease.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of claim)
    it(v.name, () => assert.deepEqual(onClaim(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of renew)
    it(v.name, () => assert.deepEqual(onRenew(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of release)
    it(v.name, () => assert.deepEqual(onRelease(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of commit)
    it(v.name, () => assert.deepEqual(onCommit(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of cert) it(v.name, () => assert.deepEqual(onCert(v.state, v.request, rules), v.step))
  for (const v of term) it(v.name, () => assert.equal(leaseTermMs(v.etaMs, params.testnet), v.termMs))
  for (const v of key) it(v.name, () => assert.equal(certKey(v.kind, v.replica), v.key))

  for (const v of turn)
    it(v.name, () => {
      const known = knowing(drawnRules, v.known)
      assert.deepEqual(onClaim(v.state, v.request, v.from, v.nowMs, known), v.step)
    })
  for (const v of [...progress, ...takeover])
    it(v.name, () => assert.deepEqual(onRenew(v.state, v.request, v.from, v.nowMs, drawnRules), v.step))
  for (const v of chance) it(v.name, () => assert.equal(exponentialOf(v.hash), v.variate))
  for (const v of draw)
    it(v.name, () => {
      const snapshot = { epoch: 0, entries: registered }
      const drawn = drawWitnesses(snapshot, beacon, v.init)
      assert.deepEqual(
        drawn?.map(({ peer }) => peer),
        v.drawn
      )
    })
  for (const v of tier) it(v.name, () => assert.deepEqual(witnessRuleFor(v.locked, v.eligibleCount), v.rule))
  for (const v of race)
    it(v.name, () => {
      const at = { beacon, replica: v.replica, fence: v.fence, node: v.node }
      assert.equal(raceDelayMs(at, v.share, params[preset]), v.delayMs)
    })
  for (const v of sortition)
    it(v.name, () => {
      const at = { beacon, job: v.job, node: v.node }
      assert.equal(sortitioned(at, v.share, v.elapsedMs, params[preset]), v.bids)
    })
  for (const v of equivocation)
    it(v.name, () => assert.deepEqual(judgeEquivocation(v.claim, context, drawn), v.admission))
})
