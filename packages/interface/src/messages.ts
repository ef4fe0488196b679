import type { Amount, EscrowRef, Payout } from './chain.ts'
import type { Account, Cid, EquivalenceClass, Hex, JobId, PeerId } from './ids.ts'
import type { JobSpec, ReplicaKey } from './job.ts'
import type {
  Claim,
  Commit,
  CommitCert,
  CommitVote,
  Grant,
  LeasePromise,
  Refusal,
  Release,
  Renew,
  RenewAck,
  WitnessRule
} from './lease.ts'
import type { LedgerEntry } from './ledger.ts'
import type { IneligibleReason } from './reasons.ts'

/** A body and its author's signature over `domain | chainId | netId | type | body`. */
export interface Signed<Body> {
  readonly type: MessageType
  readonly signer: PeerId
  readonly body: Body
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Signed announcement of a job by its creator. */
export interface Offer {
  readonly spec: JobSpec
  readonly escrow: EscrowRef
  /** Salt of the escrow's id, so that anybody can check that the escrow is this job's. 32 bytes. */
  readonly escrowSalt: Hex
  /** The creator's account: who locked, who gets the rest back. */
  readonly account: Account
  readonly witness: WitnessRule
  /** Epoch of the registry that the witnesses were drawn from; absent in owner mode. */
  readonly drawEpoch?: number
  /** Where the creator can be dialled. */
  readonly addresses: readonly string[]
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number
}

/** Signed price and readiness of a node. */
export interface Bid {
  readonly job: JobId
  readonly account: Account
  readonly equivalenceClass: EquivalenceClass
  readonly pricePerMegaUnit: Amount
  /** Executions it would start now. */
  readonly freePlaces: number
  readonly memoryBytes: number
}

/** A creator's answer: grants, or the reason why none. */
export interface BidReply {
  readonly grants: readonly Signed<Grant>[]
  readonly reason?: IneligibleReason
  /** Ask again after this long, unless a notice says otherwise. */
  readonly retryAfterMs: number
  /** The job needs nobody any more. */
  readonly closed: boolean
}

/** "My commit is certified; may I open it?" */
export interface Sealed {
  readonly cert: CommitCert
}

/** Whether a sealed result may be opened now. */
export interface SealedReply {
  /** True once as many replicas of the subtask are sealed as are open. */
  readonly open: boolean
  readonly retryAfterMs: number
}

/** What a seal hides: `seal = sha256(canonical(attestation))`. */
export interface Opening {
  /** Merkle root of the decoded result. 32 bytes. */
  readonly digest: Uint8Array
  /** 32 random bytes. */
  readonly salt: Uint8Array
}

/** Signed statement: this execution, these inputs, this result digest, this equivalence class. */
export interface Attestation {
  readonly replica: ReplicaKey
  readonly holder: PeerId
  readonly account: Account
  readonly manifest: Cid
  readonly equivalenceClass: EquivalenceClass
  readonly opening: Opening
  /** Where the result can be fetched. */
  readonly result: Cid
  readonly resultSizeBytes: number
  readonly elapsedMs: number
}

/** Opens a sealed result to a judge. */
export interface Reveal {
  readonly cert: CommitCert
  readonly attestation: Signed<Attestation>
}

/** Whether the creator now keeps the attestation. */
export interface RevealReply {
  readonly received: boolean
}

/** Asks a witness which replicas nobody holds. */
export interface Openings {
  readonly job: JobId
  /** Who asks only looks, and takes nothing from those who want work. */
  readonly looks?: true
}

/** A replica that nobody holds, as one witness knows it. A hint: the claim decides. */
export interface Vacancy {
  readonly subtask: number
  readonly replica: number
  readonly generation: number
  /** Last fence; claim with one more. */
  readonly fence: number
  /** For how long it has been open. */
  readonly openMs: number
  /** Somebody was given it, and neither finished it nor handed it back. */
  readonly lapsed: boolean
}

/** Answer to {@link Openings}. */
export interface OpeningsPage {
  readonly open: readonly Vacancy[]
  /** The view that grants leases, as far as the witness knows. */
  readonly view: number
  /** The job needs nobody any more. */
  readonly closed: boolean
  /** A witness of the same view that may show a lapsed replica now. Absent where `open` has one, or nobody has. */
  readonly lapsedAt?: PeerId
}

/** A witness asks another to sign a settlement of a job that its creator left. */
export interface Cosign {
  readonly job: JobId
  readonly payouts: readonly Payout[]
  readonly receiptsRoot: Hex
}

/** The signature, or none: the asked witness comes to another sum. Both then compare their evidence. */
export interface CosignReply {
  readonly signature?: Hex
}

/** A set that peers reconcile: the open offers, the ledger, or the evidence of one job. */
export type SetName = 'offers' | 'ledger' | 'job'

/** One frame of range-based set reconciliation. spec/reconcile.md */
export interface Recon {
  readonly set: SetName
  /** Whose evidence, for the set `job`. */
  readonly job?: JobId
  readonly frame: Uint8Array
}

/** The answering frame; none when the answerer needs no more of them. */
export interface ReconReply {
  readonly frame?: Uint8Array
  /** True if the answerer keeps no such set. */
  readonly unknown: boolean
}

/** Asks for items of a set by their ids, or hands over items the other lacks. */
export interface ItemsQuery {
  readonly set: SetName
  readonly job?: JobId
  /** 32 bytes each. */
  readonly ids: readonly Uint8Array[]
  /** Encoded items the asked peer lacks. */
  readonly items: readonly Uint8Array[]
}

/** Encoded items, as many of the wanted ones as fit. */
export interface ItemsPage {
  readonly items: readonly Uint8Array[]
}

/** What judges of a job know about an opened replica. Certifies itself, and a certificate opens in one way only. */
export interface Evidence {
  readonly cert: CommitCert
  readonly attestation: Signed<Attestation>
}

/** A hint on the `jobs` topic. Nothing is decided on one: it only says "ask again now". */
export interface JobNotice {
  readonly job: JobId
  readonly about: 'replica-open' | 'subtask-sealed' | 'closed'
  /** Index of the subtask, where it is about one. */
  readonly subtask?: number
  /** Makes two notices of one kind different messages. */
  readonly sequence: number
}

/** Every message that crosses the wire, by type. The table is the registry of `wire`. */
export interface Messages {
  offer: Offer
  notice: JobNotice
  bid: Bid
  'bid-reply': BidReply
  grant: Grant
  claim: Claim
  promise: LeasePromise
  renew: Renew
  'renew-ack': RenewAck
  release: Release
  'release-ack': Record<string, never>
  commit: Commit
  'commit-vote': CommitVote
  refusal: Refusal
  sealed: Sealed
  'sealed-reply': SealedReply
  attestation: Attestation
  reveal: Reveal
  'reveal-reply': RevealReply
  openings: Openings
  'openings-page': OpeningsPage
  cosign: Cosign
  'cosign-reply': CosignReply
  evidence: Evidence
  'notice-ack': Record<string, never>
  recon: Recon
  'recon-reply': ReconReply
  'items-query': ItemsQuery
  'items-page': ItemsPage
  entry: LedgerEntry
}

/** Type tag of a message. */
export type MessageType = keyof Messages
