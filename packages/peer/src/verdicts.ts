import type { ReplicaVerdict, VerdictsClaim } from '@rayswarm/interface'
import { ENTRY_VERDICTS_COUNT_MAX, REFERENCE_PRICE, WEIGHT_ONE } from '@rayswarm/params'
import { holderOf, type JobState, type SubtaskTrack } from './job-state.ts'

/** What is to be said about a decided subtask. */
export function verdictsOf(state: JobState, track: SubtaskTrack): ReplicaVerdict[] {
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

/** Verdicts as the ledger takes them. */
export function verdictsClaims(verdicts: readonly ReplicaVerdict[]): VerdictsClaim[] {
  const claims: VerdictsClaim[] = []
  for (let at = 0; at < verdicts.length; at += ENTRY_VERDICTS_COUNT_MAX)
    claims.push({ kind: 'verdicts', verdicts: verdicts.slice(at, at + ENTRY_VERDICTS_COUNT_MAX) })
  return claims
}
