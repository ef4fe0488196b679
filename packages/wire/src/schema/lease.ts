import type {
  Claim,
  Commit,
  CommitCert,
  CommitVote,
  Grant,
  LeaseCert,
  LeasePromise,
  Refusal,
  RefusalReason,
  Release,
  Renew,
  RenewAck,
  Signed,
  WitnessRule
} from '@rayswarm/interface'
import { BPS, WITNESS_COUNT_MAX } from '@rayswarm/params'
import { z } from 'zod'
import type { SignedType } from '../signed.ts'
import {
  account,
  amount,
  bytes32,
  durationMs,
  fence,
  integer,
  peerId,
  replicaKey,
  signature
} from './fields.ts'

/** Commits inside promises inside commits: the register names one, and that one's lease may have named one before. */
const REGISTER_DEPTH_MAX = 2

/** A signed message inside another one. Its signature is checked by the rules, not by the decoder. */
export function signedSchema<Body>(type: SignedType, body: z.ZodType<Body>): z.ZodType<Signed<Body>> {
  return z.strictObject({ type: z.literal(type), signer: peerId, body, signature }) as z.ZodType<Signed<Body>>
}

const REFUSALS = [
  'unknown-job',
  'not-witness',
  'out-of-range',
  'wrong-signer',
  'no-grant',
  'not-registered',
  'not-open',
  'too-early',
  'same-holder',
  'caught',
  'held',
  'stale-fence',
  'fence-jump',
  'not-holder',
  'no-progress',
  'bad-certificate',
  'register-taken',
  'done',
  'overloaded'
] as const satisfies readonly RefusalReason[]

export const witnessRule: z.ZodType<WitnessRule> = z
  .strictObject({ witnessCount: integer(1, WITNESS_COUNT_MAX), quorum: integer(1, WITNESS_COUNT_MAX) })
  .refine(
    rule => rule.quorum <= rule.witnessCount && 2 * rule.quorum > rule.witnessCount,
    'quorum must be a majority of witnessCount'
  )

export const grant: z.ZodType<Grant> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  account,
  price: amount
})

export const renewAck: z.ZodType<RenewAck> = z.strictObject({
  replica: replicaKey,
  fence,
  termMs: durationMs
})
export const release: z.ZodType<Release> = z.strictObject({ replica: replicaKey, holder: peerId, fence })

const promiseFields = { replica: replicaKey, holder: peerId, fence, price: amount, termMs: durationMs }

function promiseWith(registered: z.ZodType<Commit> | undefined): z.ZodType<LeasePromise> {
  if (registered === undefined) return z.strictObject(promiseFields)
  return z.strictObject({ ...promiseFields, register: signedSchema('commit', registered).exactOptional() })
}

function leaseCertOf(promised: z.ZodType<LeasePromise>): z.ZodType<LeaseCert> {
  return z.strictObject({
    replica: replicaKey,
    holder: peerId,
    fence,
    price: amount,
    promises: z.array(signedSchema('promise', promised)).min(1).max(WITNESS_COUNT_MAX)
  })
}

function commitWith(lease: z.ZodType<LeaseCert>): z.ZodType<Commit> {
  return z.strictObject({ replica: replicaKey, holder: peerId, fence, seal: bytes32, lease })
}

/** Promises that carry commits at most `depth` deep. */
function promiseOfDepth(depth: number): z.ZodType<LeasePromise> {
  return promiseWith(depth === 0 ? undefined : commitWith(leaseCertOf(promiseOfDepth(depth - 1))))
}

export const promise: z.ZodType<LeasePromise> = promiseOfDepth(REGISTER_DEPTH_MAX)

/** Shape of a lease certificate, as it stands in the DHT and in a commit. */
export const leaseCertSchema: z.ZodType<LeaseCert> = leaseCertOf(promiseOfDepth(REGISTER_DEPTH_MAX - 1))

export const claim: z.ZodType<Claim> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  fence,
  etaMs: durationMs,
  grant: signedSchema('grant', grant).exactOptional(),
  lease: leaseCertSchema.exactOptional()
})

export const renew: z.ZodType<Renew> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  fence,
  progressBps: integer(0, Number(BPS)),
  lease: z.strictObject({ cert: leaseCertSchema, etaMs: durationMs }).exactOptional()
})

export const commit: z.ZodType<Commit> = commitWith(leaseCertSchema)

export const commitVote: z.ZodType<CommitVote> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  seal: bytes32,
  price: amount
})

/** Shape of a commit certificate, as it stands in the DHT and in messages. */
export const commitCertSchema: z.ZodType<CommitCert> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  seal: bytes32,
  price: amount,
  votes: z.array(signedSchema('commit-vote', commitVote)).min(1).max(WITNESS_COUNT_MAX)
})

export const refusal: z.ZodType<Refusal> = z.strictObject({
  reason: z.enum(REFUSALS),
  fence: fence.exactOptional(),
  leftMs: durationMs.exactOptional(),
  cert: commitCertSchema.exactOptional()
})
