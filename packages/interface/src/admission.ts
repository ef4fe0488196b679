/**
 * What to do with something a remote peer sent us.
 *
 * - `accept`: valid, act on it and pass it on.
 * - `ignore`: not useful now (late, duplicate, unknown parent). Costs the sender nothing.
 * - `reject`: provably wrong. Lowers the sender's gossip score.
 */
export type Admission<Fault extends string = string> =
  | { readonly action: 'accept' }
  | { readonly action: 'ignore'; readonly fault: Fault }
  | { readonly action: 'reject'; readonly fault: Fault }

/** A decoded remote message, or why it could not be decoded. Decoders return this and never throw. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: WireFault; readonly detail: string }

/** Why bytes from a remote peer are not a message. */
export type WireFault =
  | 'oversized' // longer than the limit of its type
  | 'malformed' // not dag-cbor, or not of the type's shape
  | 'not-canonical' // decodes, but re-encodes to other bytes
  | 'bad-signature' // does not verify under the signer's key for this protocol version, chain, network and message type
