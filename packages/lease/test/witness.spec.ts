import assert from 'node:assert/strict'
import type { Refusal } from '@rayswarm/interface'
import { FENCE_JUMP_MAX, LEASE_ETA_FACTOR_MAX, params } from '@rayswarm/params'
import { signed } from '@rayswarm/wire'
import {
  leaseState,
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  VACANT,
  type WitnessState
} from '../src/index.ts'
import { leaseTermMs } from '../src/timing.ts'
import {
  alice,
  bob,
  claim,
  commit,
  commitCert,
  contextOf,
  creator,
  freeClaim,
  grant,
  leaseCert,
  PRICE,
  peerOf,
  promise,
  quorumRules,
  renew,
  replica,
  rules,
  seal,
  witnessContexts
} from './fixtures.ts'

const { promiseTermMs, leaseTermMsMin: TERM_MS } = params.minimal
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

/** Alice's lease as of `nowMs`, renewed once. */
function held(nowMs = 0): WitnessState {
  const claimed = onClaim(VACANT, claim(alice), ALICE, nowMs, rules()).state
  return onRenew(claimed, renew(alice), ALICE, nowMs, rules()).state
}

describe('onClaim', () => {
  it('promises a free replica to the first claimant for the provisional term', () => {
    const step = onClaim(VACANT, claim(alice), ALICE, 100, rules())

    const promised = { replica: replica(), holder: ALICE, fence: 1, price: PRICE, termMs: promiseTermMs }
    assert.deepEqual(value(step), promised)
    assert.equal(step.state.holder, ALICE)
    assert.equal(step.state.expiresAtMs, 100 + promiseTermMs)
    assert.equal(leaseState(step.state, 100), 'leased')
    assert.equal(leaseState(step.state, 100 + promiseTermMs), 'open')
  })

  it('refuses everybody else until the lease lapses, and says how long that takes', () => {
    const state = held()
    const step = onClaim(state, claim(bob, { fence: 2 }), BOB, TERM_MS - 1, rules())
    assert.deepEqual(refusal(step), { reason: 'held', fence: 1, leftMs: 1 })

    assert.equal(value(onClaim(state, claim(bob, { fence: 2 }), BOB, TERM_MS, rules())).fence, 2)
  })

  it('refuses a fence that is not above the last one, and says which that was', () => {
    const step = onClaim(held(), claim(bob), BOB, TERM_MS, rules())
    assert.deepEqual(refusal(step), { reason: 'stale-fence', fence: 1 })
  })

  it('takes fences up to the greatest jump and refuses invented ones', () => {
    const at = (fence: number) => onClaim(VACANT, claim(alice, { fence }), ALICE, 0, rules())
    assert.equal(value(at(FENCE_JUMP_MAX)).fence, FENCE_JUMP_MAX)
    assert.deepEqual(refusal(at(FENCE_JUMP_MAX + 1)), { reason: 'fence-jump', fence: 0 })
  })

  it('answers a repeated claim with the same promise and never shortens the lease', () => {
    const first = onClaim(VACANT, claim(alice), ALICE, 0, rules())
    const renewed = onRenew(first.state, renew(alice, { progressBps: 10 }), ALICE, 0, rules()).state
    const again = onClaim(renewed, claim(alice), ALICE, 1, rules())

    assert.deepEqual(value(again), value(first))
    assert.equal(again.state.expiresAtMs, renewed.expiresAtMs)
    assert.equal(again.state.progressBps, 10)
  })

  it('does not revive a released lease for a late copy of its claim', () => {
    const release = { replica: replica(), holder: ALICE, fence: 1 }
    const { state } = onRelease(held(), release, ALICE, 1, rules())
    assert.deepEqual(refusal(onClaim(state, claim(alice), ALICE, 2, rules())), {
      reason: 'stale-fence',
      fence: 1
    })
  })

  it('shows the claimant the commit that stands in the register', () => {
    const { state } = onCommit(held(), commit(alice), ALICE, 1, rules())
    const step = onClaim(state, claim(bob, { fence: 2 }), BOB, TERM_MS, rules())
    assert.deepEqual(value(step).register, commit(alice))
    assert.deepEqual(step.state.register, commit(alice))
  })

  it('refuses with the certificate once one is known', () => {
    const cert = commitCert(alice)
    const { state } = onCert(VACANT, cert, rules())
    assert.deepEqual(refusal(onClaim(state, claim(bob), BOB, 0, rules())), { reason: 'done', cert })
  })

  it('in owner mode takes no claim without a grant of the creator for this replica and holder', () => {
    const stranger = contextOf('stranger')
    const bent = { ...grant(alice), body: { ...grant(alice).body, price: 6n } }
    for (const [why, other] of [
      ['none', undefined],
      ['for another holder', grant(bob)],
      ['for another replica', grant(alice, { replica: replica({ replica: 1 }) })],
      ['for another generation', grant(alice, { replica: replica({ generation: 1 }) })],
      ['by another peer', grant(alice, {}, stranger)],
      ['changed after signing', bent],
      ['of another type', { ...grant(alice), type: 'bid' as const }]
    ] as const) {
      const { grant: _, ...rest } = claim(alice)
      const forged = other === undefined ? rest : { ...rest, grant: other }
      assert.equal(refusal(onClaim(VACANT, forged, ALICE, 0, rules())).reason, 'no-grant', why)
    }
  })

  it('in quorum mode needs no grant, but takes no false one', () => {
    const quorum = quorumRules()
    assert.equal(value(onClaim(VACANT, freeClaim(alice, 1), ALICE, 0, quorum)).fence, 1)
    const forged = claim(alice, { grant: grant(bob) })
    assert.equal(refusal(onClaim(VACANT, forged, ALICE, 0, quorum)).reason, 'no-grant')
  })

  it('refuses a claim in the name of somebody else', () => {
    assert.equal(refusal(onClaim(VACANT, claim(alice), BOB, 0, rules())).reason, 'wrong-signer')
  })

  for (const [what, over] of [
    ['a subtask the job has not', { replica: replica({ subtask: 10 }) }],
    ['a replica the job has not', { replica: replica({ replica: 3 }) }],
    ['half a generation', { replica: replica({ generation: 0.5 }) }],
    ['a negative subtask', { replica: replica({ subtask: -1 }) }],
    ['fence zero', { fence: 0 }],
    ['a fractional fence', { fence: 1.5 }],
    ['an execution longer than a day', { etaMs: 24 * 60 * 60 * 1_000 + 1 }],
    ['a negative execution time', { etaMs: -1 }]
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.equal(refusal(onClaim(VACANT, claim(alice, over), ALICE, 0, rules())).reason, 'out-of-range')
    })
  }

  it('answers for its own jobs only, and only as one of their witnesses', () => {
    const other = claim(alice, { replica: replica({ job: 'bafyother' }) })
    assert.equal(refusal(onClaim(VACANT, other, ALICE, 0, rules())).reason, 'unknown-job')
    assert.equal(refusal(onClaim(VACANT, claim(alice), ALICE, 0, rules({ self: BOB }))).reason, 'not-witness')
  })
})

