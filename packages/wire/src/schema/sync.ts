import type {
  Cosign,
  CosignReply,
  ItemsPage,
  ItemsQuery,
  Recon,
  ReconReply,
  SetName
} from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX, PAYOUT_COUNT_MAX, SYNC_ITEMS_COUNT_MAX } from '@rayswarm/params'
import { z } from 'zod'
import { account, amount, bytes32, hex32, jobId } from './fields.ts'

/** Bytes that somebody else's decoder judges. */
const bytes = z.custom<Uint8Array>(
  value => value instanceof Uint8Array && value.length <= MESSAGE_SIZE_BYTES_MAX.direct,
  'must be bytes'
)
const SETS = ['offers', 'ledger', 'job'] as const satisfies readonly SetName[]
const which = { set: z.enum(SETS), job: jobId.exactOptional() }
const items = z.array(bytes).max(SYNC_ITEMS_COUNT_MAX)

/** An ECDSA signature: r, s and v. */
const accountSignature = z.string().regex(/^0x[\da-f]{130}$/, 'must be 65 bytes in hex')

export const recon: z.ZodType<Recon> = z.strictObject({ ...which, frame: bytes })
export const reconReply: z.ZodType<ReconReply> = z.strictObject({
  frame: bytes.exactOptional(),
  unknown: z.boolean()
})
export const itemsQuery: z.ZodType<ItemsQuery> = z.strictObject({
  ...which,
  ids: z.array(bytes32).max(SYNC_ITEMS_COUNT_MAX),
  items
})
export const itemsPage: z.ZodType<ItemsPage> = z.strictObject({ items })

export const cosign: z.ZodType<Cosign> = z.strictObject({
  job: jobId,
  payouts: z.array(z.strictObject({ account, gross: amount })).max(PAYOUT_COUNT_MAX),
  receiptsRoot: hex32
})
export const cosignReply: z.ZodType<CosignReply> = z.strictObject({
  signature: accountSignature.exactOptional()
})
