import {
  type Decoded,
  type Messages,
  type MessageType,
  RayswarmError,
  type Signed,
  type WireFault
} from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import { bytesEqual, plainBytes } from './bytes.ts'
import { canonical, decodeValue, shape } from './canonical.ts'
import { encodedOnce } from './memo.ts'
import { publicKeyOf } from './peer-id.ts'
import { schemas } from './schema/index.ts'
import { isSignedType, type MessageOf, type SignedType, verifyBody, type WireContext } from './signed.ts'

type Failed = { readonly ok: false; readonly fault: WireFault; readonly detail: string }

/** What a message decodes to, before anything is known about its fields. */
interface Envelope {
  readonly b?: unknown
  readonly g?: unknown
  readonly s?: unknown
  readonly t?: unknown
}

const SIGNATURE_SIZE_BYTES = 64
/** A map of two or four fields, the first of which is `b`. Canonical order puts the body first. */
const BODY_OFFSET = 3
const TYPES = Object.keys(schemas) as MessageType[]
/** How a message of each type ends: key `t` and the type's name. */
const TAILS = Object.fromEntries(TYPES.map(type => [type, canonical({ t: type }).slice(1)])) as Record<
  MessageType,
  Uint8Array
>

/** An unsigned message. */
export function message<T extends Exclude<MessageType, SignedType>>(
  type: T,
  body: Messages[T]
): MessageOf<T> {
  return { type, body } as MessageOf<T>
}

/** Most bytes an encoded message of a type may have. */
export function messageSizeBytesMax(type: MessageType): number {
  return type === 'offer' || type === 'notice' || type === 'entry'
    ? MESSAGE_SIZE_BYTES_MAX[type]
    : MESSAGE_SIZE_BYTES_MAX.direct
}

/**
 * A message as bytes: `{ b, t }`, or `{ b, g, s, t }` when signed.
 *
 * @throws {RayswarmError} `ERR_OVERSIZED` if no peer would take it
 * @see spec/wire.md#envelope
 */
export function encodeMessage(
  message: { readonly type: MessageType; readonly body: unknown } | Signed<unknown>
): Uint8Array {
  if (!('signature' in message)) return unsignedBytes(message)
  const { type, body, signature, signer } = message
  return encodedOnce(message, () => bounded(type, canonical({ b: body, g: signature, s: signer, t: type })))
}

/** Below this, encoding again is cheaper than remembering. */
const OUTGOING_SIZE_BYTES_MIN = 512
/** Unsigned messages on their way: one that goes to several peers, like an opened result, is encoded once. */
const outgoing = new WeakMap<object, Uint8Array>()

function unsignedBytes(message: { readonly type: MessageType; readonly body: unknown }): Uint8Array {
  let bytes = outgoing.get(message)
  if (bytes === undefined) {
    bytes = bounded(message.type, canonical({ b: message.body, t: message.type }))
    if (bytes.length >= OUTGOING_SIZE_BYTES_MIN) outgoing.set(message, bytes)
  }
  return bytes
}

function bounded(type: MessageType, bytes: Uint8Array): Uint8Array {
  const sizeBytesMax = messageSizeBytesMax(type)
  if (bytes.length > sizeBytesMax)
    throw new RayswarmError(
      'ERR_OVERSIZED',
      `${type} message of ${bytes.length} bytes is above ${sizeBytesMax}`,
      {
        thing: `${type} message`,
        value: bytes.length,
        remedy: 'Shorten its texts and lists, or send less at once.'
      }
    )
  return bytes
}

/**
 * Judge bytes from a stranger. Never throws.
 *
 * The order is that of cost: type and size, canonical form, shape, then the outer signature. Signatures of messages
 * inside the message are checked by whoever relies on them, with `verifySigned`.
 */
export function decodeMessage<T extends MessageType>(
  bytes: Uint8Array,
  types: readonly T[],
  context: WireContext
): Decoded<MessageOf<T>> {
  const known = context.memo?.decoded(bytes)
  if (known !== undefined && types.some(type => type === known.type))
    return { ok: true, value: known as MessageOf<T> }
  const decoded = decodeAnew(bytes, types, context)
  if (decoded.ok) context.memo?.onDecoded(bytes, decoded.value)
  return decoded
}

function decodeAnew<T extends MessageType>(
  bytes: Uint8Array,
  types: readonly T[],
  context: WireContext
): Decoded<MessageOf<T>> {
  const input = plainBytes(bytes)
  const type = types.find(candidate => endsWith(input, TAILS[candidate]))
  if (input.length > sizeBytesMaxOf(types)) return failed('oversized', `${input.length} bytes`)
  if (type === undefined) return failed('malformed', 'not one of the expected types')
  if (input.length > messageSizeBytesMax(type)) return failed('oversized', `${type} of ${input.length} bytes`)

  const raw = decodeValue(input)
  if (!raw.ok) return raw
  const envelope = raw.value
  if (!isEnvelope(envelope, type)) return failed('malformed', 'not an envelope')

  const body = shape<unknown>(schemas[type], envelope.b)
  if (!body.ok) return body
  if (!isSignedType(type)) return { ok: true, value: { type, body: body.value } as MessageOf<T> }

  const signer = envelope.s as string
  const signature = envelope.g as Uint8Array
  if (!verifyBody(type, bodyBytes(input, type, signer), signer, signature, context))
    return failed('bad-signature', 'not signed by its signer for this chain and network')
  return { ok: true, value: { type, signer, body: body.value, signature } as unknown as MessageOf<T> }
}

function failed(fault: WireFault, detail: string): Failed {
  return { ok: false, fault, detail }
}

function sizeBytesMaxOf(types: readonly MessageType[]): number {
  return Math.max(0, ...types.map(messageSizeBytesMax))
}

function endsWith(bytes: Uint8Array, tail: Uint8Array): boolean {
  return bytes.length > tail.length && bytesEqual(bytes.subarray(bytes.length - tail.length), tail)
}

function isEnvelope(value: unknown, type: MessageType): value is Envelope {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Envelope
  if (fields.t !== type || fields.b === undefined) return false
  if (!isSignedType(type)) return Object.keys(fields).length === 2
  const { g, s } = fields
  return (
    Object.keys(fields).length === 4 &&
    g instanceof Uint8Array &&
    g.length === SIGNATURE_SIZE_BYTES &&
    typeof s === 'string' &&
    publicKeyOf(s) !== undefined
  )
}

/** The encoded body inside a canonical signed message: what comes before keys `g`, `s` and `t`. Saves encoding it again. */
function bodyBytes(input: Uint8Array, type: SignedType, signer: string): Uint8Array {
  const signatureSizeBytes = 2 + 2 + SIGNATURE_SIZE_BYTES // key, header, bytes
  const signerSizeBytes = 2 + 2 + signer.length
  return input.subarray(BODY_OFFSET, input.length - signatureSizeBytes - signerSizeBytes - TAILS[type].length)
}
