import { etc, getPublicKey, hashes, Point, sign } from '@noble/ed25519'
import { sha512 } from '@noble/hashes/sha2.js'
import type { Identity, PeerId } from '@rayswarm/interface'
import { bytesEqual } from './bytes.ts'
import { peerIdOf, publicKeyOf } from './peer-id.ts'
import { isStrictPoint, isStrictSignature } from './strict.ts'

const SEED_SIZE_BYTES = 32
const POINT_SIZE_BYTES = 32
hashes.sha512 = sha512

/**
 * An identity in plain JavaScript: for browsers, and as the second opinion on {@link nodeIdentity}.
 *
 * @param seed 32 secret bytes
 * @throws {RangeError} if the seed is not 32 bytes long
 */
export function nobleIdentity(seed: Uint8Array): Identity {
  if (seed.length !== SEED_SIZE_BYTES)
    throw new RangeError(`an ed25519 seed has 32 bytes, not ${seed.length}`)
  const secret = Uint8Array.from(seed)
  return {
    peerId: peerIdOf(getPublicKey(secret)),
    sign: bytes => sign(bytes, secret),
    verify: verifyWithNoble
  }
}

function verifyWithNoble(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!isStrictSignature(signature)) return false
  const publicKey = publicKeyOf(signer)
  if (publicKey === undefined || !isStrictPoint(publicKey)) return false
  try {
    return equationHolds(publicKey, bytes, signature)
  } catch {
    return false // a key that is no point of the curve
  }
}

/** `encode([S]B − [k]A) = R`, without a cofactor. Noble's own check has one and would accept more than OpenSSL does. */
function equationHolds(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, POINT_SIZE_BYTES)
  const s = littleEndian(signature.subarray(POINT_SIZE_BYTES))
  const k = etc.mod(littleEndian(sha512(etc.concatBytes(r, publicKey, bytes))), Point.CURVE().n)
  const a = Point.fromBytes(publicKey, false).negate()
  return bytesEqual(Point.BASE.multiplyUnsafe(s).add(a.multiplyUnsafe(k)).toBytes(), r)
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}
