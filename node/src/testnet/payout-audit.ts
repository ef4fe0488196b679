import type { JobId, ReplicaKey } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { receiptsTree, splitPayout } from '@rayswarm/settlement'
import { replicaId } from '@rayswarm/wire'
import { type Cast, named, short, type Violation, violation, where } from './checker.ts'
import type { EventOf, HistoryEvent, HistoryReceipt, HistorySettlement } from './history.ts'

/** How much of what the chain paid is known to be paid for what. */
export interface PayoutAudit {
  /** On the chain. */
  readonly settlements: number
  /** Those whose receipts are known for certain: they have the root that was settled. */
  readonly audited: number
  /** Receipts in them, each held against a certificate. */
  readonly payouts: number
}

/** A settlement with the receipts that have its root. */
interface Paid {
  readonly job: JobId
  readonly atMs: number
  readonly settlement: HistorySettlement
  readonly receipts: readonly HistoryReceipt[]
}

/**
 * Hold everything that the chain paid against the receipts that were signed, and those against the certificates that honest judges
 * saw. It asks nobody who was accepted, so it does not need the creator; what nothing is known about is a violation too.
 */
export function auditPayouts(
  events: readonly HistoryEvent[],
  honest: readonly HistoryEvent[],
  cast: Cast
): { readonly audit: PayoutAudit; readonly violations: readonly Violation[] } {
  const receiptsOf = signedReceipts(events)
  const paid: Paid[] = []
  const violations = unanswered(honest)
  let settlements = 0
  for (const { job, escrows, atMs } of chainWords(events))
    for (const settlement of escrows.flatMap(escrow => escrow.settlements)) {
      settlements++
      const receipts = receiptsOf(job, settlement.receiptsRoot)
      if (receipts !== undefined) paid.push({ job, atMs, settlement, receipts })
      else violations.push(violation('unaudited', atMs, unknownText(job, settlement)))
    }
  return {
    audit: {
      settlements,
      audited: paid.length,
      payouts: paid.reduce((sum, { receipts }) => sum + receipts.length, 0)
    },
    violations: [
      ...violations,
      ...paidTwice(paid),
      ...unearned(paid, certificatesOf(honest), cast),
      ...paid.flatMap(miscounted)
    ]
  }
}

/** What the chain said last about each job. */
export function chainWords(events: readonly HistoryEvent[]): EventOf<'chain'>[] {
  return [...new Map(named(events, 'chain').map(event => [event.job, event])).values()]
}

/** Jobs that the chain was not asked about, or not since they were settled. */
function unanswered(events: readonly HistoryEvent[]): Violation[] {
  const words = new Map(chainWords(events).map(({ job, escrows }) => [job, escrows]))
  const found = new Map<JobId, Violation>()
  for (const event of events) {
    if (event.event !== 'published' && event.event !== 'settled' && event.event !== 'paid') continue
    const { job, peer, atMs } = event
    const escrows = words.get(job)
    const isKnown =
      event.event === 'settled'
        ? escrows?.some(({ settlements }) => settlements.some(({ txHash }) => txHash === event.txHash))
        : escrows?.some(({ settlements }) => event.event === 'published' || settlements.length > 0)
    if (isKnown || escrows?.some(({ isRefunded }) => isRefunded)) continue
    const text =
      escrows === undefined
        ? 'the chain was never asked about it'
        : event.event === 'published'
          ? 'the chain knows no escrow of it'
          : `${peer} says that it is settled, the chain did not when it was asked`
    if (!found.has(job)) found.set(job, violation('unaudited', atMs, `${short(job)}: ${text}`))
  }
  return [...found.values()]
}

/** Receipts by job and root. Who wrote them down does not matter: what has the root that was settled is what was settled. */
function signedReceipts(
  events: readonly HistoryEvent[]
): (job: JobId, root: string) => readonly HistoryReceipt[] | undefined {
  const claimed = new Map<string, (readonly HistoryReceipt[])[]>()
  for (const { job, receiptsRoot, receipts } of named(events, 'signed')) {
    const key = `${job} ${receiptsRoot}`
    claimed.set(key, [...(claimed.get(key) ?? []), receipts])
  }
  return (job, root) =>
    [[], ...(claimed.get(`${job} ${root}`) ?? [])].find(receipts => rootOf(job, receipts) === root)
}

function rootOf(job: JobId, receipts: readonly HistoryReceipt[]): string | undefined {
  try {
    return receiptsTree(
      receipts.map(receipt => ({ ...receipt, replica: keyOf(job, receipt), gross: BigInt(receipt.gross) }))
    ).root
  } catch {
    // Not a receipt that anybody can sign.
    return undefined
  }
}