describe('onRenew', () => {
  it('extends the lease by a quarter of the declared execution time, within bounds', () => {
    assert.equal(leaseTermMs(8_000, params.testnet), params.testnet.leaseTermMsMin)
    assert.equal(leaseTermMs(80_000, params.testnet), 20_000)
    assert.equal(leaseTermMs(8_000_000, params.testnet), params.testnet.leaseTermMsMax)

    const claimed = onClaim(VACANT, claim(alice, { etaMs: 80_000 }), ALICE, 0, rules()).state
    const step = onRenew(claimed, renew(alice), ALICE, 50, rules({ params: params.testnet }))
    assert.equal(value(step).termMs, 20_000)
    assert.equal(step.state.expiresAtMs, 20_050)
  })

  it('revives a lapsed lease that nobody claimed meanwhile', () => {
    assert.equal(value(onRenew(held(), renew(alice), ALICE, TERM_MS + 1, rules())).termMs, TERM_MS)
  })

  it('refuses the old holder after a higher fence was promised, and names it', () => {
    const taken = onClaim(held(), claim(bob, { fence: 2 }), BOB, TERM_MS, rules()).state
    assert.deepEqual(refusal(onRenew(taken, renew(alice), ALICE, TERM_MS, rules())), {
      reason: 'stale-fence',
      fence: 2,
      leftMs: promiseTermMs
    })
  })

  it('refuses who does not hold the lease', () => {
    assert.equal(refusal(onRenew(held(), renew(bob), BOB, 1, rules())).reason, 'not-holder')
    assert.equal(refusal(onRenew(VACANT, renew(alice), ALICE, 1, rules())).reason, 'not-holder')
    assert.equal(refusal(onRenew(held(), renew(alice, { fence: 2 }), ALICE, 1, rules())).reason, 'not-holder')
    assert.equal(refusal(onRenew(held(), renew(alice), BOB, 1, rules())).reason, 'wrong-signer')
  })

  it('takes equal progress, refuses progress that goes backwards', () => {
    const at = (state: WitnessState, progressBps: number) =>
      onRenew(state, renew(alice, { progressBps }), ALICE, 1, rules())
    const half = at(held(), 5_000).state

    assert.equal(at(half, 5_000).reply.granted, true)
    assert.equal(refusal(at(half, 4_999)).reason, 'no-progress')
    assert.equal(refusal(at(half, 10_001)).reason, 'out-of-range')
  })

  it('ends a lease after a multiple of the declared execution time, whatever it renews', () => {
    const totalMs = LEASE_ETA_FACTOR_MAX * ETA_MS
    let state = held()
    let nowMs = 0
    for (; nowMs < totalMs; nowMs += TERM_MS - 1) {
      const step = onRenew(state, renew(alice), ALICE, nowMs, rules())
      assert.equal(step.reply.granted, true)
      state = step.state
      assert.ok(state.expiresAtMs <= totalMs)
    }
    assert.equal(refusal(onRenew(state, renew(alice), ALICE, totalMs, rules())).reason, 'no-progress')

    // Nor does claiming again restart the clock, until others had a whole term to claim.
    const again = claim(alice, { fence: 2, etaMs: 1e6 })
    assert.equal(refusal(onClaim(state, again, ALICE, totalMs, rules())).reason, 'no-progress')
    assert.equal(refusal(onClaim(state, again, ALICE, totalMs + TERM_MS - 1, rules())).reason, 'no-progress')
    assert.equal(onClaim(state, claim(bob, { fence: 2 }), BOB, totalMs, rules()).reply.granted, true)
    assert.equal(onClaim(state, again, ALICE, totalMs + TERM_MS, rules()).reply.granted, true)
  })
})

