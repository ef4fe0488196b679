import type { Messages, MessageType } from '@rayswarm/interface'
import { type ZodType, z } from 'zod'
import { claim, commit, commitVote, grant, promise, refusal, release, renew, renewAck } from './lease.ts'
import { bid, bidReply, notice, offer, openings, openingsPage } from './market.ts'
import { attestation, entry, evidence, reveal, revealReply, sealed, sealedReply } from './proof.ts'
import { cosign, cosignReply, itemsPage, itemsQuery, recon, reconReply } from './sync.ts'

const empty = z.strictObject({}) as ZodType<Record<string, never>>

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
  'release-ack': empty,
  commit,
  'commit-vote': commitVote,
  refusal,
  sealed,
  'sealed-reply': sealedReply,
  attestation,
  reveal,
  'reveal-reply': revealReply,
  openings,
  'openings-page': openingsPage,
  cosign,
  'cosign-reply': cosignReply,
  evidence,
  'notice-ack': empty,
  recon,
  'recon-reply': reconReply,
  'items-query': itemsQuery,
  'items-page': itemsPage,
  entry
}
