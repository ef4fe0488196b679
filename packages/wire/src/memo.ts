import type { MessageType, Signed } from '@rayswarm/interface'
import { BoundedMap } from './bounded-map.ts'
import { rememberNested } from './encode.ts'

const SMALL_SIZE_BYTES_MAX = 256
const SMALL_COUNT_MAX = 4_096

/** A message and its bytes, once they are known. */
interface Encoding {
  readonly type: MessageType
  readonly signer: string
  readonly signature: Uint8Array
  bytes: Uint8Array | undefined
}

/**
 * What one simulated world found out about messages, by the very objects they came in: the same bytes reach many of its
 * peers, and each would find the same. Sound only among contexts of one chain and network whose objects nobody changes.
 */
export class WireMemo {
  /** By content: seven witnesses answer in the same words. */
  readonly #small = new BoundedMap<string, { readonly type: MessageType }>(SMALL_COUNT_MAX)
  readonly #decoded = new WeakMap<Uint8Array, { readonly type: MessageType }>()
  readonly #verified = new WeakMap<object, boolean>()

  /** @internal The message that these bytes decoded to. */
  decoded(bytes: Uint8Array): { readonly type: MessageType } | undefined {
    return bytes.length <= SMALL_SIZE_BYTES_MAX ? this.#small.get(textOf(bytes)) : this.#decoded.get(bytes)
  }

  /** @internal */
  onDecoded(bytes: Uint8Array, message: { readonly type: MessageType } | Signed<unknown>): void {
    if (bytes.length <= SMALL_SIZE_BYTES_MAX) this.#small.set(textOf(bytes), message)
    else this.#decoded.set(bytes, message)
    if ('signature' in message) {
      this.#verified.set(message, true)
      remember(message, bytes)
    }
  }

  /** @internal Whether a message's signature verified; undefined when nobody looked. */
  verified(message: Signed<unknown>): boolean | undefined {
    return this.#verified.get(message)
  }

  /** @internal */
  onVerified(message: Signed<unknown>, verified: boolean): void {
    rememberNested(message)
    this.#verified.set(message, verified)
  }

  /** @internal */
  onSigned(message: Signed<unknown>): void {
    this.#verified.set(message, true)
    remember(message, undefined)
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length)
}

/** By body: a copy of a message with the same parts is the same message. Nothing gets in here without a memo. */
const encodings = new WeakMap<object, Encoding>()

function remember(message: Signed<unknown>, bytes: Uint8Array | undefined): void {
  const { type, signer, signature, body } = message
  rememberNested(message)
  if (typeof body === 'object' && body !== null) encodings.set(body, { type, signer, signature, bytes })
}

/** A signed message's bytes, computed once where a memo is kept. */
export function encodedOnce(
  { type, signer, signature, body }: Signed<unknown>,
  encode: () => Uint8Array
): Uint8Array {
  const known = typeof body === 'object' && body !== null ? encodings.get(body) : undefined
  if (known === undefined || known.signature !== signature || known.signer !== signer || known.type !== type)
    return encode()
  known.bytes ??= encode()
  return known.bytes
}
