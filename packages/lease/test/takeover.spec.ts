import assert from 'node:assert/strict'
import type { LeaseCert, Refusal } from '@rayswarm/interface'
import { LEASE_ETA_FACTOR_MAX, params } from '@rayswarm/params'
import { onCert, onClaim, onCommit, onRenew, type Step, VACANT, type WitnessState } from '../src/index.ts'
import {
  alice,
  bob,
  commit,
  commitCert,
  freeClaim,
  leaseCert,
  peerOf,
  promise,
  quorumRules,
  renew,
  replica,
  witnessContexts
} from './fixtures.ts'

const { leaseTermMsMin: TERM_MS } = params.minimal
const ALICE = peerOf('alice')
const BOB = peerOf('bob')
const ETA_MS = 8_000

function refusal(step: Step<unknown>): Refusal {
  assert.equal(step.reply.granted, false)
  assert.equal(step.changed, false)
  return (step.reply as { refusal: Refusal }).refusal
}

function value<Reply>(step: Step<Reply>): Reply {
  if (!step.reply.granted) assert.fail(`refused: ${step.reply.refusal.reason}`)
  return step.reply.value
}

describe('onRenew with a certificate', () => {
  const [w0, w1, w2] = witnessContexts as [typeof alice, typeof alice, typeof alice]
  const quorum = quorumRules(3, 2)
  const proving = (holder: typeof alice, fence: number, over: Partial<LeaseCert> = {}, etaMs = ETA_MS) =>
    renew(holder, { fence, lease: { cert: leaseCert(holder, [w1, w2], { fence, ...over }), etaMs } })
  const freely = (state: WitnessState, holder: typeof alice, fence: number, nowMs: number) =>
    onClaim(state, freeClaim(holder, fence), holder.identity.peerId, nowMs, quorum)

  it('takes over a lease that the others promised', () => {
    const step = onRenew(VACANT, proving(alice, 3), ALICE, 100, quorum)
    assert.equal(value(step).termMs, TERM_MS)
    const { holder, fence, expiresAtMs, claimedAtMs, waitedMs } = step.state
    assert.deepEqual(
      { holder, fence, expiresAtMs, claimedAtMs, waitedMs },
      { holder: ALICE, fence: 3, expiresAtMs: 100 + TERM_MS, claimedAtMs: 100, waitedMs: 0 }
    )
    assert.equal(refusal(freely(step.state, bob, 3, 100 + TERM_MS)).reason, 'stale-fence')
  })

  it('ends a lease that runs here, which has no quorum any more', () => {
    const bobs = freely(VACANT, bob, 1, 0).state
    const { state } = onRenew(bobs, proving(alice, 2), ALICE, 1, quorum)
    assert.equal(state.holder, ALICE)
    assert.equal(refusal(onRenew(state, renew(bob), BOB, 2, quorum)).reason, 'stale-fence')
  })

  it('keeps what stands in the register', () => {
    const { state } = onCommit(VACANT, commit(bob, {}, [w1, w2]), BOB, 0, quorum)
    assert.deepEqual(onRenew(state, proving(alice, 2), ALICE, 1, quorum).state.register, state.register)
  })

  it('takes over no lease that others followed, nor one that is closed', () => {
    const bobs = freely(VACANT, bob, 3, 0).state
    assert.equal(refusal(onRenew(bobs, proving(alice, 2), ALICE, 1, quorum)).reason, 'stale-fence')
    assert.equal(refusal(onRenew(bobs, proving(alice, 3), ALICE, 1, quorum)).reason, 'not-holder')
    const cert = commitCert(bob, [w0, w1])
    const done = onCert(bobs, cert, quorum).state
    assert.deepEqual(refusal(onRenew(done, proving(alice, 4), ALICE, 1, quorum)), { reason: 'done', cert })
  })

  it('takes over nothing that is not proven, and keeps its state', () => {
    for (const [why, asked] of [
      ['no certificate', renew(alice, { fence: 2 })],
      ['too few promises', proving(alice, 2, { promises: [promise(w1, alice, { fence: 2 })] })],
      ['of another fence', { ...proving(alice, 3), fence: 2 }],
      ['of another holder', { ...proving(bob, 2), holder: ALICE }],
      ['of another replica', { ...proving(alice, 2), replica: replica({ replica: 1 }) }],
      ['declared more than a day', proving(alice, 2, {}, 24 * 60 * 60 * 1_000 + 1)],
      ['declared a negative time', proving(alice, 2, {}, -1)]
    ] as const) {
      const step = onRenew(VACANT, asked, ALICE, 0, quorum)
      assert.deepEqual(refusal(step), { reason: 'not-holder', fence: 0 }, why)
      assert.equal(step.state, VACANT)
    }
  })

  it('does not restart the clock of who held it here before', () => {
    const first = onRenew(freely(VACANT, alice, 1, 0).state, renew(alice), ALICE, 0, quorum).state
    const again = onRenew(first, proving(alice, 2, {}, 1e6), ALICE, TERM_MS, quorum).state
    assert.equal(again.claimedAtMs, 0)
    assert.equal(again.etaMs, ETA_MS)
    const half = (LEASE_ETA_FACTOR_MAX * ETA_MS) / 2
    const tired: WitnessState = { ...first, expiresAtMs: half }
    const step = onRenew(tired, proving(alice, 2), ALICE, half, quorum)
    assert.deepEqual(refusal(step), { reason: 'no-progress', fence: 1 })
    assert.equal(step.state, tired)
    const later = onRenew(tired, proving(alice, 2), ALICE, half + TERM_MS, quorum)
    assert.equal(later.state.claimedAtMs, half + TERM_MS)
  })
})
