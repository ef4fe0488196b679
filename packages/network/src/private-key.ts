import { createPrivateKey, createPublicKey } from 'node:crypto'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { concat } from 'uint8arrays/concat'
import { fromString } from 'uint8arrays/from-string'

const SEED_BYTES = 32
/** RFC 8410 §7: what stands before an ed25519 seed in PKCS #8. */
const PKCS8_PREFIX = fromString('302e020100300506032b657004220420', 'hex')

/**
 * libp2p's key of an ed25519 seed.
 *
 * libp2p derives the public half in JavaScript, which builds tables for a twentieth of a second before the first one.
 */
export function privateKeyOf(seed: Uint8Array): PrivateKey {
  if (seed.byteLength !== SEED_BYTES) throw new RangeError(`a private key seed has ${SEED_BYTES} bytes`)
  const key = createPrivateKey({
    key: Buffer.from(concat([PKCS8_PREFIX, seed])),
    format: 'der',
    type: 'pkcs8'
  })
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return privateKeyFromRaw(concat([seed, fromString(x, 'base64url')]))
}
