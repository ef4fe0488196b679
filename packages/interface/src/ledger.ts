import type { Amount } from './chain.ts'
import type { Account, EquivalenceClass, Hex, JobId, PeerId } from './ids.ts'
import type { ReplicaKey } from './job.ts'
import type { CommitVote } from './lease.ts'
import type { Signed } from './messages.ts'

/** Outcome of checking one replica. */
export type Verdict = 'accepted' | 'rejected' | 'undecided'

/** A judge's verdict on one replica. */
export interface ReplicaVerdict {
  readonly replica: ReplicaKey
  readonly node: PeerId
  readonly equivalenceClass: EquivalenceClass
  readonly verdict: Verdict
  /** Weight of the replica in parts of 1 024: `min(1, price / reference price)`. */
  readonly weight: number
  /** Digest the node attested; absent when it attested none. 32 bytes. */
  readonly digest?: Uint8Array
}

/** Verdicts of one judge, at most `ENTRY_VERDICTS_COUNT_MAX`: a job's are said in few entries. */
export interface VerdictsClaim {
  readonly kind: 'verdicts'
  readonly verdicts: readonly ReplicaVerdict[]
}

/** A job's settlement, as its creator or one of its witnesses published it. */
export interface ReceiptClaim {
  readonly kind: 'job-receipt'
  readonly job: JobId
  readonly escrow: Hex
  readonly receiptsRoot: Hex
  readonly txHash: Hex
  readonly paid: Amount
}

/** A witness voted for two commits of one generation of one replica: both votes, signed by it. */
export interface EquivocationClaim {
  readonly kind: 'equivocation'
  readonly witness: PeerId
  readonly votes: readonly [Signed<CommitVote>, Signed<CommitVote>]
}

/** One signed item of the ledger, chained to its author's previous one. */
export interface LedgerEntry {
  readonly author: PeerId
  /** Counts from 1 without gaps. */
  readonly sequence: number
  /** sha256 of the author's previous signed entry; absent for the first. 32 bytes. */
  readonly previous?: Uint8Array
  readonly atMs: number
  readonly claim: VerdictsClaim | ReceiptClaim | EquivocationClaim
}

/** Number derived from the ledger by everybody alike. */
export interface Score {
  readonly node: PeerId
  readonly equivalenceClass: EquivalenceClass
  /** Lower confidence bound in parts of 10 000. */
  readonly scoreBps: number
  readonly acceptedCount: number
  readonly rejectedCount: number
  readonly timeoutCount: number
}

/** Signed entitlement of a node to its share for one accepted subtask. */
export interface Receipt {
  readonly replica: ReplicaKey
  readonly node: PeerId
  readonly account: Account
  readonly gross: Amount
  readonly digest: Hex
}
