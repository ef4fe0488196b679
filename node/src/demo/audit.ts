import { openChain } from '@rayswarm/chain'
import type { Amount, EscrowRef, Hex, PayoutSplit, Receipt, SettlementOutcome } from '@rayswarm/interface'
import { payoutsOf, receiptsTree, settle } from '@rayswarm/settlement'
import { readJson } from '../disk.ts'
import type { PublishJson } from '../publish/deliver.ts'
import { formatTokens } from '../tokens.ts'
import type { DemoNode, DemoWorld } from './world.ts'

/** What the chain says about a settled job, and where anybody's account of it differs. */
export interface Audit {
  readonly locked: Amount
  readonly outcome: SettlementOutcome
  /** Credit of each node's account, in the nodes' order. */
  readonly credits: readonly Amount[]
  /** Empty when the books balance. */
  readonly faults: readonly string[]
}

/** What `receipt.json` holds, as far as it is audited. Amounts are text there. */
interface ReceiptFile {
  readonly escrow: EscrowRef
  readonly receiptsRoot: Hex
  readonly receipts: readonly (Omit<Receipt, 'gross'> & { readonly gross: string })[]
}

/** Read everything from the chain, and compare it with what the creator reported and with our own arithmetic. */
export async function audit(
  world: DemoWorld,
  nodes: readonly DemoNode[],
  published: PublishJson
): Promise<Audit> {
  const file = (await readJson(published.receipt, 'receipt')) as ReceiptFile
  const receipts = file.receipts.map(receipt => ({ ...receipt, gross: BigInt(receipt.gross) }))
  const { chain, deployment } = world
  const { rpcUrl, chainId, key } = chain
  const { contract, token, deployedAtBlock } = deployment
  const reader = await openChain({ rpcUrl, chainId, contract, token, key, deployedAtBlock })
  try {
    const { locked, state } = await reader.escrow(file.escrow)
    // A settled escrow is not settled again: the call answers what its event says, whatever the order.
    const order = { escrow: file.escrow, payouts: [], receiptsRoot: file.receiptsRoot }
    const outcome = state === 'settled' ? await reader.settle(order, '0x') : undefined
    if (outcome === undefined) throw new RangeError(`the escrow is ${state}, not settled`)
    const credits = await Promise.all(nodes.map(node => reader.creditOf(node.account)))
    const split = await reader.split()
    const faults = [
      ...escrowFaults(locked, outcome, published),
      ...creditFaults(nodes, credits, outcome, published),
      ...receiptFaults(receipts, file.receiptsRoot, locked, outcome, split),
      ...liarFaults(nodes, receipts, published)
    ]
    return { locked, outcome, credits, faults }
  } finally {
    reader.close()
  }
}

function escrowFaults(locked: Amount, outcome: SettlementOutcome, { escrow }: PublishJson): string[] {
  const { paid, burned, treasury, refunded } = outcome
  const onChain: Readonly<Record<string, Amount>> = { locked, paid, burned, treasury, refunded }
  const differing = Object.entries(onChain)
    .filter(([name, amount]) => escrow[name as keyof typeof escrow] !== String(amount))
    .map(([name, amount]) => `${name}: the chain says ${formatTokens(amount)}, the report something else`)
  const sum = paid + burned + treasury + refunded
  return sum === locked
    ? differing
    : [...differing, `${formatTokens(locked)} locked, ${formatTokens(sum)} came out`]
}

function creditFaults(
  nodes: readonly DemoNode[],
  credits: readonly Amount[],
  outcome: SettlementOutcome,
  { payouts }: PublishJson
): string[] {
  const faults = nodes.flatMap(({ name, account }, index) => {
    const reported =
      payouts.find(payout => payout.account.toLowerCase() === account.toLowerCase())?.amount ?? '0'
    const credit = credits[index]!
    return String(credit) === reported ? [] : [`${name}: credit ${credit} on the chain, ${reported} reported`]
  })
  const sum = credits.reduce((total, credit) => total + credit, 0n)
  if (sum !== outcome.paid) faults.push(`nodes hold ${sum} in credits, ${outcome.paid} was paid`)
  return faults
}

/** The settlement must follow from the receipts, and the receipts from their root. */
function receiptFaults(
  receipts: readonly Receipt[],
  root: Hex,
  locked: Amount,
  outcome: SettlementOutcome,
  split: PayoutSplit
): string[] {
  const own = settle(locked, payoutsOf(receipts), split)
  const sums = [own.paid, own.burned, own.treasury, own.refunded]
  const theirs = [outcome.paid, outcome.burned, outcome.treasury, outcome.refunded]
  return [
    ...(sums.join() === theirs.join()
      ? []
      : [`receipts give ${sums.join('/')}, the chain did ${theirs.join('/')}`]),
    ...(receiptsTree(receipts).root === root ? [] : ['the receipts do not have the root that was settled'])
  ]
}

/** A liar's every result was wrong: any receipt of one pays for a lie. */
function liarFaults(
  nodes: readonly DemoNode[],
  receipts: readonly Receipt[],
  { caught }: PublishJson
): string[] {
  const liars = nodes.filter(({ liar }) => liar)
  const honest = nodes.filter(({ liar }) => !liar)
  return [
    ...liars
      .filter(({ peerId }) => receipts.some(({ node }) => node === peerId))
      .map(({ name }) => `${name} lied and was paid`),
    ...honest
      .filter(({ peerId }) => caught.includes(peerId))
      .map(({ name }) => `${name} is honest and was rejected`)
  ]
}
