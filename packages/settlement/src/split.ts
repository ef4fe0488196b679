import type { Account, Amount, Payout, PayoutSplit, Receipt } from '@rayswarm/interface'
import { BPS } from '@rayswarm/params'
import { isAccount, toAccount } from '@rayswarm/wire'

const UINT64_MAX = 2n ** 64n - 1n

/** What becomes of one gross payout. */
export interface Shares {
  readonly node: Amount
  readonly burned: Amount
  readonly treasury: Amount
}

/** What becomes of an escrow: `locked = paid + burned + treasury + refunded`. */
export interface Settlement {
  /** Sum of the credits. */
  readonly paid: Amount
  readonly burned: Amount
  readonly treasury: Amount
  /** What goes back to the creator. */
  readonly refunded: Amount
  /** Net, in the order of the payouts. */
  readonly credits: readonly { readonly account: Account; readonly amount: Amount }[]
}

/**
 * Divide one gross payout. The burned and the treasury share are rounded down, the node gets the rest.
 *
 * @throws {RangeError} if the shares do not add up to the whole, or the amount is out of range
 * @see spec/settlement.md#split
 */
export function splitPayout(gross: Amount, split: PayoutSplit): Shares {
  const { nodeBps, burnBps, treasuryBps } = split
  if ([nodeBps, burnBps, treasuryBps].some(bps => !Number.isInteger(bps) || bps < 0))
    throw new RangeError('shares are whole parts of 10 000')
  if (BigInt(nodeBps + burnBps + treasuryBps) !== BPS) throw new RangeError('shares must add up to 10 000')
  requireAmount(gross, 'gross payout')

  const burned = (gross * BigInt(burnBps)) / BPS
  const treasury = (gross * BigInt(treasuryBps)) / BPS
  return { node: gross - burned - treasury, burned, treasury }
}

/**
 * Sum receipts per account, sorted by account, accounts that get nothing left out.
 *
 * @throws {RangeError} if a replica has two receipts (whatever their generations), they are of two jobs, or a sum is out of range
 */
export function payoutsOf(receipts: readonly Receipt[]): Payout[] {
  const job = receipts[0]?.replica.job
  const seen = new Set<string>()
  const sums = new Map<Account, Amount>()
  for (const { replica, account, gross } of receipts) {
    const key = `${replica.subtask}/${replica.replica}`
    if (replica.job !== job) throw new RangeError(`receipts of two jobs: ${job} and ${replica.job}`)
    if (seen.has(key)) throw new RangeError(`two receipts for replica ${key} of job ${job}`)
    seen.add(key)
    requireAmount(gross, 'receipt')
    const payee = toAccount(account)
    if (payee === undefined || !isAccount(payee)) throw new RangeError(`not an account: ${account}`)
    const sum = (sums.get(payee) ?? 0n) + gross
    requireAmount(sum, 'payout')
    if (sum > 0n) sums.set(payee, sum)
  }
  return [...sums]
    .map(([account, gross]) => ({ account, gross }))
    .sort((a, b) => (a.account.toLowerCase() < b.account.toLowerCase() ? -1 : 1))
}

/**
 * Divide an escrow among its payouts; the rest is refunded. Equals what the contract does, to the base unit.
 *
 * @throws {RangeError} if the payouts exceed what is locked, or are not sorted by account, each above zero
 * @see spec/settlement.md#conservation
 */
export function settle(locked: Amount, payouts: readonly Payout[], split: PayoutSplit): Settlement {
  requireAmount(locked, 'locked amount')
  let refunded = locked
  let paid = 0n
  let burned = 0n
  let treasury = 0n
  // The contract begins at zero too, so that nobody is paid at the zero account.
  let before = `0x${'00'.repeat(20)}`
  const credits: { account: Account; amount: Amount }[] = []
  for (const { account, gross } of payouts) {
    const order = account.toLowerCase()
    if (order <= before) throw new RangeError(`payouts must ascend by account: ${account}`)
    if (gross <= 0n) throw new RangeError(`payout of ${account} must be above zero`)
    if (gross > refunded) throw new RangeError(`payouts exceed the locked ${locked}`)
    const shares = splitPayout(gross, split)
    refunded -= gross
    paid += shares.node
    burned += shares.burned
    treasury += shares.treasury
    credits.push({ account, amount: shares.node })
    before = order
  }
  return { paid, burned, treasury, refunded, credits }
}

function requireAmount(amount: Amount, thing: string): void {
  if (amount < 0n || amount > UINT64_MAX) throw new RangeError(`${thing} out of range: ${amount}`)
}
