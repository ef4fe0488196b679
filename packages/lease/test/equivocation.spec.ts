import assert from 'node:assert/strict'
import type { CommitVote, EquivocationClaim, Signed } from '@rayswarm/interface'
import { signed, type WireContext } from '@rayswarm/wire'
import fc from 'fast-check'
import {
  equivocationOf,
  judgeEquivocation,
  onClaim,
  promisedTwice,
  proofsOf,
  splitOf,
  VACANT
} from '../src/index.ts'
import {
  alice,
  bob,
  commit,
  commitCert,
  contextOf,
  freeClaim,
  PRICE,
  peerOf,
  promise,
  quorumRules,
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

describe('promisedTwice', () => {
  it('is one fence promised to two holders, by one witness', () => {
    const one = promise(w0, alice)
    assert.equal(promisedTwice(one, promise(w0, bob)), true)
    assert.equal(promisedTwice(one, promise(w0, alice, { termMs: 2_000 })), false)
    assert.equal(promisedTwice(one, promise(w0, bob, { fence: 2 })), false)
    assert.equal(promisedTwice(one, promise(w1, bob)), false)
    assert.equal(promisedTwice(one, promise(w0, bob, { replica: replica({ generation: 1 }) })), false)
  })

  it('never convicts a witness that follows the rules', () => {
    const { state, reply } = onClaim(VACANT, freeClaim(alice, 1), peerOf('alice'), 0, quorumRules())
    assert.equal(reply.granted, true)
    const second = onClaim(state, freeClaim(bob, 1), peerOf('bob'), 1e9, quorumRules())
    assert.equal(second.reply.granted, false)
  })
})

describe('splitOf', () => {
  const shown = (...counts: number[]): Signed<CommitVote>[] => {
    let next = 0
    return counts.flatMap((count, value) =>
      Array.from({ length: count }, () =>
        vote(witnessContexts[next++]!, alice, { seal: seal(`value ${value}`) })
      )
    )
  }

  for (const [counts, split] of [
    [[], false],
    [[4, 2], false], // the last one may make it five
    [[3, 2], false],
    [[4, 3], true],
    [[3, 3], true],
    [[2, 2, 2], true],
    [[1, 1, 1], false], // four silent ones and one are five
    [[2, 1, 1], false],
    [[1, 1, 1, 1], true],
    [[5, 2], false],
    [[7], false]
  ] as const)
    it(`is ${split} for ${counts.join(' + ') || 'no'} votes of seven, where five agree`, () => {
      assert.equal(splitOf(shown(...counts), SET, alice), split)
    })

  it('says so exactly when nothing the silent ones vote makes a certificate', () => {
    const values = fc.array(fc.option(fc.nat(2), { nil: undefined }), { minLength: 7, maxLength: 7 })
    const signedVotes = [0, 1, 2].map(value =>
      witnessContexts.map(w => vote(w, alice, { seal: seal(`value ${value}`) }))
    )
    fc.assert(
      fc.property(values, votes => {
        const silentCount = votes.filter(value => value === undefined).length
        const reachable = [0, 1, 2, 3].some(
          value => votes.filter(v => v === value).length + silentCount >= SET.quorum
        )
        const given = votes.flatMap((value, w) => (value === undefined ? [] : [signedVotes[value]![w]!]))
        assert.equal(splitOf(given, SET, alice), given.length > 0 && !reachable)
      }),
      { numRuns: 60 }
    )
  })

  it('takes a register shown in a promise for a vote', () => {
    const other = commit(bob, {}, witnessContexts.slice(0, 5))
    const promises = witnessContexts.slice(4).map(w => promise(w, alice, { register: other, fence: 2 }))
    assert.equal(splitOf([...shown(4), ...promises], SET, alice), true)
    const foreign = commit(bob, { replica: replica({ subtask: 4 }) }, witnessContexts.slice(0, 5))
    const misled = witnessContexts.slice(4).map(w => promise(w, alice, { register: foreign, fence: 2 }))
    assert.equal(splitOf([...shown(4), ...misled], SET, alice), false)
    const vacant = witnessContexts.slice(4).map(w => promise(w, alice, { fence: 2 }))
    assert.equal(splitOf([...shown(4), ...vacant], SET, alice), false)
  })

  it('counts nobody twice, no stranger, no forger, and nobody who stated two values', () => {
    const [four, rest] = [shown(4), shown(4, 3).slice(4)]
    assert.equal(splitOf([...four, ...rest], SET, alice), true)
    assert.equal(splitOf([...four, rest[0]!, rest[0]!, rest[0]!], SET, alice), false)
    const stranger = vote(contextOf('stranger'), bob)
    assert.equal(splitOf([...four, rest[0]!, rest[1]!, stranger], SET, alice), false)
    const forged = { ...rest[2]!, signature: rest[1]!.signature }
    assert.equal(splitOf([...four, rest[0]!, rest[1]!, forged], SET, alice), false)
    const liar = vote(witnessContexts[0]!, bob)
    assert.equal(splitOf([...shown(4, 2), liar], SET, alice), false)
    assert.equal(splitOf([...shown(3, 3), vote(witnessContexts[0]!, bob)], SET, alice), false)
  })

  it('is about one generation of one replica of one job', () => {
    const mixed = [...shown(4, 2), vote(witnessContexts[6]!, bob, { replica: replica({ generation: 1 }) })]
    assert.equal(splitOf(mixed, SET, alice), false)
    assert.equal(splitOf(shown(4, 3), { ...SET, job: 'other' }, alice), false)
    const flood = Array.from({ length: 29 }, () => shown(1)[0]!)
    assert.equal(splitOf([...shown(4, 3), ...flood], SET, alice), false)
  })
})
