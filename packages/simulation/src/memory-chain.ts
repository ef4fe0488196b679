import {
  type Account,
  type Amount,
  type Appointment,
  type Chain,
  type Escrow,
  type EscrowRef,
  type Hex,
  type LockTerms,
  type Payout,
  type PayoutSplit,
  RayswarmError,
  type SettlementOrder,
  type SettlementOutcome,
  type SettlementSignature
} from '@rayswarm/interface'
import { BPS, PAYOUT_SPLIT, WITNESS_COUNT_MAX, WITNESS_VIEW_COUNT_MAX } from '@rayswarm/params'
import { accountOf, appointmentHash, escrowIdOf, keccak, settlementDigest } from './escrow-hash.ts'

/** Local chain id of development chains. */
const DEV_CHAIN_ID = 31_337
/** The contract's bound, spec/escrow.md#limits. */
const REFUND_AFTER_S_MAX = 365 * 24 * 3_600
const AMOUNT_MAX = (1n << 64n) - 1n
const UINT32_MAX = 2 ** 32 - 1
const SECOND_MS = 1_000

/** The world a {@link MemoryChain} lives in. */
export interface MemoryChainInit {
  /** Chain time. The simulation hands in its virtual clock. */
  readonly nowMs: () => number
  readonly chainId?: number
  readonly split?: PayoutSplit
  readonly contract?: Account
  readonly treasury?: Account
}

interface Job {
  readonly creator: Account
  readonly locked: Amount
  readonly refundableAtS: number
  readonly refundAfterS: number
  readonly txHash: Hex
  readonly state: 'locked' | 'settled' | 'refunded'
  readonly outcome?: SettlementOutcome
  readonly appointed?: { readonly hash: Hex; readonly txHash: Hex }
}

/** What a settlement pays, before what is left of the lock goes back. */
type Sums = Omit<SettlementOutcome, 'txHash' | 'receiptsRoot' | 'refunded'> & { readonly total: Amount }

/**
 * `WorkToken` and `JobEscrow` in memory: the rules of spec/escrow.md without a chain under them.
 *
 * One instance is the world all peers of a simulation share; {@link MemoryChain.viewOf} is what one of them sees. Every
 * rule is applied synchronously, so a trace of calls has one result. Passes the same suite as the contracts.
 */
export class MemoryChain {
  readonly chainId: number
  /** Address of the escrow; its balance is what it holds for others. */
  readonly contract: Account
  readonly treasury: Account

  readonly #nowMs: () => number
  readonly #split: PayoutSplit
  readonly #jobs = new Map<Hex, Job>()
  readonly #balances = new Map<string, Amount>()
  readonly #credits = new Map<string, Amount>()
  #treasuryAccrued: Amount = 0n
  #supply: Amount = 0n
  #txCount = 0

  constructor(init: MemoryChainInit) {
    this.#nowMs = init.nowMs
    this.chainId = init.chainId ?? DEV_CHAIN_ID
    this.contract = init.contract ?? accountOf('JobEscrow')
    this.treasury = init.treasury ?? accountOf('treasury')
    this.#split = init.split ?? PAYOUT_SPLIT
  }

  /** Tokens in existence: minted, not burned. */
  get supply(): Amount {
    return this.#supply
  }

  /** Transactions sent so far. */
  get txCount(): number {
    return this.#txCount
  }

  /** Mint test tokens to an account. */
  fund(account: Account, amount: Amount): void {
    this.#supply += amount
    this.#move(undefined, account, amount)
  }

  /** Pay the treasury its share. */
  sweepTreasury(): Amount {
    const amount = this.#treasuryAccrued
    if (amount === 0n) throw reverted('NothingToWithdraw')
    this.#treasuryAccrued = 0n
    this.#send()
    this.#move(this.contract, this.treasury, amount)
    return amount
  }

