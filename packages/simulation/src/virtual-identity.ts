import type { Identity, PeerId } from '@rayswarm/interface'

const SIGNATURE_SIZE_BYTES = 64
const LANE_COUNT = 4
/** Odd constants with well-spread bits; those of MurmurHash3 for 128 bits. */
const [C1, C2, C3, C4] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93]

type Lanes = readonly [number, number, number, number]

/**
 * Keys of a virtual world: a signature is a keyed hash under a secret that only the world knows.
 *
 * A thousand times cheaper than ed25519, and just as unforgeable for simulated peers, which only see each other's messages and
 * do not attack the hash. Nothing outside a simulation may believe one.
 */
export class VirtualKeys {
  readonly #secrets = new Map<PeerId, Lanes>()

  /** `peerId` should be a well-formed one: decoders check its shape. */
  identity(peerId: PeerId, secret: Uint8Array): Identity {
    this.#secrets.set(peerId, digest([1, 2, 3, 4], secret))
    return {
      peerId,
      sign: bytes => signatureOf(digest(this.#secrets.get(peerId)!, bytes)),
      verify: (signer, bytes, signature) => {
        const key = this.#secrets.get(signer)
        return key !== undefined && matches(signature, digest(key, bytes))
      }
    }
  }
}

/** MurmurHash3 (x86, 128 bits) in its structure, seeded with four words instead of one. */
function digest([a, b, c, d]: Lanes, bytes: Uint8Array): Lanes {
  let [h1, h2, h3, h4] = [a, b, c, d]
  const { length } = bytes
  const word = (at: number): number =>
    at >= length
      ? 0
      : bytes[at]! | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  for (let at = 0; at < length; at += 16) {
    h1 = (Math.imul(rotate(h1 ^ mixed(word(at), C1, 15, C2), 19) + h2, 5) + 0x561ccd1b) | 0
    h2 = (Math.imul(rotate(h2 ^ mixed(word(at + 4), C2, 16, C3), 17) + h3, 5) + 0x0bcaa747) | 0
    h3 = (Math.imul(rotate(h3 ^ mixed(word(at + 8), C3, 17, C4), 15) + h4, 5) + 0x96cd1c35) | 0
    h4 = (Math.imul(rotate(h4 ^ mixed(word(at + 12), C4, 18, C1), 13) + h1, 5) + 0x32ac3b17) | 0
  }
  h1 ^= length
  h2 ^= length
  for (let round = 0; round < 2; round++) {
    h1 = final((h1 + h2 + h3 + h4) | 0)
    h2 = final((h2 + h1) | 0)
    h3 = final((h3 + h1) | 0)
    h4 = final((h4 + h1) | 0)
  }
  return [h1, h2, h3, h4]
}

function mixed(word: number, before: number, by: number, after: number): number {
  return Math.imul(rotate(Math.imul(word, before), by), after)
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

function final(word: number): number {
  const half = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const whole = Math.imul(half ^ (half >>> 13), 0xc2b2ae35)
  return whole ^ (whole >>> 16)
}

/** The digest over and over, until it is as long as an ed25519 signature. */
function signatureOf(lanes: Lanes): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_SIZE_BYTES)
  for (let i = 0; i < SIGNATURE_SIZE_BYTES; i++) signature[i] = byteOf(lanes, i)
  return signature
}

function matches(signature: Uint8Array, lanes: Lanes): boolean {
  if (signature.length !== SIGNATURE_SIZE_BYTES) return false
  for (let i = 0; i < SIGNATURE_SIZE_BYTES; i++) if (signature[i] !== byteOf(lanes, i)) return false
  return true
}

function byteOf(lanes: Lanes, index: number): number {
  return (lanes[(index >> 2) % LANE_COUNT]! >>> ((index & 3) * 8)) & 0xff
}
