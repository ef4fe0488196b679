import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Identity, PeerId } from '@rayswarm/interface'

/**
 * Keys of a virtual world: a signature is a keyed hash under a secret that only the world knows.
 *
 * A hundred times cheaper than ed25519, and just as unforgeable for peers that only see each other's messages.
 */
export class VirtualKeys {
  readonly #secrets = new Map<PeerId, Uint8Array>()

  /** `peerId` should be a well-formed one: decoders check its shape. */
  identity(peerId: PeerId, secret: Uint8Array): Identity {
    this.#secrets.set(peerId, secret)
    const sign = (signer: PeerId, bytes: Uint8Array): Uint8Array | undefined => {
      const key = this.#secrets.get(signer)
      if (key === undefined) return undefined
      const mac = hmac(sha256, key, bytes)
      const signature = new Uint8Array(64)
      signature.set(mac)
      signature.set(mac, 32)
      return signature
    }
    return {
      peerId,
      sign: bytes => sign(peerId, bytes)!,
      verify: (signer, bytes, signature) => {
        const expected = sign(signer, bytes)
        return expected !== undefined && equal(expected, signature)
      }
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
