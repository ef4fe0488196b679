import type {
  Account,
  Amount,
  Cid,
  EquivalenceClass,
  Hex,
  JobId,
  PeerId,
  ReplicaKey
} from '@rayswarm/interface'
import { GENERATION_MAX, REPLICA_COUNT_MAX, SUBTASK_COUNT_MAX } from '@rayswarm/params'
import { z } from 'zod'
import { isAccount } from '../account.ts'
import { publicKeyOf } from '../peer-id.ts'

const UINT64_MAX = 2n ** 64n - 1n
/** The last instant a `Date` can hold. */
const INSTANT_MS_MAX = 8.64e15
/** Durations end up in timers, and timers count in 31 bits. */
export const DURATION_MS_MAX = 2 ** 31 - 1
export const UINT32_MAX = 2 ** 32 - 1
const PATH_LENGTH_MAX = 256
const CLASS_LENGTH_MAX = 128

/** CIDv1, base32, sha2-256; raw, dag-pb or dag-cbor. The expression admits exactly the texts that decode and encode to themselves. */
const CID = /^baf(?:kre|ybe|yre)i[a-h][a-z2-7]{50}[aeimquy4]$/
const DAG_CBOR_CID = /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/
/** Control characters, halves of surrogate pairs, which have no UTF-8, and the byte order mark, which decoders drop. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\uFEFF]/u
const HEX_32 = /^0x[0-9a-f]{64}$/
const CLASS = /^[a-z0-9][a-z0-9._+-]*(?:\/[a-z0-9][a-z0-9._+-]*)*$/
const ENGINE = /^[a-z][a-z0-9-]{0,31}$/

interface CheckedDef extends z.core.$ZodTypeDef {
  readonly check: (value: unknown) => boolean
  readonly message: string
}

/** One test of one value. `z.custom` leads it through the machinery for chains of tests, which costs more than most of ours do. */
const Checked = z.core.$constructor<z.ZodType, CheckedDef>('Checked', (type, def) => {
  z.ZodType.init(type, def)
  type._zod.parse = payload => {
    const { value: input } = payload
    if (!def.check(input)) payload.issues.push({ code: 'custom', input, inst: type, message: def.message })
    return payload
  }
})

/** A check of one value, with the message a person reads when a job spec fails it. */
function checked<T>(check: (value: unknown) => boolean, message: string): z.ZodType<T> {
  return new Checked({ type: 'custom', check, message }) as z.ZodType<T>
}

function matching<T extends string>(expression: RegExp, lengthMax: number, message: string): z.ZodType<T> {
  return checked<T>(
    value => typeof value === 'string' && value.length <= lengthMax && expression.test(value),
    message
  )
}

/** Integer of a closed range. */
export function integer(min: number, max: number): z.ZodType<number> {
  return checked<number>(
    value => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be an integer from ${min} to ${max}`
  )
}

/** Finite number of a closed range; not minus zero, which has no encoding of its own. */
export function decimal(min: number, max: number): z.ZodType<number> {
  return checked<number>(
    value => typeof value === 'number' && value >= min && value <= max && !Object.is(value, -0),
    `must be a number from ${min} to ${max}`
  )
}

/** Text of 1 to `lengthMax` UTF-16 units without control characters. */
export function text(lengthMax: number): z.ZodType<string> {
  return checked<string>(
    value =>
      typeof value === 'string' && value.length >= 1 && value.length <= lengthMax && !UNPRINTABLE.test(value),
    `must be text of 1 to ${lengthMax} characters without control characters`
  )
}

/** Byte string of one length. */
export function bytes(sizeBytes: number): z.ZodType<Uint8Array> {
  return checked<Uint8Array>(
    value => value instanceof Uint8Array && value.length === sizeBytes,
    `must be ${sizeBytes} bytes`
  )
}

/** `min <= amount < 2^64`; cbor gives small ones as numbers, we always give bigints. */
export function amountFrom(min: bigint): z.ZodType<Amount> {
  const message = `must be an amount in base units from ${min} to 2^64 - 1`
  return checked<number | bigint>(
    value =>
      typeof value === 'bigint'
        ? value >= min && value <= UINT64_MAX
        : Number.isSafeInteger(value) && (value as number) >= Number(min),
    message
  ).transform(BigInt)
}

export const amount: z.ZodType<Amount> = amountFrom(0n)
export const bytes32 = bytes(32)
export const signature = bytes(64)
export const peerId: z.ZodType<PeerId> = checked<PeerId>(
  value => typeof value === 'string' && publicKeyOf(value) !== undefined,
  'must be an ed25519 peer id (12D3KooW…)'
)
export const account: z.ZodType<Account> = checked<Account>(
  value => typeof value === 'string' && isAccount(value),
  'must be an account (0x and 40 hex digits, EIP-55 checksummed, not zero)'
)
export const cid: z.ZodType<Cid> = matching(CID, 59, 'must be a CIDv1 in base32 with sha2-256')
export const jobId: z.ZodType<JobId> = matching(
  DAG_CBOR_CID,
  59,
  'must be a job id (CIDv1, dag-cbor, sha2-256)'
)
export const hex32: z.ZodType<Hex> = matching(HEX_32, 66, 'must be 0x and 64 lower-case hex digits')
export const engine: z.ZodType<string> = matching(
  ENGINE,
  32,
  'must be the name of an engine, e.g. pathtracer'
)
export const equivalenceClass: z.ZodType<EquivalenceClass> = matching(
  CLASS,
  CLASS_LENGTH_MAX,
  'must be an equivalence class, e.g. pathtracer/1/wasm'
)
export const instantMs = integer(0, INSTANT_MS_MAX)
export const durationMs = integer(0, DURATION_MS_MAX)
export const sizeBytes = integer(0, Number.MAX_SAFE_INTEGER)
export const fence = integer(0, UINT32_MAX)
export const subtaskIndex = integer(0, SUBTASK_COUNT_MAX - 1)

export const replicaKey: z.ZodType<ReplicaKey> = z.strictObject({
  job: jobId,
  subtask: subtaskIndex,
  replica: integer(0, REPLICA_COUNT_MAX - 1),
  generation: integer(0, GENERATION_MAX)
})

/** Whether a path stays inside the directory it is relative to: `/`-separated, no empty, `.` or `..` segment. */
export function isAssetPath(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    path.length >= 1 &&
    path.length <= PATH_LENGTH_MAX &&
    !UNPRINTABLE.test(path) &&
    !/[\\:]/.test(path) &&
    path.split('/').every(segment => segment !== '' && segment !== '.' && segment !== '..')
  )
}

export const assetPath: z.ZodType<string> = checked<string>(
  isAssetPath,
  'must be a relative path with / between its parts and without . or ..'
)
