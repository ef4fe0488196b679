import type { Account, Hex } from './ids.ts'

/** Amounts are base units of the work token (6 decimals) everywhere; `0 <= amount < 2^64`. */
export type Amount = bigint

/** Names one escrow on one chain. */
export interface EscrowRef {
  readonly chainId: number
  /** Address of the `JobEscrow` contract. */
  readonly contract: Account
  /** keccak256 of (creator, jobHash, salt), derived on chain. 32 bytes. */
  readonly id: Hex
}

/** `none`: never locked. `locked` ends in exactly one of the other two, for ever. */
export type EscrowState = 'none' | 'locked' | 'settled' | 'refunded'

/** A job's locked funds, as the chain knows them. */
export interface Escrow {
  readonly ref: EscrowRef
  readonly creator: Account
  /** What was locked. Stays when the escrow is settled or refunded. */
  readonly locked: Amount
  readonly state: EscrowState
  /** From this instant anybody may refund the escrow to its creator. Seconds of chain time; 0 unless `locked`. */
  readonly refundableAtS: number
  /** Whether enough blocks lie above the lock that it will not be undone. */
  readonly final: boolean
  /**
   * keccak256 of the accounts that settle in the creator's place, in draw order, by view, and their quorum. 32 bytes. Absent: the
   * creator settles itself.
   */
  readonly appointed?: Hex
}

/** Who settles a job in its creator's place. Its hash is on chain, spec/escrow.md#witnesses. */
export interface Appointment {
  /** Witnesses in draw order, by view; all views have the same size. A quorum of any one view settles. */
  readonly views: readonly (readonly Account[])[]
  readonly quorum: number
}

/** An account's signature over a settlement. */
export interface SettlementSignature {
  readonly account: Account
  readonly signature: Hex
}

/** What a creator locks, and for how long. */
export interface LockTerms {
  /** sha2-256 digest of the job id's CID. 32 bytes. */
  readonly jobHash: Hex
  /** Lets a creator publish one job again. 32 bytes. */
  readonly salt: Hex
  readonly amount: Amount
  /** The escrow may be refunded this long after the lock. */
  readonly refundAfterS: number
}

/** What an account gets from one job. */
export interface Payout {
  readonly account: Account
  /** Gross: before the burned and the treasury share are taken off. */
  readonly gross: Amount
}

/** One settlement of one escrow. What is not paid out goes back to the creator. */
export interface SettlementOrder {
  readonly escrow: EscrowRef
  /** Sorted by account, each account once, every gross above zero. */
  readonly payouts: readonly Payout[]
  /** Root of the receipts tree. 32 bytes. */
  readonly receiptsRoot: Hex
}

/** What the chain did with a settlement: `locked = paid + burned + treasury + refunded`. */
export interface SettlementOutcome {
  readonly txHash: Hex
  /** Of the receipts that were settled, whoever asks. 32 bytes. */
  readonly receiptsRoot: Hex
  readonly paid: Amount
  readonly burned: Amount
  readonly treasury: Amount
  readonly refunded: Amount
  /** Net credit per account, in the order of the payouts. */
  readonly credits: readonly { readonly account: Account; readonly amount: Amount }[]
}

/** The share of a gross payout each party gets, in parts of 10 000; they add up to 10 000. */
export interface PayoutSplit {
  readonly nodeBps: number
  readonly burnBps: number
  readonly treasuryBps: number
}

/**
 * Money, as one account sees it.
 *
 * Errors: `ERR_CHAIN_UNREACHABLE`, `ERR_CHAIN_ID`, `ERR_CHAIN_REVERTED` (with the contract's error name as `value`),
 * `ERR_BALANCE_TOO_LOW`, `ERR_TIMEOUT` (not mined in time: call again), `ERR_USAGE` (an escrow of another contract).
 * Every writing call resolves when its transaction is mined.
 */
export interface Chain {
  readonly chainId: number
  /** Address of the `JobEscrow` contract. */
  readonly contract: Account
  /** The account that signs and pays; where this peer's earnings go. */
  readonly account: Account

  split(): Promise<PayoutSplit>

  /** Work tokens held by an account, credits not included. */
  balanceOf(account: Account): Promise<Amount>

  /** Tokens earned and not yet withdrawn. */
  creditOf(account: Account): Promise<Amount>

  escrow(ref: EscrowRef): Promise<Escrow>

  /** Id that `lock` would give these terms, for this account. */
  escrowRef(terms: LockTerms): EscrowRef

  /** Move the amount from our balance into escrow. A repeated call with the same terms returns the first one's result. */
  lock(terms: LockTerms): Promise<{ readonly ref: EscrowRef; readonly txHash: Hex }>

  /**
   * Name who settles in our place, once, while the escrow is locked. From then on our signature settles nothing, so that we cannot
   * take the work and pay nobody; a refund by time-out stays. The same appointment again changes nothing.
   */
  appoint(ref: EscrowRef, appointment: Appointment): Promise<{ readonly txHash: Hex }>

  /** Our EIP-712 signature over a settlement: the creator's, or one of its witnesses'. */
  signSettlement(order: SettlementOrder): Promise<Hex>

  /** Whether `signature` is the account's over this settlement. Never throws for a malformed one. */
  verifySettlement(order: SettlementOrder, signed: SettlementSignature): boolean

  /**
   * Anybody may send a settlement that its creator signed, unless witnesses are appointed (`ERR_CHAIN_REVERTED`, `WitnessesDecide`).
   * Idempotent: a settled escrow returns its outcome, whatever is signed.
   */
  settle(order: SettlementOrder, signature: Hex): Promise<SettlementOutcome>

  /**
   * Anybody may send a settlement that a quorum of one view of the appointed witnesses signed; signers of different views never
   * add up. Idempotent like `settle`: a settled escrow returns its outcome also for an empty list of signatures, which is how its
   * creator reads it.
   */
  settleByWitnesses(
    order: SettlementOrder,
    appointment: Appointment,
    signatures: readonly SettlementSignature[]
  ): Promise<SettlementOutcome>

  /** Give a timed-out escrow back to its creator. Anybody may call. */
  refund(ref: EscrowRef): Promise<{ readonly txHash: Hex; readonly refunded: Amount }>

  /** Pay an account its credit. Anybody may call; the money goes to the account. */
  withdraw(account: Account): Promise<{ readonly txHash: Hex; readonly amount: Amount }>
}
