import assert from 'node:assert/strict'
import type { CommitCert, LeaseCert, WitnessSet } from '@rayswarm/interface'
import { canonical, type WireContext } from '@rayswarm/wire'
import fc from 'fast-check'
import { judgeLeaseCert } from '../src/certs.ts'
import { certKey, commitCertOf, judgeCertRecord, judgeCommitCert, leaseCertOf } from '../src/index.ts'
import { decodeCert } from '../src/records.ts'
import {
  alice,
  bob,
  commitCert,
  contextOf,
  creator,
  leaseCert,
  ownerSet,
  promise,
  quorumSet,
  replica,
  seal,
  witnessContexts
} from './fixtures.ts'

const SET = quorumSet(5, 4)
const FIVE = witnessContexts.slice(0, 5)
const FOUR = witnessContexts.slice(0, 4)
const JOB = replica().job
const votes = (by: readonly WireContext[], over: Partial<CommitCert> = {}) =>
  commitCert(alice, by, over).votes

describe('leaseCertOf', () => {
  it('needs q distinct witnesses that promised the same', () => {
    const promises = FOUR.map(w => promise(w, alice))
    assert.equal(leaseCertOf(promises.slice(1), SET, alice), undefined)
    assert.equal(leaseCertOf([...promises.slice(1), promises[1]!], SET, alice), undefined)
    assert.equal(leaseCertOf([...promises.slice(1), promise(FOUR[0]!, bob)], SET, alice), undefined)
    assert.equal(
      leaseCertOf([...promises.slice(1), promise(FOUR[0]!, alice, { fence: 2 })], SET, alice),
      undefined
    )
    assert.deepEqual(leaseCertOf(promises, SET, alice), leaseCert(alice, FOUR))
  })

  it('passes over what does not count', () => {
    const stranger = promise(contextOf('stranger'), alice)
    const foreign = promise({ ...FIVE[4]!, netId: 'other' }, alice)
    const promises = FOUR.map(w => promise(w, alice))
    assert.deepEqual(leaseCertOf([stranger, foreign, ...promises], SET, alice), leaseCert(alice, FOUR))
    assert.equal(leaseCertOf([stranger, foreign, ...promises.slice(1)], SET, alice), undefined)
  })

  it('builds the same certificate from promises in any order, for the latest fence', () => {
    const promises = [1, 2].flatMap(fence => FIVE.map(w => promise(w, alice, { fence })))
    const drawn = fc.shuffledSubarray(promises, { minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(drawn, all => {
        assert.deepEqual(leaseCertOf(all, SET, alice), leaseCert(alice, FOUR, { fence: 2 }))
      }),
      { numRuns: 30 }
    )
  })
})

describe('commitCertOf', () => {
  it('needs q distinct votes for the same seal', () => {
    assert.deepEqual(commitCertOf(votes(FOUR), SET, bob), commitCert(alice, FOUR))
    const mixed = [...votes(FOUR.slice(1)), ...votes(FOUR.slice(0, 1), { seal: seal('other') })]
    assert.equal(commitCertOf(mixed, SET, bob), undefined)
  })

  it('takes the creator alone in owner mode', () => {
    assert.deepEqual(commitCertOf(votes([creator]), ownerSet, bob), commitCert(alice, [creator]))
    assert.equal(commitCertOf(votes([bob]), ownerSet, bob), undefined)
  })
})

describe('judgeCommitCert, judgeLeaseCert', () => {
  const good = commitCert(alice, FOUR)
  const fault = (cert: CommitCert, set: WitnessSet = SET) => {
    const admission = judgeCommitCert(cert, set, bob)
    return admission.action === 'accept' ? undefined : admission.fault
  }
  const leaseFault = (cert: LeaseCert, set: WitnessSet = SET) => {
    const admission = judgeLeaseCert(cert, set, bob)
    return admission.action === 'accept' ? undefined : admission.fault
  }

  it('accept what q or more witnesses signed', () => {
    assert.equal(fault(good), undefined)
    assert.equal(fault(commitCert(alice, FIVE)), undefined)
    assert.equal(leaseFault(leaseCert(alice, FOUR)), undefined)
  })

  it('reject too few, strangers, repetitions, other bodies, other types and bad signatures', () => {
    const [first, ...rest] = good.votes as [CommitCert['votes'][number], ...CommitCert['votes'][number][]]
    assert.equal(fault({ ...good, votes: rest }), 'no-quorum')
    assert.equal(fault({ ...good, votes: [] }, { ...SET, quorum: 0 }), 'no-quorum')
    assert.equal(fault(commitCert(alice, [...FOUR.slice(1), contextOf('stranger')])), 'not-witness')
    assert.equal(fault({ ...good, votes: [...rest, rest[0]!] }), 'twice')
    assert.equal(fault({ ...good, votes: [...good.votes, first, first] }), 'oversized')
    assert.equal(fault({ ...good, seal: seal('other') }), 'mismatch')
    assert.equal(fault({ ...good, holder: bob.identity.peerId }), 'mismatch')
    assert.equal(fault({ ...good, replica: replica({ generation: 1 }) }), 'mismatch')
    assert.equal(fault(good, { ...SET, job: 'bafyother' }), 'mismatch')
    assert.equal(fault({ ...good, votes: [{ ...first, type: 'promise' }, ...rest] }), 'mismatch')
    assert.equal(
      fault({ ...good, votes: [{ ...first, signature: rest[0]!.signature }, ...rest] }),
      'bad-signature'
    )
    assert.equal(leaseFault({ ...leaseCert(alice, FOUR), fence: 2 }), 'mismatch')
    assert.equal(leaseFault(leaseCert(alice, FOUR.slice(1))), 'no-quorum')
  })

  it('reject what was signed for another network', () => {
    assert.equal(
      fault(
        commitCert(
          alice,
          FOUR.map(w => ({ ...w, netId: 'other' }))
        )
      ),
      'bad-signature'
    )
  })
})

describe('judgeCertRecord', () => {
  const known = (job: string) => (job === JOB ? SET : undefined)
  const cert = commitCert(alice, FOUR)
  const lease = leaseCert(alice, FOUR)
  const judged = (key: string, value: Uint8Array, witnesses = known) => {
    const admission = judgeCertRecord(key, value, witnesses, bob)
    return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
  }

  it('accepts a certificate under its own key', () => {
    assert.equal(certKey('commit', replica()), `/rayswarm/cert/${JOB}/3.0/0/commit`)
    assert.equal(judged(certKey('commit', replica()), canonical(cert)), 'accept')
    assert.equal(judged(certKey('lease', replica()), canonical(lease)), 'accept')
    assert.deepEqual(decodeCert('lease', canonical(lease)), { ok: true, value: lease })
  })

  it('rejects it under any other key', () => {
    const value = canonical(cert)
    for (const key of [
      certKey('commit', replica({ subtask: 4 })),
      certKey('commit', replica({ generation: 1 })),
      certKey('commit', replica()).replace('/3.0/', '/03.0/'),
      certKey('commit', replica()).replace('commit', 'verdict'),
      `${certKey('commit', replica())}/`,
      ''
    ])
      assert.equal(judged(key, value), 'reject wrong-key', key)
    assert.equal(judged(certKey('lease', replica()), value), 'reject malformed')
  })

  it('ignores certificates of jobs it does not know', () => {
    assert.equal(
      judged(certKey('commit', replica()), canonical(cert), () => undefined),
      'ignore unknown-job'
    )
  })

  it('rejects certificates that do not hold', () => {
    const few = canonical(commitCert(alice, FOUR.slice(1)))
    assert.equal(judged(certKey('commit', replica()), few), 'reject no-quorum')
  })

  it('never throws, whatever the bytes', () => {
    const good = canonical(cert)
    const key = certKey('commit', replica())
    assert.equal(judged(key, new Uint8Array(17 * 1024)), 'reject oversized')
    assert.equal(judged(key, canonical({ ...cert, extra: 1 })), 'reject malformed')
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bent = good.slice()
        bent[at]! ^= flip
        assert.match(judged(key, bent), /^reject /)
      }),
      { numRuns: 200 }
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => assert.match(judged(key, bytes), /^reject /))
    )
  })
})