  /** The chain as `account` sees it. */
  viewOf(account: Account): Chain {
    const { chainId, contract } = this
    const refOf = (terms: LockTerms): EscrowRef => ({
      chainId,
      contract,
      id: escrowIdOf(account, terms.jobHash, terms.salt)
    })
    return {
      chainId,
      contract,
      account,
      split: async () => this.#split,
      balanceOf: async owner => this.#balances.get(keyOf(owner)) ?? 0n,
      creditOf: async owner => this.#credits.get(keyOf(owner)) ?? 0n,
      escrow: async ref => this.#escrow(ref),
      escrowRef: refOf,
      lock: async terms => this.#lock(account, terms, refOf(terms)),
      appoint: async (ref, appointment) => this.#appoint(account, ref, appointment),
      signSettlement: async order => this.#sign(account, order),
      verifySettlement: (order, signed) => isSigned(order, signed),
      settle: async (order, signature) => this.#settleByCreator(order, signature),
      settleByWitnesses: async (order, appointment, signatures) =>
        this.#settleByWitnesses(order, appointment, signatures),
      refund: async ref => this.#refund(ref),
      withdraw: async owner => this.#withdraw(owner)
    }
  }

  #escrow(ref: EscrowRef): Escrow {
    const ours = ref.chainId === this.chainId && keyOf(ref.contract) === keyOf(this.contract)
    const job = ours ? this.#jobs.get(keyOf(ref.id)) : undefined
    if (job === undefined)
      return { ref, creator: NOBODY, locked: 0n, state: 'none', refundableAtS: 0, final: false }
    const { creator, locked, state } = job
    const refundableAtS = state === 'locked' ? job.refundableAtS : 0
    const escrow: Escrow = { ref, creator, locked, state, refundableAtS, final: true }
    return job.appointed === undefined ? escrow : { ...escrow, appointed: job.appointed.hash }
  }

  #lock(creator: Account, terms: LockTerms, ref: EscrowRef): { ref: EscrowRef; txHash: Hex } {
    const { amount, refundAfterS } = terms
    checkTerms(terms)
    const key = keyOf(ref.id)
    const job = this.#jobs.get(key)
    if (job !== undefined) {
      if (job.locked !== amount || job.refundAfterS !== refundAfterS) throw reverted('JobExists')
      return { ref, txHash: job.txHash }
    }
    const balance = this.#balances.get(keyOf(creator)) ?? 0n
    if (balance < amount) throw balanceTooLow(creator, balance, amount)
    if (amount === 0n) throw reverted('ZeroAmount')
    if (refundAfterS === 0 || refundAfterS > REFUND_AFTER_S_MAX) throw reverted('RefundTimeOutOfRange')

    const txHash = this.#send()
    const refundableAtS = this.#nowS() + refundAfterS
    this.#jobs.set(key, { creator, locked: amount, refundableAtS, refundAfterS, txHash, state: 'locked' })
    this.#move(creator, this.contract, amount)
    return { ref, txHash }
  }

  #appoint(caller: Account, ref: EscrowRef, appointment: Appointment): { txHash: Hex } {
    this.#checkOurs(ref)
    checkAppointment(appointment)
    const key = keyOf(ref.id)
    const job = this.#jobs.get(key)
    const hash = appointmentHash(appointment)
    const ours = job !== undefined && keyOf(job.creator) === keyOf(caller)
    if (ours && job.appointed?.hash === hash) return { txHash: job.appointed.txHash }
    if (job?.state !== 'locked') throw reverted('JobNotOpen')
    if (!ours) throw reverted('NotCreator')
    if (job.appointed !== undefined) throw reverted('AlreadyAppointed')

    judgeAppointment(appointment)
    const txHash = this.#send()
    this.#jobs.set(key, { ...job, appointed: { hash, txHash } })
    return { txHash }
  }

  // A stand-in for the account's key: nobody else's view signs with this account.
  #sign(account: Account, order: SettlementOrder): Hex {
    this.#checkOurs(order.escrow)
    return signatureOf(account, order)
  }

  #settleByCreator(order: SettlementOrder, signature: Hex): SettlementOutcome {
    return this.#settle(order, ({ creator, appointed }) => {
      if (appointed !== undefined) throw reverted('WitnessesDecide')
      if (keyOf(signature) !== signatureOf(creator, order)) throw reverted('BadSignature')
    })
  }

  #settleByWitnesses(
    order: SettlementOrder,
    appointment: Appointment,
    signatures: readonly SettlementSignature[]
  ): SettlementOutcome {
    checkAppointment(appointment)
    return this.#settle(order, ({ appointed }) => {
      if (appointed?.hash !== appointmentHash(appointment)) throw reverted('NotAppointed')
      const valid = signatures.filter(signed => isSigned(order, signed))
      const signers = new Set(valid.map(({ account }) => keyOf(account)))
      const { views, quorum } = appointment
      const signedBy = (view: readonly Account[]) => view.filter(witness => signers.has(keyOf(witness)))
      if (!views.some(view => signedBy(view).length >= quorum)) throw reverted('QuorumNotMet')
    })
  }

  /** `checkSigned` throws unless somebody who may settle this job signed the order. */
  #settle(order: SettlementOrder, checkSigned: (job: Job) => void): SettlementOutcome {
    this.#checkOurs(order.escrow)
    const key = keyOf(order.escrow.id)
    const job = this.#jobs.get(key)
    if (job?.outcome !== undefined) return job.outcome
    if (job?.state !== 'locked') throw reverted('JobNotOpen')
    checkSigned(job)

    const { total, ...sums } = splitAll(order.payouts, this.#split)
    if (total > job.locked) throw reverted('ExceedsLock')
    const refunded = job.locked - total
    const { receiptsRoot } = order
    const outcome: SettlementOutcome = { txHash: this.#send(), receiptsRoot, ...sums, refunded }
    for (const { account, amount } of outcome.credits) {
      this.#credits.set(keyOf(account), (this.#credits.get(keyOf(account)) ?? 0n) + amount)
    }
    this.#jobs.set(key, { ...job, state: 'settled', outcome })
    this.#treasuryAccrued += outcome.treasury
    this.#supply -= outcome.burned
    this.#move(this.contract, undefined, outcome.burned)
    this.#move(this.contract, job.creator, refunded)
    return outcome
  }

  #refund(ref: EscrowRef): { txHash: Hex; refunded: Amount } {
    this.#checkOurs(ref)
    const job = this.#jobs.get(keyOf(ref.id))
    if (job?.state !== 'locked') throw reverted('JobNotOpen')
    if (this.#nowS() < job.refundableAtS) throw reverted('NotRefundableYet')
    this.#jobs.set(keyOf(ref.id), { ...job, state: 'refunded' })
    this.#move(this.contract, job.creator, job.locked)
    return { txHash: this.#send(), refunded: job.locked }
  }

  #withdraw(account: Account): { txHash: Hex; amount: Amount } {
    const amount = this.#credits.get(keyOf(account)) ?? 0n
    if (amount === 0n) throw reverted('NothingToWithdraw')
    this.#credits.delete(keyOf(account))
    this.#move(this.contract, account, amount)
    return { txHash: this.#send(), amount }
  }

  #checkOurs(ref: EscrowRef): void {
    if (ref.chainId !== this.chainId)
      throw new RayswarmError('ERR_CHAIN_ID', `escrow is on chain ${ref.chainId}, not ${this.chainId}`, {
        thing: 'chain id',
        value: ref.chainId,
        remedy: `Use a peer on chain ${ref.chainId}.`
      })
    if (keyOf(ref.contract) !== keyOf(this.contract))
      throw new RayswarmError('ERR_USAGE', `escrow is in contract ${ref.contract}, not ${this.contract}`, {
        thing: 'contract',
        value: ref.contract,
        remedy: 'Use the contract that the job was locked in.'
      })
  }

  /** Undefined on one side: minted or burned. */
  #move(from: Account | undefined, to: Account | undefined, amount: Amount): void {
    if (from !== undefined) this.#balances.set(keyOf(from), (this.#balances.get(keyOf(from)) ?? 0n) - amount)
    if (to !== undefined) this.#balances.set(keyOf(to), (this.#balances.get(keyOf(to)) ?? 0n) + amount)
  }

  #send(): Hex {
    this.#txCount += 1
    return keccak(`transaction ${this.#txCount}`)
  }

  #nowS(): number {
    return Math.floor(this.#nowMs() / SECOND_MS)
  }
}

