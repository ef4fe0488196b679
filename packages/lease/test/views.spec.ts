import assert from 'node:assert/strict'
import type { CommitVote, LeaseCert, ReplicaKey, WitnessSet } from '@rayswarm/interface'
import { signed, type WireContext } from '@rayswarm/wire'
import {
  commitCertOf,
  firstGenerationOf,
  judgeCommitCert,
  judgeEquivocation,
  leaseCertOf,
  onCert,
  onClaim,
  onCommit,
  VACANT,
  viewOf,
  viewOfPeer,
  witnessesOf
} from '../src/index.ts'
import {
  alice,
  bob,
  creator,
  freeClaim,
  peerOf,
  promise,
  quorumSet,
  replica,
  rules,
  seal,
  witnessContexts
} from './fixtures.ts'

/** Two views of three, two of which agree. */
const SET: WitnessSet = { ...quorumSet(6, 2), witnessCount: 3 }
const [FIRST, SECOND] = [witnessContexts.slice(0, 3), witnessContexts.slice(3, 6)]
const LATER = { generation: firstGenerationOf(1) }

function vote(by: WireContext, over: Partial<ReplicaKey> = {}, holder = alice) {
  const body: CommitVote = {
    replica: replica(over),
    holder: holder.identity.peerId,
    seal: seal('result'),
    price: 5n
  }
  return signed('commit-vote', body, by)
}

describe('views', () => {
  it('have four generations each, and the witnesses that follow in the draw', () => {
    assert.deepEqual([0, 3, 4, 7, 8, 15].map(viewOf), [0, 0, 1, 1, 2, 3])
    assert.deepEqual(
      [0, 3, 4, 7].map(generation => witnessesOf(SET, { generation })),
      [FIRST, FIRST, SECOND, SECOND].map(view => view.map(({ identity }) => identity.peerId))
    )
    assert.deepEqual(witnessesOf(SET, { generation: 8 }), [])
    assert.deepEqual(
      ['w0', 'w2', 'w3', 'w5', 'w6'].map(name => viewOfPeer(SET, peerOf(name))),
      [0, 0, 1, 1, undefined]
    )
  })

  it('certify their own generations, and only with their own signatures', () => {
    const mixed = [vote(FIRST[0]!), vote(SECOND[0]!)]
    assert.equal(commitCertOf(mixed, SET, alice), undefined)
    assert.equal(
      commitCertOf(
        FIRST.map(by => vote(by, LATER)),
        SET,
        alice
      ),
      undefined
    )
    const cert = commitCertOf(
      SECOND.map(by => vote(by, LATER)),
      SET,
      alice
    )!
    assert.equal(judgeCommitCert(cert, SET, alice).action, 'accept')
    const foreign = { ...cert, votes: FIRST.slice(0, 2).map(by => vote(by, LATER)) }
    assert.deepEqual(judgeCommitCert(foreign, SET, alice), { action: 'reject', fault: 'not-witness' })
    const twoOfEach = [vote(FIRST[0]!, LATER), vote(SECOND[0]!, LATER)]
    assert.deepEqual(judgeCommitCert({ ...cert, votes: twoOfEach }, SET, alice), {
      action: 'reject',
      fault: 'not-witness'
    })
    const promises = (by: readonly WireContext[]) =>
      by.map(w => promise(w, alice, { replica: replica(LATER) }))
    assert.equal(leaseCertOf(promises(FIRST), SET, alice), undefined)
    assert.notEqual(leaseCertOf(promises(SECOND), SET, alice), undefined)
  })

  it('answer for no generation but their own', () => {
    const first = FIRST[0]!
    const own = rules({
      witnesses: SET,
      self: first.identity.peerId,
      context: first,
      creator: creator.identity.peerId
    })
    const cert = commitCertOf(
      SECOND.map(by => vote(by, LATER)),
      SET,
      alice
    )!
    const closed = onCert(VACANT, cert, own)
    assert.deepEqual(closed.reply, { granted: false, refusal: { reason: 'not-witness' } })
    const holder = alice.identity.peerId
    const lease = leaseCertOf(
      SECOND.map(w => promise(w, alice, { replica: replica(LATER) })),
      SET,
      alice
    )!
    const commit = signed(
      'commit',
      { replica: replica(LATER), holder, fence: 1, seal: seal('r'), lease },
      alice
    )
    assert.deepEqual(onCommit(VACANT, commit, holder, 0, own).reply, {
      granted: false,
      refusal: { reason: 'not-witness' }
    })
  })

  it('let who held a replica in an earlier one claim it at once, at the price of then, and nobody else', () => {
    const second = SECOND[0]!
    const taking = rules({
      ...{ witnesses: SET, self: second.identity.peerId, context: second },
      ...{ race: () => 60_000, openSinceMs: 0, priceCap: () => 9n }
    })
    const leaseOf = (over: Partial<ReplicaKey>, by = FIRST) =>
      leaseCertOf(
        by.map(w => promise(w, alice, { replica: replica(over) })),
        SET,
        alice
      )!
    const lease = leaseOf({})
    const ask = (holder: WireContext, shown: LeaseCert | undefined) =>
      onClaim(
        VACANT,
        freeClaim(holder, 1, { replica: replica(LATER), ...(shown && { lease: shown }) }),
        holder.identity.peerId,
        1_000,
        taking
      ).reply
    const reasonOf = (reply: ReturnType<typeof ask>) => (reply.granted ? undefined : reply.refusal.reason)

    const granted = ask(alice, lease)
    assert.ok(granted.granted && granted.value.price === lease.price && lease.price !== 9n)
    assert.equal(reasonOf(ask(alice, undefined)), 'too-early')
    const bare = freeClaim(alice, 1, { replica: replica(LATER) })
    const shown = onClaim(VACANT, { ...bare, lease }, bare.holder, 1_000, taking).state
    const repeated = onClaim(shown, bare, bare.holder, 1_001, taking).reply
    assert.ok(repeated.granted && repeated.value.price === lease.price)
    const forged = { ...lease, promises: lease.promises.slice(0, 1) }
    const found = {
      ...lease,
      promises: lease.promises.map(p => ({ ...p, body: { ...p.body, register: {} } }))
    }
    const useless = [
      forged,
      found as unknown as LeaseCert,
      leaseOf({ subtask: 4 }),
      leaseOf({ replica: 1 }),
      leaseOf(LATER, SECOND)
    ]
    for (const other of useless) assert.equal(reasonOf(ask(alice, other)), 'bad-certificate')
    assert.equal(reasonOf(ask(bob, lease)), 'bad-certificate')
  })

  it('accuse nobody for votes in generations of others', () => {
    const proof = (by: WireContext) => {
      const votes = [vote(by, LATER), vote(by, LATER, bob)] as const
      const claims = [votes, [votes[1], votes[0]] as const].map(pair => ({
        kind: 'equivocation' as const,
        witness: by.identity.peerId,
        votes: pair
      }))
      return claims.map(claim => judgeEquivocation(claim, alice, SET))
    }
    assert.ok(proof(SECOND[0]!).some(({ action }) => action === 'accept'))
    assert.ok(proof(FIRST[0]!).every(({ action }) => action === 'reject'))
  })
})
