import type {
  Account,
  Amount,
  EscrowRef,
  Hex,
  JobId,
  PeerId,
  Receipt,
  SettlementOutcome,
  UnpaidReason,
  Verdict
} from '@rayswarm/interface'

/** One execution that got as far as a grant. */
export interface ExecutionReport {
  readonly subtask: number
  readonly replica: number
  readonly generation: number
  readonly node: PeerId
  readonly account: Account
  readonly verdict?: Verdict
  readonly reason?: UnpaidReason
  readonly elapsedMs?: number
}

/** How a job ended: who did what, who was paid, what the chain says. */
export interface JobReport {
  readonly job: JobId
  readonly end: 'complete' | 'failed' | 'expired'
  readonly subtaskCount: number
  readonly acceptedCount: number
  readonly executions: readonly ExecutionReport[]
  /** What we hold to be accepted. Where {@link ownReceiptsRoot} is given, these are not the receipts that were settled. */
  readonly receipts: readonly Receipt[]
  /** On the chain: of the receipts that were settled. */
  readonly receiptsRoot: Hex
  /** Root of our receipts, where it is another: those who settled knew other evidence than we do. */
  readonly ownReceiptsRoot?: Hex
  readonly escrow: EscrowRef
  readonly locked: Amount
  readonly outcome: SettlementOutcome
}
