import assert from 'node:assert/strict'
import type {
  Commit,
  LeaseCert,
  LeasePromise,
  PeerId,
  Refusal,
  ReplicaKey,
  Signed
} from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { SeededChance, VirtualClock } from '@rayswarm/simulation'
import {
  cidOf,
  decodeMessage,
  encodeMessage,
  message,
  nodeIdentity,
  sha256,
  signed,
  type WireContext
} from '@rayswarm/wire'
import type { RoleComponents } from '../src/components.ts'
import { Scope } from '../src/scope.ts'
import { WitnessQuorum } from '../src/witness-quorum.ts'

const text = new TextEncoder()
const replica: ReplicaKey = { job: cidOf('job'), subtask: 0, replica: 0, generation: 0 }

function contextOf(name: string): WireContext {
  return { identity: nodeIdentity(sha256(text.encode(name))), chainId: 31_337, netId: 'quorum-test' }
}

const witnesses = ['w0', 'w1', 'w2'].map(contextOf)
const [alice, bob] = [contextOf('alice'), contextOf('bob')]
const members = witnesses.map(({ identity }) => identity.peerId)

function promise(by: WireContext, holder: WireContext, fence: number, register?: Signed<Commit>) {
  const body: LeasePromise = { replica, holder: holder.identity.peerId, fence, price: 5n, termMs: 1_000 }
  return signed('promise', register === undefined ? body : { ...body, register }, by)
}

/** A commit of bob's, under a lease that these witnesses promised him. */
function commitOfBob(by: readonly WireContext[], over: Partial<ReplicaKey> = {}): Signed<Commit> {
  const holder = bob!.identity.peerId
  const lease: LeaseCert = {
    replica,
    holder,
    fence: 1,
    price: 5n,
    promises: by.map(w => promise(w, bob!, 1))
  }
  const seal = sha256(text.encode('result of bob'))
  return signed('commit', { replica: { ...replica, ...over }, holder, fence: 1, seal, lease }, bob!)
}

/** Alice before three witnesses, two of which are a quorum. */
function quorumOf(answer: (witness: WireContext, bytes: Uint8Array) => Uint8Array): WitnessQuorum {
  const request = async (to: PeerId, _protocol: string, bytes: Uint8Array): Promise<Uint8Array> =>
    answer(witnesses[members.indexOf(to)]!, bytes)
  const components = {
    ...{ clock: new VirtualClock(), chance: new SeededChance(1), context: alice, params: params.minimal },
    ...{ network: { peerId: alice!.identity.peerId, request }, log: {} }
  } as unknown as RoleComponents
  return new WitnessQuorum(components, new Scope(components), {
    job: replica.job,
    members,
    witnessCount: members.length,
    quorum: 2
  })
}

/** Alice claims; the first witness answers first and shows this commit, the others promise. */
function claimShown(register: Signed<Commit>) {
  const quorum = quorumOf((witness, bytes) => {
    const decoded = decodeMessage(bytes, ['claim', 'release'], witness)
    assert.ok(decoded.ok)
    if (decoded.value.type === 'release') return encodeMessage(message('release-ack', {}))
    const shown = witness === witnesses[0] ? register : undefined
    return encodeMessage(promise(witness, alice!, decoded.value.body.fence, shown))
  })
  return quorum.claim({ replica, fence: 2, etaMs: 1_000 })
}

/** Alice renews; each witness refuses for its own reason. */
function renewRefused(refusals: readonly Refusal[]) {
  const quorum = quorumOf(witness => encodeMessage(message('refusal', refusals[witnesses.indexOf(witness)]!)))
  const holder = alice!.identity.peerId
  return quorum.renew(
    { cert: { replica, holder, fence: 1, price: 5n, promises: [] }, etaMs: 1_000 },
    0,
    false
  )
}

