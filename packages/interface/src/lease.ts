import type { Amount } from './chain.ts'
import type { Account, JobId, PeerId } from './ids.ts'
import type { ReplicaKey } from './job.ts'
import type { Signed } from './messages.ts'
import type { RefusalReason } from './reasons.ts'

/** How many witnesses grant and close a job's replicas, and how many of them must agree. */
export interface WitnessRule {
  /** `m`. In owner mode 1: the creator. */
  readonly witnessCount: number
  /** `q`. Safe while fewer than `2q - m` witnesses lie. */
  readonly quorum: number
}

/** The creator's word that `holder` may claim a replica, and at which price. */
export interface Grant {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  /** Where the holder is paid. */
  readonly account: Account
  /** Gross price of this replica, fixed here. */
  readonly price: Amount
}

/** Asks a witness for the lease of one replica. */
export interface Claim {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  /** One more than the last known fence. */
  readonly fence: number
  /** The holder's estimate of the whole execution; it sets the lease term and bounds the lease's total length. */
  readonly etaMs: number
  /** Owner mode: required. Otherwise it lets the holder claim without waiting for its turn in the race. */
  readonly grant?: Signed<Grant>
  /** The holder's lease of the same replica in an earlier view: what it has worked on since then is its to finish. */
  readonly lease?: LeaseCert
}

/** A witness's word that it gives the lease to nobody else for `termMs` from receipt of the claim. */
export interface LeasePromise {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly fence: number
  /** Gross price of the replica: the grant's or the earlier lease's, or the offer's cap for a holder that won the race. */
  readonly price: Amount
  readonly termMs: number
  /** The commit that already stands in the register; finish it before any other work. */
  readonly register?: Signed<Commit>
}

/** Proof of a lease: promises of `q` distinct witnesses for the same replica, fence, holder and price. */
export interface LeaseCert {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly fence: number
  readonly price: Amount
  readonly promises: readonly Signed<LeasePromise>[]
}

/** Asks a witness to keep a lease going. */
export interface Renew {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly fence: number
  /** Finished share in parts of 10 000; never goes backwards. */
  readonly progressBps: number
  /** For witnesses that did not promise it: proof of the lease, and the execution time that was declared with the claim. */
  readonly lease?: { readonly cert: LeaseCert; readonly etaMs: number }
}

/** A witness's consent to a renewal. */
export interface RenewAck {
  readonly replica: ReplicaKey
  readonly fence: number
  /** The lease now lasts this long from receipt of the renewal. */
  readonly termMs: number
}

/** Hands a lease back before it lapses. */
export interface Release {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly fence: number
}

/** Closes a replica. At each witness the first one per (replica, generation) stands for ever. */
export interface Commit {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly fence: number
  /** Commitment to the attestation: sha256 of its canonical encoding, which holds a random salt. 32 bytes. */
  readonly seal: Uint8Array
  readonly lease: LeaseCert
}

/** A witness's vote for one commit; at most one per (replica, generation), ever. */
export interface CommitVote {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly seal: Uint8Array
  /** Of the lease the commit was made under. */
  readonly price: Amount
}

/** Proof that a replica is closed: `q` votes. */
export interface CommitCert {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly seal: Uint8Array
  readonly price: Amount
  readonly votes: readonly Signed<CommitVote>[]
}

/** A witness's "no". */
export interface Refusal {
  readonly reason: RefusalReason
  /** The fence it knows, when that is the reason. */
  readonly fence?: number
  /** How long the present lease still runs, when somebody holds one. */
  readonly leftMs?: number
  /** The certificate that closed the replica, when that is the reason. */
  readonly cert?: CommitCert
}

/** Who witnesses a job: recomputable by anyone. */
export interface WitnessSet extends WitnessRule {
  readonly job: JobId
  /** In draw order; each `witnessCount` of them are one view. */
  readonly members: readonly PeerId[]
}
