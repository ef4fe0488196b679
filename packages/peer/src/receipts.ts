import type { Receipt, SettlementOrder } from '@rayswarm/interface'
import { payoutsOf, receiptsTree } from '@rayswarm/settlement'
import { toHex } from '@rayswarm/wire'
import type { JobState } from './job-state.ts'
import type { KnownOffer } from './offer-book.ts'

/** What is due for a job, and the receipts that it is the sum of. */
export interface Due {
  readonly order: SettlementOrder
  readonly receipts: readonly Receipt[]
}

/** What one judge's evidence comes to. Equal evidence gives equal orders. */
export function dueOf({ signed }: KnownOffer, state: JobState): Due {
  const receipts = receiptsOf(state)
  const { escrow } = signed.body
  return {
    order: { escrow, payouts: payoutsOf(receipts), receiptsRoot: receiptsTree(receipts).root },
    receipts
  }
}

function receiptsOf(state: JobState): Receipt[] {
  return state.tracks.flatMap(track =>
    track.record.replicas.flatMap(record => {
      const { attestation, cert, verdict, reason } = record
      if (track.record.state !== 'accepted' || verdict !== 'accepted' || reason !== undefined) return []
      if (attestation === undefined || cert === undefined) return []
      const { holder, account, opening } = attestation.body
      const replica = state.key(track, record)
      return [{ replica, node: holder, account, gross: cert.price, digest: toHex(opening.digest) }]
    })
  )
}