describe('onRelease', () => {
  const release = { replica: replica(), holder: ALICE, fence: 1 }

  it('opens the replica at once for the next fence', () => {
    const { state } = onRelease(held(), release, ALICE, 1, rules())
    assert.equal(leaseState(state, 1), 'open')
    assert.equal(state.fence, 1)
    assert.equal(onClaim(state, claim(bob, { fence: 2 }), BOB, 1, rules()).reply.granted, true)
  })

  it('is answered the same when repeated, and moves nobody else', () => {
    const once = onRelease(held(), release, ALICE, 1, rules())
    const twice = onRelease(once.state, release, ALICE, 2, rules())
    assert.equal(twice.changed, false)
    assert.deepEqual(twice.reply, once.reply)

    const bobs = onClaim(once.state, claim(bob, { fence: 2 }), BOB, 3, rules()).state
    assert.equal(onRelease(bobs, release, ALICE, 4, rules()).state, bobs)
  })

  it('of an older lease does not end a newer one of the same holder', () => {
    const again = onClaim(held(), claim(alice, { fence: 2 }), ALICE, 1, rules()).state
    assert.equal(onRelease(again, release, ALICE, 2, rules()).state, again)
  })

  it('keeps what stands in the register', () => {
    const { state } = onCommit(held(), commit(alice), ALICE, 1, rules())
    assert.deepEqual(onRelease(state, release, ALICE, 1, rules()).state.register, commit(alice))
  })

  it('refuses a release in the name of somebody else', () => {
    assert.equal(refusal(onRelease(held(), release, BOB, 1, rules())).reason, 'wrong-signer')
  })
})

