import type { Cid, Decoded, Hex, JobId, JobSpec } from '@rayswarm/interface'
import { CID } from 'multiformats/cid'
import type { ZodType } from 'zod'
import { base32Of } from './base32.ts'
import { fromHex, plainBytes, sha256, toHex } from './bytes.ts'
import { decodeScanned } from './decode.ts'
import { encodeValue } from './encode.ts'
import { scan } from './scan.ts'

const DAG_CBOR = 0x71
const SHA2_256 = 0x12
const DIGEST_SIZE_BYTES = 32
/** Version, codec, hash function, length of the digest: what every id of ours begins with. */
const CID_PREFIX = Uint8Array.of(1, DAG_CBOR, SHA2_256, DIGEST_SIZE_BYTES)

/**
 * The one encoding of a value: dag-cbor. Object fields that are undefined are dropped, amounts are cbor integers.
 *
 * @throws {TypeError} if the value has no encoding: functions, undefined in a list, not-a-number, integers beyond 64 bits
 * @see spec/wire.md#canonical
 */
export function canonical(value: unknown): Uint8Array {
  return encodeValue(value)
}

/** CIDv1 (dag-cbor, sha2-256) of a value's canonical encoding. */
export function cidOf(value: unknown): Cid {
  return cidOfDigest(sha256(canonical(value)))
}

function cidOfDigest(digest: Uint8Array): Cid {
  const bytes = new Uint8Array(CID_PREFIX.length + DIGEST_SIZE_BYTES)
  bytes.set(CID_PREFIX)
  bytes.set(digest, CID_PREFIX.length)
  return base32Of(bytes)
}

/** A job's id: the CID of its spec. */
export function jobIdOf(spec: JobSpec): JobId {
  return cidOf(spec)
}

/**
 * What the chain knows a job by: the sha2-256 digest inside its id.
 *
 * @throws {TypeError} if the text is no job id
 */
export function jobHashOf(job: JobId): Hex {
  const { code, multihash } = CID.parse(job)
  if (code !== DAG_CBOR || multihash.code !== SHA2_256) throw new TypeError(`not a job id: ${job}`)
  return toHex(multihash.digest)
}

/**
 * The job of a hash that the chain tells: undoes {@link jobHashOf}.
 *
 * @throws {RangeError} if it is not 32 bytes in hex
 */
export function jobOfHash(hash: Hex): JobId {
  const digest = fromHex(hash)
  if (digest.length !== DIGEST_SIZE_BYTES) throw new RangeError(`not a job hash: ${hash}`)
  return cidOfDigest(digest)
}

/** Salt of a job's escrow. It follows from the job, so that a lock that is repeated after a crash finds the first one. */
export function escrowSaltOf(job: JobId): Hex {
  return toHex(sha256(new TextEncoder().encode(`rayswarm escrow ${job}`)))
}

/** The value that these bytes are the one encoding of. Never throws. */
export function decodeValue(bytes: Uint8Array): Decoded<unknown> {
  const fault = scan(bytes)
  if (fault === 'malformed') return { ok: false, fault, detail: 'not dag-cbor' }
  if (fault !== undefined) return { ok: false, fault, detail: 'encodes to other bytes' }
  return { ok: true, value: decodeScanned(bytes) }
}

/** Decode a record of our own, whose shape needs no judging. Undefined when the bytes are no canonical encoding. */
export function decodeRaw(bytes: Uint8Array): { readonly value: unknown } | undefined {
  const decoded = decodeValue(plainBytes(bytes))
  return decoded.ok ? { value: decoded.value } : undefined
}

/**
 * Decode bytes that are not a message: a record of the DHT, a stored state. Never throws.
 *
 * @param sizeBytesMax longer input is `oversized` and not looked at
 */
export function decodeCanonical<T>(bytes: Uint8Array, schema: ZodType<T>, sizeBytesMax: number): Decoded<T> {
  if (bytes.length > sizeBytesMax)
    return { ok: false, fault: 'oversized', detail: `${bytes.length} bytes, at most ${sizeBytesMax}` }
  const decoded = decodeValue(plainBytes(bytes))
  return decoded.ok ? shape(schema, decoded.value) : decoded
}

/** Judge a decoded value's shape. */
export function shape<T>(schema: ZodType<T>, value: unknown): Decoded<T> {
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  const issue = result.error.issues[0]
  const where = issue?.path.join('.') || 'message'
  return {
    ok: false,
    fault: 'malformed',
    detail: `${where}: ${issue?.message ?? 'wrong shape'}`.slice(0, 200)
  }
}
