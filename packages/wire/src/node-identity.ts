import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Identity, PeerId } from '@rayswarm/interface'
import { BoundedMap } from './bounded-map.ts'
import { peerIdOf, publicKeyOf } from './peer-id.ts'
import { isStrictPoint, isStrictSignature } from './strict.ts'

const SEED_SIZE_BYTES = 32
/** DER up to the seed (PKCS #8) and up to the public key (SPKI). */
const PKCS8_PREFIX = Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex'))
const SPKI_PREFIX = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'))

/** Key objects of peers seen lately: importing a key costs as much as a check with it. */
const keyObjects = new BoundedMap<PeerId, KeyObject>(4_096)

/**
 * An identity on `node:crypto`.
 *
 * @param seed 32 secret bytes
 * @throws {RangeError} if the seed is not 32 bytes long
 */
export function nodeIdentity(seed: Uint8Array): Identity {
  if (seed.length !== SEED_SIZE_BYTES)
    throw new RangeError(`an ed25519 seed has 32 bytes, not ${seed.length}`)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const peerId = peerIdOf(Uint8Array.from(spki.subarray(SPKI_PREFIX.length)))
  return {
    peerId,
    sign: bytes => Uint8Array.from(sign(null, bytes, key)),
    verify: verifyWithNode
  }
}

function verifyWithNode(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!isStrictSignature(signature)) return false
  const key = keyObjectOf(signer)
  // OpenSSL's equation is the cofactorless one, byte for byte: that is the rule.
  return key !== undefined && verify(null, bytes, key, signature)
}

function keyObjectOf(peer: PeerId): KeyObject | undefined {
  const known = keyObjects.get(peer)
  if (known !== undefined) return known
  const publicKey = publicKeyOf(peer)
  if (publicKey === undefined || !isStrictPoint(publicKey)) return undefined
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
  keyObjects.set(peer, key)
  return key
}
