import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { verify as nobleVerify, Point } from '@noble/ed25519'
import fc from 'fast-check'
import { fromHex, nobleIdentity, nodeIdentity, peerIdOf, publicKeyOf } from '../src/index.ts'
import { readVectors } from './vectors.ts'

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const seed = new Uint8Array(32).fill(7)
const backends = { 'node:crypto': nodeIdentity(seed), noble: nobleIdentity(seed) }
const { signatures } = readVectors()

/** What OpenSSL says without our rule. Version 3.0 takes eight of the vectors that are to be refused, 3.5 none. */
function byOpenSsl(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
  return verify(null, message, key, signature)
}

/** What noble says without our rule. */
function byNoble(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return nobleVerify(signature, message, publicKey)
  } catch {
    return false
  }
}

describe('signatures', () => {
  for (const [backend, identity] of Object.entries(backends))
    describe(backend, () => {
      for (const { name, publicKey, message, signature, valid } of signatures)
        it(`${valid ? 'accepts' : 'refuses'}: ${name}`, () => {
          const signer = peerIdOf(fromHex(publicKey))
          assert.equal(identity.verify(signer, fromHex(message), fromHex(signature)), valid)
        })

      it('refuses a signer that is no peer id', () => {
        const bytes = Uint8Array.of(1)
        assert.equal(identity.verify('', bytes, identity.sign(bytes)), false)
        assert.equal(identity.verify(`1${identity.peerId}`, bytes, identity.sign(bytes)), false)
      })

      it('takes seeds of 32 bytes only', () => {
        const identityOf = backend === 'noble' ? nobleIdentity : nodeIdentity
        assert.throws(() => identityOf(new Uint8Array(31)), RangeError)
        assert.throws(() => identityOf(new Uint8Array(33)), RangeError)
      })
    })

  it('needs its own rule: the libraries alone disagree on these vectors', () => {
    const differing = signatures.filter(({ publicKey, message, signature }) => {
      const [key, bytes, signed] = [fromHex(publicKey), fromHex(message), fromHex(signature)]
      return byNoble(key, bytes, signed) !== byOpenSsl(key, bytes, signed)
    })
    assert.ok(differing.length > 0)
  })

  it('is the same on both backends, for honest and injured signatures', () => {
    const [node, noble] = [backends['node:crypto'], backends.noble]
    assert.equal(node.peerId, noble.peerId)
    const injury = fc.record({ at: fc.nat(63), bit: fc.nat(7), injure: fc.boolean() })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), injury, (message, { at, bit, injure }) => {
        const signature = node.sign(message)
        assert.deepEqual(noble.sign(message), signature)
        if (injure) signature[at]! ^= 1 << bit
        assert.equal(node.verify(node.peerId, message, signature), !injure)
        assert.equal(noble.verify(node.peerId, message, signature), !injure)
      }),
      { numRuns: 60 }
    )
  })

  it('knows every point of small order, and only those', () => {
    // All multiples of a point of order 8; OpenSSL's equation holds for each with R = identity, S = 0 and a fitting message.
    const keys = signatures
      .filter(({ name }) => /^key of small order, \d of 8$/.test(name))
      .map(v => fromHex(v.publicKey))
    assert.equal(new Set(keys.map(String)).size, 8)
    for (const key of keys) assert.ok(Point.fromBytes(key, true).isSmallOrder())
    for (let i = 1n; i < 50n; i++) {
      const key = Point.BASE.multiply(i).toBytes()
      assert.ok(publicKeyOf(peerIdOf(key)))
    }
  })
})
