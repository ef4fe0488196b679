import { openChain } from '@rayswarm/chain'
import type {
  Amount,
  EscrowRef,
  Hex,
  PayoutSplit,
  PeerId,
  Receipt,
  SettlementOutcome
} from '@rayswarm/interface'
import { payoutsOf, receiptsTree, settle } from '@rayswarm/settlement'
import { readJson } from '../disk.ts'
import type { EscrowJson, PublishJson } from '../publish/deliver.ts'
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
    const books: Books = {
      locked,
      outcome,
      credits,
      split: await reader.split(),
      receipts,
      receiptsRoot: file.receiptsRoot
    }
    const faults = faultsOf(books, nodes, published)
    return { locked, outcome, credits, faults }
  } finally {
    reader.close()
  }
}

/** What the chain and the receipts say. */
export interface Books {
  readonly locked: Amount
  readonly outcome: SettlementOutcome
  readonly credits: readonly Amount[]
  readonly split: PayoutSplit
  readonly receipts: readonly Receipt[]
  readonly receiptsRoot: Hex
}

/** Everything that does not add up. */
export function faultsOf(
  books: Books,
  nodes: readonly Pick<DemoNode, 'name' | 'liar' | 'peerId' | 'account'>[],
  published: Pick<PublishJson, 'escrow' | 'payouts' | 'caught'>
): string[] {
  const { locked, outcome, credits, receipts } = books
  return [
    ...escrowFaults(locked, outcome, published.escrow),
    ...creditFaults(nodes, credits, outcome, published.payouts),
    ...receiptFaults(books),
    ...liarFaults(nodes, credits, receipts, published.caught)
  ]
}

function escrowFaults(locked: Amount, outcome: SettlementOutcome, escrow: EscrowJson): string[] {
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
  nodes: readonly Pick<DemoNode, 'name' | 'account'>[],
  credits: readonly Amount[],
  outcome: SettlementOutcome,
  payouts: PublishJson['payouts']
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
function receiptFaults({ receipts, receiptsRoot, locked, outcome, split }: Books): string[] {
  const faults: string[] = []
  try {
    const own = settle(locked, payoutsOf(receipts), split)
    const ours = [own.paid, own.burned, own.treasury, own.refunded].join('/')
    const theirs = [outcome.paid, outcome.burned, outcome.treasury, outcome.refunded].join('/')
    if (ours !== theirs) faults.push(`receipts give ${ours}, the chain did ${theirs}`)
  } catch (cause) {
    faults.push(`the receipts cannot be settled: ${(cause as Error).message}`)
  }
  if (receiptsTree(receipts).root !== receiptsRoot)
    faults.push('the receipts do not have the root that was settled')
  return faults
}

/** A liar's every result was wrong: any receipt of one pays for a lie. */
function liarFaults(
  nodes: readonly Pick<DemoNode, 'name' | 'liar' | 'peerId'>[],
  credits: readonly Amount[],
  receipts: readonly Receipt[],
  caught: readonly PeerId[]
): string[] {
  return nodes.flatMap(({ name, liar, peerId }, index) => {
    const isPaid = credits[index]! > 0n || receipts.some(({ node }) => node === peerId)
    if (liar) return isPaid ? [`${name} lied and was paid`] : []
    return caught.includes(peerId) ? [`${name} is honest and was rejected`] : []
  })
}
