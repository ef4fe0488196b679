import type { Amount, SettlementOutcome } from './chain.ts'
import type { Hex, JobId, PeerId } from './ids.ts'
import type { JobSpec, ReplicaKey } from './job.ts'
import type { Receipt, Verdict } from './ledger.ts'
import type { IneligibleReason, UnpaidReason } from './reasons.ts'
import type { Artifact } from './runner.ts'

/** What a peer reports to its host. Names: noun, colon, past verb. */
export interface PeerEvents {
  /** A sound offer came that is not known yet; its witnesses, if it has any, are yet to be drawn. */
  'offer:received': { readonly job: JobId; readonly creator: PeerId }
  'offer:seen': { readonly job: JobId; readonly creator: PeerId }
  'offer:declined': { readonly job: JobId; readonly reason: IneligibleReason }
  'job:published': {
    readonly job: JobId
    readonly spec: JobSpec
    readonly subtaskCount: number
    readonly locked: Amount
  }
  'replica:granted': { readonly replica: ReplicaKey; readonly node: PeerId }
  'replica:lapsed': { readonly replica: ReplicaKey; readonly node: PeerId }
  /** A certificate that holds: also a second one of a replica, which must not be. */
  'replica:committed': {
    readonly replica: ReplicaKey
    readonly node: PeerId
    readonly price: Amount
    readonly seal: Uint8Array
  }
  'replica:judged': {
    readonly replica: ReplicaKey
    readonly node: PeerId
    readonly verdict: Verdict
    readonly reason?: UnpaidReason
  }
  'subtask:accepted': { readonly job: JobId; readonly subtask: number }
  'frame:finished': { readonly job: JobId; readonly frame: number; readonly artifacts: readonly Artifact[] }
  /** This peer signs a settlement: what it pays, and for what. Said before anybody has the signature. */
  'settlement:signed': {
    readonly job: JobId
    readonly receiptsRoot: Hex
    readonly receipts: readonly Receipt[]
  }
  'job:settled': { readonly job: JobId; readonly outcome: SettlementOutcome }
  'job:expired': { readonly job: JobId; readonly acceptedCount: number; readonly subtaskCount: number }
  'job:failed': { readonly job: JobId; readonly error: Error }
  /** This peer is one of a job's witnesses. */
  'witness:drawn': {
    readonly job: JobId
    /** 0, or that of the witnesses who take over. */
    readonly view: number
    readonly witnessCount: number
    readonly quorum: number
  }
  /** A witness was caught voting twice. */
  'witness:equivocated': { readonly job: JobId; readonly witness: PeerId }
  /** `waitedMs`: from the first claim to the certificate. */
  'lease:held': { readonly replica: ReplicaKey; readonly fence: number; readonly waitedMs: number }
  'lease:lost': { readonly replica: ReplicaKey; readonly fence: number }
  'execution:progressed': { readonly replica: ReplicaKey; readonly share: number }
  'execution:finished': { readonly replica: ReplicaKey; readonly elapsedMs: number }
  'execution:failed': { readonly replica: ReplicaKey; readonly error: Error }
  'node:paid': { readonly job: JobId; readonly amount: Amount }
}
