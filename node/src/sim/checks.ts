import type { Account, Amount, PeerId, Receipt } from '@rayswarm/interface'
import { receiptsTree } from '@rayswarm/settlement'
import type { Settled } from './chain-watch.ts'

/** What is known of a world when it ends. */
export interface WorldFacts {
  readonly expect: 'complete' | 'safe'
  /** Absent when the job was not settled. */
  readonly settled?: Settled
  /** What whoever settled knew; absent when it died in the same instant. */
  readonly books?: Books
  /** Peers that must not be paid. */
  readonly undeserving: ReadonlySet<PeerId>
  readonly accounts: readonly {
    readonly name: string
    readonly peer: PeerId
    readonly account: Account
    readonly balance: Amount
    readonly credit: Amount
  }[]
  /** Held by the escrow contract and the treasury. */
  readonly contractBalance: Amount
  readonly treasuryBalance: Amount
  readonly minted: Amount
  /** Tokens there are in the end. */
  readonly supply: Amount
  /** Most that each account can have earned: the certified price of each subtask that its node opened, once each. */
  readonly earned: ReadonlyMap<Account, Amount>
  /** What was overheard and must never be said. */
  readonly overheard: readonly string[]
}

/** A job's books, as whoever settled it kept them. */
export interface Books {
  readonly subtaskCount: number
  readonly acceptedCount: number
  readonly receipts?: readonly Receipt[]
}

/** Judges a world; answers what is wrong with it. */
export type Check = (facts: WorldFacts) => readonly string[]

/** Every subtask is accepted, and the job is settled. */
const complete: Check = ({ expect, settled, books }) => {
  if (expect === 'safe') return []
  if (settled === undefined) return ['the job was not settled']
  if (books === undefined) return []
  const { acceptedCount, subtaskCount } = books
  return acceptedCount === subtaskCount ? [] : [`${acceptedCount} of ${subtaskCount} subtasks accepted`]
}

/** No replica is paid twice, no node twice for one subtask, and nobody more than the certificates it showed are worth. */
const payOnce: Check = ({ books, settled, earned }) => {
  const violations: string[] = []
  const paid = new Set<string>()
  for (const { replica, node } of books?.receipts ?? [])
    for (const key of [`${replica.subtask}/${replica.replica}`, `${replica.subtask}/${node}`]) {
      if (paid.has(key)) violations.push(`paid twice: ${key}`)
      paid.add(key)
    }
  for (const { account, gross } of settled?.order.payouts ?? []) {
    const most = earned.get(account) ?? 0n
    if (gross > most) violations.push(`${account} is paid ${gross}, and can have earned ${most}`)
  }
  return violations
}

/** Nobody is paid for a result that is wrong or was never shown. */
const payHonest: Check = ({ settled, accounts, undeserving }) =>
  accounts
    .filter(({ peer, account }) => {
      return undeserving.has(peer) && settled?.order.payouts.some(payout => payout.account === account)
    })
    .map(({ name }) => `${name} was paid`)

/** What is paid follows from the receipts, and is what the chain says. */
const booked: Check = ({ books, settled, accounts }) => {
  if (settled === undefined)
    return accounts
      .filter(({ credit }) => credit !== 0n)
      .map(({ name }) => `${name} has credit of no settlement`)
  const violations: string[] = []
  const { order, outcome } = settled
  const receipts = books?.receipts
  if (receipts !== undefined && receiptsTree([...receipts]).root !== order.receiptsRoot)
    violations.push('the settlement does not follow from its receipts')
  for (const { name, account, credit } of accounts) {
    const due = outcome.credits.find(entry => entry.account === account)?.amount ?? 0n
    if (credit !== due) violations.push(`${name}: credit ${credit}, settled ${due}`)
  }
  return violations
}

/** What was locked is paid, burned, taxed or given back, to the last unit; and no token comes from or goes nowhere. */
const conservation: Check = ({ settled, accounts, contractBalance, treasuryBalance, minted, supply }) => {
  const violations: string[] = []
  const burned = settled?.outcome.burned ?? 0n
  if (settled !== undefined) {
    const { paid, treasury, refunded } = settled.outcome
    const sum = paid + burned + treasury + refunded
    if (sum !== settled.locked) violations.push(`locked ${settled.locked}, accounted for ${sum}`)
  }
  if (minted - burned !== supply)
    violations.push(`minted ${minted}, burned ${burned}, but there are ${supply}`)
  const held = accounts.reduce((sum, { balance }) => sum + balance, contractBalance + treasuryBalance)
  if (held !== supply) violations.push(`${supply} tokens exist, ${held} are held`)
  const credits = accounts.reduce((sum, { credit }) => sum + credit, 0n)
  if (credits > contractBalance)
    violations.push(`credits of ${credits}, but the contract holds ${contractBalance}`)
  return violations
}

/** Witnesses keep their word, over restarts too; a replica has one certificate. */
const faithful: Check = ({ overheard }) => overheard

/** What must hold in every world. */
export const CHECKS = {
  complete,
  payOnce,
  payHonest,
  booked,
  conservation,
  faithful
} as const satisfies Readonly<Record<string, Check>>

/** Everything that is wrong with a world. */
export function violationsOf(facts: WorldFacts): string[] {
  return Object.values(CHECKS).flatMap(check => check(facts))
}