const NOBODY: Account = `0x${'0'.repeat(40)}`

// Accounts and hashes are compared as the chain does: by value, not by case.
function keyOf(hex: string): string {
  return hex.toLowerCase()
}

function signatureOf(account: Account, order: SettlementOrder): Hex {
  const half = keccak(`${keyOf(account)} signs ${settlementDigest(order)}`)
  return `${half}${keccak(half).slice(2)}1b`
}

function isSigned(order: SettlementOrder, { account, signature }: SettlementSignature): boolean {
  try {
    return keyOf(signature) === signatureOf(account, order)
  } catch (error) {
    // An order that no contract could hash.
    if (error instanceof RangeError) return false
    throw error
  }
}

function splitAll(payouts: readonly Payout[], split: PayoutSplit): Sums {
  let [total, paid, burned, treasury] = [0n, 0n, 0n, 0n]
  let previous = keyOf(NOBODY)
  const credits: { account: Account; amount: Amount }[] = []
  for (const { account, gross } of payouts) {
    if (keyOf(account) <= previous) throw reverted('PayoutsNotAscending')
    if (gross === 0n) throw reverted('ZeroAmount')
    previous = keyOf(account)
    const burnedPart = (gross * BigInt(split.burnBps)) / BPS
    const treasuryPart = (gross * BigInt(split.treasuryBps)) / BPS
    const amount = gross - burnedPart - treasuryPart
    total += gross
    paid += amount
    burned += burnedPart
    treasury += treasuryPart
    credits.push({ account, amount })
  }
  return { total, paid, burned, treasury, credits }
}

