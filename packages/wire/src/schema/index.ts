import type { Messages, MessageType } from '@rayswarm/interface'
import { type ZodType, z } from 'zod'
import { claim, commit, commitVote, grant, promise, refusal, release, renew, renewAck } from './lease.ts'
import { bid, bidReply, notice, offer, offersPage, offersQuery } from './market.ts'
import {
  attestation,
  entry,
  ledgerHeads,
  ledgerPage,
  reveal,
  revealReply,
  sealed,
  sealedReply
} from './proof.ts'

/** Shape of every message body. Objects are strict: a field nobody knows is a fault. */
export const schemas: { readonly [T in MessageType]: ZodType<Messages[T]> } = {
  offer,
  notice,
  bid,
  'bid-reply': bidReply,
  grant,
  claim,
  promise,
  renew,
  'renew-ack': renewAck,
  release,
  'release-ack': z.strictObject({}) as ZodType<Record<string, never>>,
  commit,
  'commit-vote': commitVote,
  refusal,
  sealed,
  'sealed-reply': sealedReply,
  attestation,
  reveal,
  'reveal-reply': revealReply,
  entry,
  'ledger-heads': ledgerHeads,
  'ledger-page': ledgerPage,
  'offers-query': offersQuery,
  'offers-page': offersPage
}
