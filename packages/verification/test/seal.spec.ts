import assert from 'node:assert/strict'
import type { Attestation, CommitCert, ReplicaKey } from '@rayswarm/interface'
import { cidOf, nodeIdentity, sha256, signed, toHex, type WireContext } from '@rayswarm/wire'
import { judgeReveal, sealOf } from '../src/index.ts'

const text = new TextEncoder()
const bytes = (name: string): Uint8Array => sha256(text.encode(name))

function contextOf(name: string, netId = 'verification-test'): WireContext {
  return { identity: nodeIdentity(bytes(name)), chainId: 31_337, netId }
}

const alice = contextOf('alice')
const bob = contextOf('bob')
const replica: ReplicaKey = { job: cidOf('job'), subtask: 2, replica: 1, generation: 0 }
const opening = { digest: bytes('digest'), salt: bytes('salt') }

function attestation(over: Partial<Attestation> = {}): Attestation {
  return {
    replica,
    holder: alice.identity.peerId,
    account: '0x0000000000000000000000000000000000000001',
    manifest: cidOf('manifest'),
    equivalenceClass: 'pathtracer/1/wasm',
    opening,
    result: cidOf('result'),
    resultSizeBytes: 10,
    elapsedMs: 1_000,
    ...over
  }
}

/** The votes are the lease rules' business. */
function certOf(holder: WireContext, over: Partial<CommitCert> = {}): CommitCert {
  const { peerId } = holder.identity
  return { replica, holder: peerId, price: 5n, seal: sealOf(attestation()), votes: [], ...over }
}

describe('sealOf', () => {
  it('differs by everything that is attested', () => {
    const seals = [
      {},
      { opening: { ...opening, digest: bytes('other') } },
      { opening: { ...opening, salt: bytes('other') } },
      { holder: bob.identity.peerId },
      { replica: { ...replica, replica: 0 } },
      { replica: { ...replica, generation: 1 } },
      { account: '0x0000000000000000000000000000000000000002' },
      { result: cidOf('another result') },
      { equivalenceClass: 'pathtracer/2/wasm' },
      { elapsedMs: 1_001 }
    ].map(over => sealOf(attestation(over)))
    assert.equal(new Set(seals.map(toHex)).size, seals.length)
  })
})

describe('judgeReveal', () => {
  const fault = (cert: CommitCert, reveal: ReturnType<typeof signed<'attestation'>>, context = alice) => {
    const admission = judgeReveal(cert, reveal, context)
    return admission.action === 'accept' ? undefined : `${admission.action} ${admission.fault}`
  }

  it('accepts the holder opening its own seal', () => {
    assert.equal(fault(certOf(alice), signed('attestation', attestation(), alice), bob), undefined)
  })

  it('does not let a copied seal open for somebody else', () => {
    const copied = certOf(bob, { seal: certOf(alice).seal })
    const body = attestation({ holder: bob.identity.peerId })
    assert.equal(fault(copied, signed('attestation', body, bob)), 'reject seal-mismatch')
  })

  it('rejects another digest or salt than was sealed', () => {
    for (const over of [{ digest: bytes('other') }, { salt: bytes('other') }]) {
      const body = attestation({ opening: { ...opening, ...over } })
      assert.equal(fault(certOf(alice), signed('attestation', body, alice)), 'reject seal-mismatch')
    }
  })

  it('rejects another replica, holder or signer', () => {
    const elsewhere = attestation({ replica: { ...replica, generation: 1 } })
    assert.equal(fault(certOf(alice), signed('attestation', elsewhere, alice)), 'reject wrong-replica')
    const foreign = attestation({ holder: bob.identity.peerId })
    assert.equal(fault(certOf(alice), signed('attestation', foreign, bob)), 'reject wrong-holder')
    assert.equal(fault(certOf(alice), signed('attestation', attestation(), bob)), 'reject wrong-holder')
  })

  it('rejects what was changed after signing, or signed for another network', () => {
    const good = signed('attestation', attestation(), alice)
    const bent = { ...good, body: { ...good.body, resultSizeBytes: 11 } }
    assert.equal(fault(certOf(alice), bent), 'reject seal-mismatch')
    const forged = { ...good, signature: good.signature.toReversed() }
    assert.equal(fault(certOf(alice), forged), 'reject bad-signature')
    assert.equal(fault(certOf(alice), good, contextOf('alice', 'other')), 'reject bad-signature')
  })

  it('rejects openings of the wrong size', () => {
    const body = attestation({ opening: { ...opening, salt: new Uint8Array(31) } })
    assert.equal(fault(certOf(alice), signed('attestation', body, alice)), 'reject malformed')
  })
})