function checkTerms({ amount, refundAfterS }: LockTerms): void {
  if (amount < 0n || amount > AMOUNT_MAX) throw new RangeError(`amount out of range: ${amount}`)
  if (!Number.isInteger(refundAfterS) || refundAfterS < 0 || refundAfterS > UINT32_MAX)
    throw new RangeError(`refundAfterS out of range: ${refundAfterS}`)
}

function checkAppointment({ views, quorum }: Appointment): void {
  if (!Number.isInteger(quorum) || quorum < 0 || quorum > UINT32_MAX)
    throw new RangeError(`quorum out of range: ${quorum}`)
  if (views.some(view => view.length !== views[0]?.length)) throw new RangeError('views of different sizes')
  for (const witness of views.flat())
    if (!/^0x[0-9a-f]{40}$/i.test(witness)) throw new RangeError(`not an account: ${witness}`)
}

function judgeAppointment({ views, quorum }: Appointment): void {
  const viewSize = views[0]?.length ?? 0
  if (viewSize === 0 || viewSize > WITNESS_COUNT_MAX || quorum > viewSize || 2 * quorum <= viewSize)
    throw reverted('BadQuorum')
  if (views.length > WITNESS_VIEW_COUNT_MAX) throw reverted('BadViews')
  for (const view of views) {
    const seen = new Set<string>()
    for (const witness of view.map(keyOf)) {
      if (witness === NOBODY) throw reverted('ZeroAccount')
      if (seen.has(witness)) throw reverted('DuplicateWitness')
      seen.add(witness)
    }
  }
}

function balanceTooLow(account: Account, balance: Amount, amount: Amount): RayswarmError {
  return new RayswarmError('ERR_BALANCE_TOO_LOW', `account ${account} holds ${balance}, needs ${amount}`, {
    thing: 'balance',
    value: balance,
    remedy: `Give ${account} at least ${amount - balance} more base units of the work token.`
  })
}

function reverted(name: string): RayswarmError {
  return new RayswarmError('ERR_CHAIN_REVERTED', `the contract refused: ${name}`, {
    thing: 'transaction',
    value: name,
    remedy: `See ${name} in spec/escrow.md#errors.`
  })
}
