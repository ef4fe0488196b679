import assert from 'node:assert/strict'
import {
  type Account,
  type Amount,
  type Chain,
  type EscrowRef,
  isRayswarmError,
  type LockTerms,
  type Payout,
  type SettlementOrder
} from '@rayswarm/interface'
import { keccak } from './escrow-hash.ts'

/** One chain with several accounts on it, freshly deployed. */
export interface ChainWorld {
  /** The same chain seen by at least four accounts; none holds tokens yet. All can pay gas. */
  readonly views: readonly Chain[]
  readonly treasury: Account
  /** Mint work tokens. */
  fund(account: Account, amount: Amount): Promise<void>
  /** Let chain time pass. */
  advance: (seconds: number) => Promise<void>
  /** Chain time, in seconds. */
  nowS(): Promise<number>
  /** Tokens in existence. */
  supply(): Promise<Amount>
  /** Pay the treasury its share; resolves to the amount. */
  sweepTreasury(): Promise<Amount>
  close(): Promise<void>
}

export const BUDGET = 1_000_000n
export const REFUND_AFTER_S = 600
/** Gross amounts that leave dust: parts of 10 000 of them are not whole numbers. */
export const ODD = [333_333n, 1n, 77_777n] as const

/** Who plays in a test: a creator who holds twice the budget, two nodes, and somebody with no part in the job. */
export interface Cast {
  readonly world: ChainWorld
  readonly creator: Chain
  readonly nodes: readonly [Chain, Chain]
  readonly stranger: Chain
}

export async function castOf(world: ChainWorld): Promise<Cast> {
  const [creator, first, second, stranger] = world.views
  assert.ok(creator && first && second && stranger, 'a world has at least four views')
  await world.fund(creator.account, 2n * BUDGET)
  const nodes = [first, second].toSorted((a, b) => (ascending(a.account, b.account) ? -1 : 1))
  return { world, creator, nodes: nodes as [Chain, Chain], stranger }
}

export type Entries = readonly (readonly [Account, Amount])[]

export function terms(over: Partial<LockTerms> = {}): LockTerms {
  const base = { jobHash: keccak('job'), salt: keccak('salt'), amount: BUDGET, refundAfterS: REFUND_AFTER_S }
  return { ...base, ...over }
}

export function orderOf(escrow: EscrowRef, ...entries: Entries): SettlementOrder {
  const payouts: Payout[] = entries.map(([account, gross]) => ({ account, gross }))
  return { escrow, payouts, receiptsRoot: keccak('receipts') }
}

function ascending(a: Account, b: Account): boolean {
  return a.toLowerCase() < b.toLowerCase()
}

export async function coded(call: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(call, error => {
    assert.ok(isRayswarmError(error), String(error))
    assert.equal(error.code, code)
    return true
  })
}

export async function refused(call: Promise<unknown>, name: string): Promise<void> {
  await assert.rejects(call, error => {
    assert.ok(isRayswarmError(error), String(error))
    assert.deepEqual([error.code, error.value], ['ERR_CHAIN_REVERTED', name])
    return true
  })
}
