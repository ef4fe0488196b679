import type {
  Bid,
  BidReply,
  EscrowRef,
  IneligibleReason,
  JobNotice,
  Offer,
  Openings,
  OpeningsPage,
  Vacancy
} from '@rayswarm/interface'
import {
  ADDRESS_COUNT_MAX,
  GENERATION_MAX,
  GRANTS_PER_REPLY_MAX,
  OPENINGS_PAGE_COUNT_MAX,
  REPLICA_COUNT_MAX,
  WITNESS_VIEW_COUNT_MAX
} from '@rayswarm/params'
import { z } from 'zod'
import {
  account,
  amount,
  durationMs,
  equivalenceClass,
  fence,
  hex32,
  instantMs,
  integer,
  jobId,
  peerId,
  sizeBytes,
  subtaskIndex,
  UINT32_MAX
} from './fields.ts'
import { jobSpecSchema } from './job.ts'
import { grant, signedSchema, witnessRule } from './lease.ts'

const ADDRESS_LENGTH_MAX = 256
/** Executions one node may say it would start. */
const PLACES_MAX = 10_000

const INELIGIBLE = [
  'offer-closed',
  'deadline-passed',
  'wrong-chain',
  'escrow-missing',
  'escrow-too-low',
  'workload-not-allowed',
  'engine-missing',
  'class-mismatch',
  'memory-too-low',
  'price-too-low',
  'price-too-high',
  'reputation-too-low',
  'creator-distrusted',
  'busy',
  'same-holder',
  'no-open-replica',
  'outbid',
  'not-registered'
] as const satisfies readonly IneligibleReason[]

/** Printable ASCII of a multiaddr; whether it can be dialled is for the network to find out. */
const address = z.custom<string>(
  value => typeof value === 'string' && value.length <= ADDRESS_LENGTH_MAX && /^\/[!-~]+$/.test(value),
  `must be a multiaddr of at most ${ADDRESS_LENGTH_MAX} characters`
)

const escrowRef: z.ZodType<EscrowRef> = z.strictObject({
  chainId: integer(1, Number.MAX_SAFE_INTEGER),
  contract: account,
  id: hex32
})

export const offer: z.ZodType<Offer> = z.strictObject({
  spec: jobSpecSchema,
  escrow: escrowRef,
  escrowSalt: hex32,
  account,
  witness: witnessRule,
  drawEpoch: integer(0, UINT32_MAX).exactOptional(),
  addresses: z.array(address).max(ADDRESS_COUNT_MAX),
  createdAtMs: instantMs
})

export const notice: z.ZodType<JobNotice> = z.strictObject({
  job: jobId,
  about: z.enum(['replica-open', 'subtask-sealed', 'closed']),
  subtask: subtaskIndex.exactOptional(),
  sequence: integer(0, UINT32_MAX)
})

export const bid: z.ZodType<Bid> = z.strictObject({
  job: jobId,
  account,
  equivalenceClass,
  pricePerMegaUnit: amount,
  freePlaces: integer(0, PLACES_MAX),
  memoryBytes: sizeBytes
})

export const bidReply: z.ZodType<BidReply> = z.strictObject({
  grants: z.array(signedSchema('grant', grant)).max(GRANTS_PER_REPLY_MAX),
  reason: z.enum(INELIGIBLE).exactOptional(),
  retryAfterMs: durationMs,
  closed: z.boolean()
})

const vacancy: z.ZodType<Vacancy> = z.strictObject({
  subtask: subtaskIndex,
  replica: integer(0, REPLICA_COUNT_MAX),
  generation: integer(0, GENERATION_MAX),
  fence,
  openMs: durationMs,
  lapsed: z.boolean()
})

export const openings: z.ZodType<Openings> = z.strictObject({
  job: jobId,
  looks: z.literal(true).exactOptional()
})

export const openingsPage: z.ZodType<OpeningsPage> = z.strictObject({
  open: z.array(vacancy).max(OPENINGS_PAGE_COUNT_MAX),
  view: integer(0, WITNESS_VIEW_COUNT_MAX - 1),
  closed: z.boolean(),
  lapsedAt: peerId.exactOptional()
})