describe('WitnessQuorum', () => {
  it('finishes the commit that a witness shows', async () => {
    const claimed = await claimShown(commitOfBob(witnesses))
    assert.ok('held' in claimed)
    assert.deepEqual(claimed.held.register, commitOfBob(witnesses))
  })

  for (const [what, register] of [
    ['under a lease of too few promises', commitOfBob(witnesses.slice(0, 1))],
    ['of another replica', commitOfBob(witnesses, { subtask: 1 })],
    ['that its holder did not sign', signed('commit', commitOfBob(witnesses).body, witnesses[0]!)]
  ] as const)
    it(`does without a witness that shows a commit ${what}`, async () => {
      const claimed = await claimShown(register)
      assert.ok('held' in claimed)
      assert.equal(claimed.held.register, undefined)
      const signers = claimed.held.cert.promises.map(({ signer }) => signer)
      assert.deepEqual(signers, members.slice(1))
    })

  it('hands the certificate of a closed replica to a witness that has not heard of it', async () => {
    const vote = {
      replica,
      holder: bob!.identity.peerId,
      seal: sha256(text.encode('result of bob')),
      price: 5n
    }
    const cert = { ...vote, votes: witnesses.slice(1).map(by => signed('commit-vote', vote, by)) }
    const told: PeerId[] = []
    const quorum = quorumOf((witness, bytes) => {
      const decoded = decodeMessage(bytes, ['claim', 'release', 'sealed'], witness)
      assert.ok(decoded.ok)
      const { type, body } = decoded.value
      if (type === 'release') return encodeMessage(message('release-ack', {}))
      if (type === 'claim')
        return encodeMessage(
          witness === witnesses[0]
            ? promise(witness, alice!, body.fence)
            : message('refusal', { reason: 'done', cert })
        )
      assert.deepEqual(body.cert, cert)
      told.push(witness.identity.peerId)
      return encodeMessage(message('sealed-reply', { open: false, retryAfterMs: 1_000 }))
    })
    const claimed = await quorum.claim({ replica, fence: 2, etaMs: 1_000 })
    assert.deepEqual('refusal' in claimed && claimed.refusal.reason, 'done')
    assert.deepEqual(told, members.slice(0, 1))
  })

  it('waits for witnesses that find it too early, and keeps what the others promised', async () => {
    const asked: string[] = []
    const quorum = quorumOf((witness, bytes) => {
      const decoded = decodeMessage(bytes, ['claim', 'release'], witness)
      assert.ok(decoded.ok)
      const { type, body } = decoded.value
      asked.push(`${type} ${body.fence}`)
      const isEarly = asked.length <= members.length && witness !== witnesses[0]
      return encodeMessage(
        isEarly
          ? message('refusal', { reason: 'too-early', fence: 1, leftMs: 100 })
          : promise(witness, alice!, body.fence)
      )
    })
    const claiming = quorum.claim({ replica, fence: 2, etaMs: 1_000 })
    await (quorum.components.clock as VirtualClock).until(() => false, 1_000)
    const claimed = await claiming
    assert.ok('held' in claimed)
    assert.equal(claimed.held.cert.fence, 2)
    assert.deepEqual([...new Set(asked)], ['claim 2'])
  })

  it('waits for the one for which the last lease ends a little later, where others are gone', async () => {
    let heldCount = 0
    const quorum = quorumOf((witness, bytes) => {
      if (witness === witnesses[2]) throw new Error('gone')
      const decoded = decodeMessage(bytes, ['claim'], witness)
      assert.ok(decoded.ok, 'nothing is released')
      assert.equal(decoded.value.body.fence, 2)
      const isHeld = witness === witnesses[1] && heldCount++ === 0
      return encodeMessage(
        isHeld
          ? message('refusal', { reason: 'held', fence: 1, leftMs: 100 })
          : promise(witness, alice!, decoded.value.body.fence)
      )
    })
    const claiming = quorum.claim({ replica, fence: 2, etaMs: 1_000 })
    await (quorum.components.clock as VirtualClock).until(() => false, 10_000)
    assert.ok('held' in (await claiming))
  })

  it('tells all witnesses of a certificate', async () => {
    const told: PeerId[] = []
    const quorum = quorumOf(witness => {
      told.push(witness.identity.peerId)
      throw new Error('no answer')
    })
    await quorum.tell({
      ...{ replica, holder: alice!.identity.peerId, seal: new Uint8Array(32), price: 5n, votes: [] }
    })
    assert.deepEqual(told, members)
  })

  for (const [what, reasons, answered] of [
    ['one of three knows the job, another lies', ['vote', 'unknown-job', 'register-taken'], 'silent'],
    ['one lies and another may not have heard', ['vote', 'register-taken', 'silent'], 'silent'],
    ['no quorum is left that did not take another', ['vote', 'register-taken', 'done'], 'register-taken'],
    ['two of three say nothing', ['vote', 'silent', 'silent'], 'silent']
  ] as const)
    it(`says that a commit was refused for good when it was: ${what}`, async () => {
      const commit = commitOfBob(witnesses)
      const { replica, holder, seal } = commit.body
      const quorum = quorumOf(witness => {
        const reason = reasons[witnesses.indexOf(witness)]!
        if (reason === 'silent') throw new Error('no answer')
        if (reason !== 'vote') return encodeMessage(message('refusal', { reason }))
        return encodeMessage(signed('commit-vote', { replica, holder, seal, price: 5n }, witness))
      })
      const relaying = quorum.relay(commit)
      // The silent ones are asked again.
      await (quorum.components.clock as VirtualClock).until(() => false, 60_000)
      const relayed = await relaying
      assert.equal('refusal' in relayed ? relayed.refusal.reason : 'silent', answered)
    })

  it('takes a lease for lost when no quorum is left that has not heard of a higher fence', async () => {
    const higher = { reason: 'stale-fence', fence: 2 } as const
    assert.deepEqual(await renewRefused([higher, { reason: 'overloaded' }, higher]), higher)
  })

  it('does not take one witness at its word that somebody holds a higher fence', async () => {
    const higher = { reason: 'stale-fence', fence: 99 } as const
    const busy = { reason: 'overloaded' } as const
    assert.deepEqual(await renewRefused([higher, busy, busy]), busy)
  })
})
