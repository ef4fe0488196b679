import type { Identity, Messages, MessageType, Signed } from '@rayswarm/interface'
import { PROTOCOL_DOMAIN } from '@rayswarm/params'
import { canonical } from './canonical.ts'
import { encodeValue, joined } from './encode.ts'
import type { WireMemo } from './memo.ts'

/** Who we are and where: everything a signature is bound to besides its message. */
export interface WireContext {
  readonly identity: Identity
  readonly chainId: number
  readonly netId: string
  /** Simulations: what other peers of the same world found out already. */
  readonly memo?: WireMemo
}

/** Messages that carry their author's signature. The others are believed of the peer at the other end of the stream. */
export const SIGNED_TYPES = [
  'offer',
  'bid',
  'grant',
  'promise',
  'commit',
  'commit-vote',
  'attestation',
  'entry'
] as const satisfies readonly MessageType[]

/** Type of a signed message. */
export type SignedType = (typeof SIGNED_TYPES)[number]

/** A message as it is before encoding and after decoding. */
export type MessageOf<T extends MessageType> = T extends SignedType
  ? Signed<Messages[T]> & { readonly type: T }
  : { readonly type: T; readonly body: Messages[T] }

const SIGNED: ReadonlySet<string> = new Set(SIGNED_TYPES)

/** Whether messages of this type carry their author's signature. */
export function isSignedType(type: string): type is SignedType {
  return SIGNED.has(type)
}

/** Sign a body in our name, for this chain and network only. */
export function signed<T extends SignedType>(
  type: T,
  body: Messages[T],
  context: WireContext
): Signed<Messages[T]> & { readonly type: T } {
  const signature = context.identity.sign(encodeValue(body, prefixOf(type, context)))
  const message = { type, signer: context.identity.peerId, body, signature }
  context.memo?.onSigned(message)
  return message
}

/** Whether the signer signed exactly this type and body, for this chain and network. Never throws. */
export function verifySigned(message: Signed<unknown>, context: WireContext): boolean {
  const { memo } = context
  if (memo === undefined) return verifyAnew(message, context)
  const known = memo.verified(message)
  if (known !== undefined) return known
  const verified = verifyAnew(message, context)
  memo.onVerified(message, verified)
  return verified
}

function verifyAnew(message: Signed<unknown>, context: WireContext): boolean {
  const { type, signer, signature } = message
  if (!isSignedType(type)) return false
  try {
    return context.identity.verify(signer, encodeValue(message.body, prefixOf(type, context)), signature)
  } catch {
    return false
  }
}

/** Like {@link verifySigned}, for a body that is still encoded. */
export function verifyBody(
  type: SignedType,
  body: Uint8Array,
  signer: string,
  signature: Uint8Array,
  context: WireContext
): boolean {
  return context.identity.verify(signer, joined(prefixOf(type, context), body), signature)
}

const prefixes = new WeakMap<WireContext, Map<SignedType, Uint8Array>>()

/** What a signed body is bound to: `canonical([domain, chainId, netId, type, body])` without the body. */
function prefixOf(type: SignedType, context: WireContext): Uint8Array {
  const ofContext = prefixes.get(context) ?? new Map<SignedType, Uint8Array>()
  prefixes.set(context, ofContext)
  let prefix = ofContext.get(type)
  if (prefix === undefined) {
    // The last element, null, takes one byte: what comes before it is the prefix of every body.
    prefix = canonical([PROTOCOL_DOMAIN, context.chainId, context.netId, type, null]).slice(0, -1)
    ofContext.set(type, prefix)
  }
  return prefix
}
