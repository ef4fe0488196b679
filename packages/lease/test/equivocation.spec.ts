import assert from 'node:assert/strict'
import type { CommitVote, EquivocationClaim, Signed } from '@rayswarm/interface'
import { signed, type WireContext } from '@rayswarm/wire'
import fc from 'fast-check'
import { equivocationOf } from '../src/equivocation.ts'
import { judgeEquivocation, proofsOf } from '../src/index.ts'
import {
  alice,
  bob,
  commitCert,
  contextOf,
  PRICE,
  quorumSet,
  replica,
  seal,
  witnessContexts
} from './fixtures.ts'

const SET = quorumSet(7, 5)
const [w0, w1] = witnessContexts as [WireContext, WireContext]

function vote(by: WireContext, holder: WireContext, over: Partial<CommitVote> = {}): Signed<CommitVote> {
  const body = { replica: replica(), holder: holder.identity.peerId, seal: seal(), price: PRICE, ...over }
  return signed('commit-vote', body, by)
}

describe('equivocationOf', () => {
  it('proves that one witness voted for two values, in the same bytes from either order', () => {
    for (const other of [
      vote(w0, bob),
      vote(w0, alice, { seal: seal('other') }),
      vote(w0, alice, { price: 6n })
    ]) {
      const proof = equivocationOf(vote(w0, alice), other)
      assert.ok(proof)
      assert.equal(proof.witness, w0.identity.peerId)
      assert.deepEqual(equivocationOf(other, vote(w0, alice)), proof)
      assert.deepEqual(judgeEquivocation(proof, alice, SET), { action: 'accept' })
    }
  })

  it('sees none in equal votes, other witnesses, other generations, other replicas', () => {
    const one = vote(w0, alice)
    for (const other of [
      one,
      vote(w0, alice),
      vote(w1, bob),
      vote(w0, bob, { replica: replica({ generation: 1 }) }),
      vote(w0, bob, { replica: replica({ replica: 1 }) }),
      vote(w0, bob, { replica: replica({ job: 'other' }) }),
      { ...vote(w0, bob), type: 'promise' as const }
    ])
      assert.equal(equivocationOf(one, other), undefined)
  })
})

describe('judgeEquivocation', () => {
  const proof = equivocationOf(vote(w0, alice), vote(w0, bob))!
  const [first, second] = proof.votes
  const stranger = contextOf('stranger')
  const foreign = equivocationOf(vote(stranger, alice), vote(stranger, bob))!
  const bent = { ...second, signature: first.signature }
  const elsewhere: WireContext = { ...w0, netId: 'other' }

  for (const [why, claim, fault] of [
    ['another accused', { ...proof, witness: w1.identity.peerId }, 'mismatch'],
    ['one vote twice', { ...proof, votes: [first, first] }, 'mismatch'],
    ['the other order', { ...proof, votes: [second, first] }, 'mismatch'],
    ['votes of two witnesses', { ...proof, votes: [first, vote(w1, bob)] }, 'mismatch'],
    ['a vote nobody signed', { ...proof, votes: [first, bent] }, 'bad-signature'],
    ['votes of another network', equivocationOf(vote(w0, alice), vote(elsewhere, bob))!, 'bad-signature'],
    ['a stranger', foreign, 'not-witness']
  ] as const satisfies readonly (readonly [string, EquivocationClaim, string])[])
    it(`rejects ${why}`, () => {
      assert.deepEqual(judgeEquivocation(claim, alice, SET), { action: 'reject', fault })
    })

  it('rejects votes of another job than the witnesses are for', () => {
    assert.deepEqual(judgeEquivocation(proof, alice, { ...SET, job: 'other' }), {
      action: 'reject',
      fault: 'mismatch'
    })
  })

  it('needs no witness set', () => assert.equal(judgeEquivocation(foreign, alice).action, 'accept'))
})

describe('proofsOf', () => {
  it('finds at least 2q - m liars behind two certificates', () => {
    const by = fc.shuffledSubarray([...witnessContexts], { minLength: 5, maxLength: 7 })
    fc.assert(
      fc.property(by, by, (one, other) => {
        const proofs = proofsOf(commitCert(alice, one), commitCert(bob, other))
        assert.ok(proofs.length >= 2 * 5 - 7)
        const liars = new Set(one.filter(w => other.includes(w)).map(w => w.identity.peerId))
        assert.deepEqual(new Set(proofs.map(({ witness }) => witness)), liars)
        for (const proof of proofs) assert.equal(judgeEquivocation(proof, alice, SET).action, 'accept')
      }),
      { numRuns: 25 }
    )
  })

  it('finds none behind two certificates for one value, or of two generations', () => {
    const cert = commitCert(alice, witnessContexts.slice(0, 5))
    assert.deepEqual(proofsOf(cert, commitCert(alice, witnessContexts.slice(2))), [])
    const next = replica({ generation: 1 })
    const later = { ...cert, replica: next, votes: witnessContexts.map(w => vote(w, bob, { replica: next })) }
    assert.deepEqual(proofsOf(cert, later), [])
  })
})