describe('onCommit', () => {
  it('writes the register and votes', () => {
    const step = onCommit(held(), commit(alice), ALICE, 1, rules())
    assert.deepEqual(value(step), { replica: replica(), holder: ALICE, seal: seal(), price: PRICE })
    assert.equal(leaseState(step.state, 1), 'registered')
    assert.equal(step.changed, true)
  })

  it('votes again for the same value, also under another fence, and stores nothing', () => {
    const { state } = onCommit(held(), commit(alice), ALICE, 1, rules())
    for (const repeated of [commit(alice), commit(alice, { fence: 5 })]) {
      const step = onCommit(state, repeated, BOB, 1e9, rules())
      assert.equal(step.changed, false)
      assert.deepEqual(value(step), { replica: replica(), holder: ALICE, seal: seal(), price: PRICE })
    }
  })

  it('never votes for a second value', () => {
    const { state } = onCommit(held(), commit(alice), ALICE, 1, rules())
    const other = commit(alice, { seal: seal('other') })
    assert.equal(refusal(onCommit(state, other, ALICE, 1, rules())).reason, 'register-taken')
    assert.equal(refusal(onCommit(state, commit(bob), BOB, 1e9, rules())).reason, 'register-taken')
  })

  it('takes a commit that was finished after its lease lapsed, if nobody else holds one', () => {
    assert.equal(onCommit(held(), commit(alice), ALICE, TERM_MS * 2, rules()).reply.granted, true)
  })

  it('lets only the present holder finish the commit of another', () => {
    const taken = onClaim(held(), claim(bob, { fence: 2 }), BOB, TERM_MS, rules()).state
    const late = commit(alice)
    assert.deepEqual(refusal(onCommit(taken, late, ALICE, TERM_MS, rules())), {
      reason: 'held',
      fence: 2,
      leftMs: promiseTermMs
    })
    assert.equal(onCommit(taken, late, BOB, TERM_MS, rules()).reply.granted, true)
    assert.equal(onCommit(taken, late, ALICE, TERM_MS + promiseTermMs, rules()).reply.granted, true)
  })

  it('refuses without a valid lease certificate', () => {
    const stranger = contextOf('stranger')
    for (const [why, over] of [
      ['no promises', { lease: leaseCert(alice, []) }],
      ['a stranger promised', { lease: leaseCert(alice, [stranger]) }],
      ['of another holder', { lease: leaseCert(bob) }],
      ['of another fence', { lease: leaseCert(alice, [creator], { fence: 2 }) }],
      ['of another replica', { lease: leaseCert(alice, [creator], { replica: replica({ subtask: 4 }) }) }],
      [
        'with a promise for another fence',
        { lease: leaseCert(alice, [], { promises: [promise(creator, alice, { fence: 2 })] }) }
      ]
    ] as const) {
      const step = onCommit(VACANT, commit(alice, over), ALICE, 0, rules())
      assert.equal(refusal(step).reason, 'bad-certificate', why)
    }
  })

  it('takes a commit from whoever brings it while its own holder has the lease', () => {
    assert.equal(onCommit(held(), commit(alice), BOB, 1, rules()).reply.granted, true)
  })

  it('refuses one of a holder that was shown a register and had to finish that', () => {
    const shown = promise(creator, alice, { register: commit(bob) })
    const own = commit(alice, { lease: leaseCert(alice, [], { promises: [shown] }) })
    assert.equal(refusal(onCommit(held(), own, ALICE, 1, rules())).reason, 'bad-certificate')
  })

  it('needs q distinct promises in quorum mode', () => {
    const [w0, w1, w2] = witnessContexts as [typeof alice, typeof alice, typeof alice]
    const by = (...witnesses: (typeof alice)[]) =>
      onCommit(VACANT, commit(alice, {}, witnesses), ALICE, 0, quorumRules(3, 2))
    assert.equal(by(w0, w2).reply.granted, true)
    assert.equal(refusal(by(w1)).reason, 'bad-certificate')
    assert.equal(refusal(by(w1, w1)).reason, 'bad-certificate')
  })

  it('refuses a commit its holder did not sign', () => {
    const good = commit(alice)
    for (const bent of [
      signed('commit', good.body, bob),
      { ...good, signer: BOB },
      { ...good, type: 'grant' as const },
      { ...good, body: { ...good.body, seal: seal('other') } },
      { ...good, signature: new Uint8Array(64) }
    ])
      assert.equal(refusal(onCommit(held(), bent, ALICE, 1, rules())).reason, 'wrong-signer')
  })

  it('refuses a seal that is not 32 bytes', () => {
    const short = commit(alice, { seal: new Uint8Array(31) })
    assert.equal(refusal(onCommit(held(), short, ALICE, 1, rules())).reason, 'out-of-range')
  })

  it('answers with the certificate when another commit closed the replica', () => {
    const cert = commitCert(bob)
    const { state } = onCert(held(), cert, rules())
    assert.deepEqual(refusal(onCommit(state, commit(alice), ALICE, 1, rules())), { reason: 'done', cert })
  })

  it('still votes for the commit that closed the replica', () => {
    const { state } = onCert(held(), commitCert(alice), rules())
    assert.equal(onCommit(state, commit(alice), ALICE, 1, rules()).reply.granted, true)
  })
})

describe('onCert', () => {
  it('closes the replica for good', () => {
    const cert = commitCert(alice)
    const step = onCert(held(), cert, rules())
    assert.equal(leaseState(step.state, 0), 'committed')
    assert.equal(onCert(step.state, cert, rules()).changed, false)
    assert.deepEqual(refusal(onCert(step.state, commitCert(bob), rules())), { reason: 'done', cert })
    assert.deepEqual(refusal(onRenew(step.state, renew(alice), ALICE, 0, rules())), { reason: 'done', cert })
  })

  it('refuses one that does not hold', () => {
    const bad = { ...commitCert(alice), seal: seal('other') }
    assert.equal(refusal(onCert(VACANT, bad, rules())).reason, 'bad-certificate')
    assert.equal(refusal(onCert(VACANT, commitCert(alice, [bob]), rules())).reason, 'bad-certificate')
    const elsewhere = commitCert(alice, [creator], { replica: replica({ job: 'bafyother' }) })
    assert.equal(refusal(onCert(VACANT, elsewhere, rules())).reason, 'unknown-job')
  })
})
