import type { VerdictClaim } from '@rayswarm/interface'
import { REFERENCE_PRICE, WEIGHT_ONE } from '@rayswarm/params'
import { holderOf, type JobState, type SubtaskTrack } from './job-state.ts'

/** What the ledger is to say about a decided subtask. */
export function verdictClaims(state: JobState, track: SubtaskTrack): VerdictClaim[] {
  return track.record.replicas.flatMap(record => {
    const { cert, grant, verdict, equivalenceClass, attestation, outcome } = record
    const node = holderOf(record)
    const price = cert?.price ?? grant?.body.price
    if (node === undefined || price === undefined || verdict === undefined || equivalenceClass === undefined)
      return []
    const weight = Number((price * BigInt(WEIGHT_ONE)) / REFERENCE_PRICE)
    // A result that nobody could fetch counts like a seal that was never opened: there is no digest to speak of.
    const digest = outcome === 'missing' ? undefined : attestation?.body.opening.digest
    return [
      {
        kind: 'verdict' as const,
        replica: state.key(track, record),
        node,
        equivalenceClass,
        verdict,
        weight: Math.max(1, Math.min(WEIGHT_ONE, weight)),
        ...(digest === undefined ? {} : { digest })
      }
    ]
  })
}
