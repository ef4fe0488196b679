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
  readonly receipts: readonly Receipt[]
  readonly receiptsRoot: Hex
  readonly escrow: EscrowRef
  readonly locked: Amount
  readonly outcome: SettlementOutcome
}
