import type {
  Attestation,
  EquivocationClaim,
  Evidence,
  LedgerEntry,
  Opening,
  ReceiptClaim,
  ReplicaVerdict,
  Reveal,
  RevealReply,
  Sealed,
  SealedReply,
  VerdictsClaim
} from '@rayswarm/interface'
import { ENTRY_VERDICTS_COUNT_MAX, RESULT_SIZE_BYTES_MAX, WEIGHT_ONE } from '@rayswarm/params'
import { z } from 'zod'
import {
  account,
  amount,
  bytes32,
  cid,
  durationMs,
  equivalenceClass,
  hex32,
  instantMs,
  integer,
  jobId,
  peerId,
  replicaKey
} from './fields.ts'
import { commitCertSchema, commitVote, signedSchema } from './lease.ts'

/** Entries of one author. A feed of one entry a second would get there in 285 million years. */
const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER

export const sealed: z.ZodType<Sealed> = z.strictObject({ cert: commitCertSchema })
export const sealedReply: z.ZodType<SealedReply> = z.strictObject({
  open: z.boolean(),
  retryAfterMs: durationMs
})

const opening: z.ZodType<Opening> = z.strictObject({ digest: bytes32, salt: bytes32 })

export const attestation: z.ZodType<Attestation> = z.strictObject({
  replica: replicaKey,
  holder: peerId,
  account,
  manifest: cid,
  equivalenceClass,
  opening,
  result: cid,
  resultSizeBytes: integer(0, 2 * RESULT_SIZE_BYTES_MAX),
  elapsedMs: durationMs
})

export const reveal: z.ZodType<Reveal> = z.strictObject({
  cert: commitCertSchema,
  attestation: signedSchema('attestation', attestation)
})

export const evidence: z.ZodType<Evidence> = z.strictObject({
  cert: commitCertSchema,
  attestation: signedSchema('attestation', attestation)
})

export const revealReply: z.ZodType<RevealReply> = z.strictObject({ received: z.boolean() })

const replicaVerdict: z.ZodType<ReplicaVerdict> = z.strictObject({
  replica: replicaKey,
  node: peerId,
  equivalenceClass,
  verdict: z.enum(['accepted', 'rejected', 'undecided']),
  weight: integer(0, WEIGHT_ONE),
  digest: bytes32.exactOptional()
})

const verdictsClaim: z.ZodType<VerdictsClaim> = z.strictObject({
  kind: z.literal('verdicts'),
  verdicts: z.array(replicaVerdict).min(1).max(ENTRY_VERDICTS_COUNT_MAX)
})

const receiptClaim: z.ZodType<ReceiptClaim> = z.strictObject({
  kind: z.literal('job-receipt'),
  job: jobId,
  escrow: hex32,
  receiptsRoot: hex32,
  txHash: hex32,
  paid: amount
})

const vote = signedSchema('commit-vote', commitVote)

const equivocationClaim: z.ZodType<EquivocationClaim> = z.strictObject({
  kind: z.literal('equivocation'),
  witness: peerId,
  votes: z.tuple([vote, vote])
})

export const entry: z.ZodType<LedgerEntry> = z.strictObject({
  author: peerId,
  sequence: integer(1, SEQUENCE_MAX),
  previous: bytes32.exactOptional(),
  atMs: instantMs,
  claim: z.union([verdictsClaim, receiptClaim, equivocationClaim])
})
