import type { Account, Amount, PeerId } from '@rayswarm/interface'
import type { JobReport } from '@rayswarm/peer'

/** What is known of a world when it ends. */
export interface WorldFacts {
  readonly expect: 'complete' | 'safe'
  /** Absent when the job was not settled, or nobody was there to say so. */
  readonly report?: JobReport
  /** Peers that must not be paid. */
  readonly undeserving: ReadonlySet<PeerId>
  readonly accounts: readonly {
    readonly name: string
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
  /** What was overheard and must never be said. */
  readonly overheard: readonly string[]
}

/** Judges a world; answers what is wrong with it. */
export type Check = (facts: WorldFacts) => readonly string[]

/** Every subtask is accepted, and the job is settled. */
const complete: Check = ({ expect, report }) => {
  if (expect === 'safe') return []
  if (report === undefined) return ['the job was not settled']
  const { acceptedCount, subtaskCount } = report
  return acceptedCount === subtaskCount ? [] : [`${acceptedCount} of ${subtaskCount} subtasks accepted`]
}

/** No replica is paid twice, and no node twice for one subtask. */
const payOnce: Check = ({ report }) => {
  const violations: string[] = []
  const paid = new Set<string>()
  for (const { replica, node } of report?.receipts ?? [])
    for (const key of [`${replica.subtask}/${replica.replica}`, `${replica.subtask}/${node}`]) {
      if (paid.has(key)) violations.push(`paid twice: ${key}`)
      paid.add(key)
    }
  return violations
}

/** Nobody is paid for a result that is wrong or was never shown. */
const payHonest: Check = ({ report, undeserving }) =>
  (report?.receipts ?? [])
    .filter(receipt => undeserving.has(receipt.node))
    .map(receipt => `a liar was paid: subtask ${receipt.replica.subtask}`)

/** What was locked is paid, burned, taxed or given back, to the last unit; and no token comes from or goes nowhere. */
const conservation: Check = ({ report, accounts, contractBalance, treasuryBalance, minted, supply }) => {
  const violations: string[] = []
  const burned = report?.outcome.burned ?? 0n
  if (report !== undefined) {
    const { paid, treasury, refunded } = report.outcome
    const sum = paid + burned + treasury + refunded
    if (sum !== report.locked) violations.push(`locked ${report.locked}, accounted for ${sum}`)
    if (minted - burned !== supply)
      violations.push(`minted ${minted}, burned ${burned}, but there are ${supply}`)
  }
  const held = accounts.reduce((sum, { balance }) => sum + balance, contractBalance + treasuryBalance)
  if (held !== supply) violations.push(`${supply} tokens exist, ${held} are held`)
  const credits = accounts.reduce((sum, { credit }) => sum + credit, 0n)
  if (credits > contractBalance)
    violations.push(`credits of ${credits}, but the contract holds ${contractBalance}`)
  return violations
}

/** Every account earned exactly what the settlement says. */
const credited: Check = ({ report, accounts }) =>
  accounts.flatMap(({ name, account, credit }) => {
    if (report === undefined)
      return credit === 0n ? [] : [`${name} has credit ${credit} of no settlement we know`]
    const reported = report.outcome.credits.find(c => c.account === account)?.amount ?? 0n
    return credit === reported ? [] : [`${name}: credit ${credit}, reported ${reported}`]
  })

/** Witnesses keep their word, over restarts too; a replica has one certificate. */
const faithful: Check = ({ overheard }) => overheard

/** What must hold in every world. */
export const CHECKS: Readonly<Record<string, Check>> = {
  complete,
  payOnce,
  payHonest,
  conservation,
  credited,
  faithful
}

/** Everything that is wrong with a world. */
export function violationsOf(facts: WorldFacts): string[] {
  return Object.values(CHECKS).flatMap(check => check(facts))
}