/** One replica is paid once, whatever its generations and wherever it is settled, and a node once for one subtask. */
function paidTwice(paid: readonly Paid[]): Violation[] {
  const found: Violation[] = []
  const before = new Map<string, string>()
  for (const { job, atMs, settlement, receipts } of paid)
    for (const receipt of receipts) {
      const { subtask, replica, node } = receipt
      const text = `${node} for replica ${replica} by transaction ${short(settlement.txHash)}`
      for (const key of [`${job}/${subtask}/${replica}`, `${job}/${subtask} ${node}`]) {
        const earlier = before.get(key)
        if (earlier === undefined) before.set(key, text)
        else {
          const what = `${where(keyOf(job, receipt))}: paid ${earlier}, and ${text}`
          found.push(violation('paid-twice', atMs, what))
          break
        }
      }
    }
  return found
}

type Certificate = Pick<EventOf<'committed'>, 'node' | 'price'>

/** Certificates that honest judges checked and saw hold, by replica and generation. */
function certificatesOf(honest: readonly HistoryEvent[]): ReadonlyMap<string, readonly Certificate[]> {
  const certificates = new Map<string, Certificate[]>()
  for (const event of named(honest, 'committed')) {
    const id = replicaId(event)
    certificates.set(id, [...(certificates.get(id) ?? []), event])
  }
  return certificates
}

/** Every receipt goes to the node whose certificate closed the replica, at the price in it, to its own account. */
function unearned(
  paid: readonly Paid[],
  certificates: ReadonlyMap<string, readonly Certificate[]>,
  cast: Cast
): Violation[] {
  return paid.flatMap(({ job, atMs, receipts }) =>
    receipts.flatMap(receipt => {
      const key = keyOf(job, receipt)
      const text = faultOf(receipt, certificates.get(replicaId(key)) ?? [], cast.accountOf.get(receipt.node))
      return text === undefined ? [] : [violation('unearned', atMs, `${where(key)}: ${text}`)]
    })
  )
}

function faultOf(
  { node, gross, account }: HistoryReceipt,
  certificates: readonly Certificate[],
  ownAccount: string | undefined
): string | undefined {
  if (certificates.length === 0) return `${node} is paid ${gross}, and no honest judge saw a certificate`
  const own = certificates.filter(certificate => certificate.node === node)
  if (own.length === 0) return `${node} is paid ${gross}, and the certificate is of ${certificates[0]!.node}`
  if (!own.some(({ price }) => price === gross))
    return `${node} is paid ${gross}, and its certificate says ${own[0]!.price}`
  if (ownAccount === undefined) return `${node} is paid ${gross}, and is no peer of this testnet`
  if (account.toLowerCase() !== ownAccount.toLowerCase())
    return `${node} is paid to ${account}, and its account is ${ownAccount}`
  return undefined
}

/** What each account got, what was burned and what the treasury got is what the receipts come to. */
function miscounted({ job, atMs, settlement, receipts }: Paid): Violation[] {
  const due = dueBooks(receipts)
  const done = new Map<string, bigint>()
  for (const { account, amount } of settlement.credits) add(done, account.toLowerCase(), BigInt(amount))
  for (const part of ['paid', 'burned', 'treasury'] as const) add(done, part, BigInt(settlement[part]))
  return [...new Set([...due.keys(), ...done.keys()])].flatMap(who => {
    const [is, should] = [done.get(who) ?? 0n, due.get(who) ?? 0n]
    return is === should
      ? []
      : [
          violation(
            'books',
            atMs,
            `${short(job)}: ${who}: ${is} on the chain, the receipts come to ${should}`
          )
        ]
  })
}

function dueBooks(receipts: readonly HistoryReceipt[]): Map<string, bigint> {
  const gross = new Map<string, bigint>()
  for (const receipt of receipts) add(gross, receipt.account.toLowerCase(), BigInt(receipt.gross))
  const books = new Map<string, bigint>()
  for (const [account, sum] of gross) {
    const { node, burned, treasury } = splitPayout(sum, PAYOUT_SPLIT)
    for (const [who, amount] of Object.entries({ [account]: node, paid: node, burned, treasury }))
      add(books, who, amount)
  }
  return books
}

function add(books: Map<string, bigint>, who: string, amount: bigint): void {
  books.set(who, (books.get(who) ?? 0n) + amount)
}

function keyOf(job: JobId, { subtask, replica, generation }: HistoryReceipt): ReplicaKey {
  return { job, subtask, replica, generation }
}

function unknownText(job: JobId, { txHash, paid, credits }: HistorySettlement): string {
  return `${short(job)}: transaction ${short(txHash)} paid ${paid} to ${credits.length} accounts, and nobody wrote down receipts of its root`
}
