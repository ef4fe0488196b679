import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hex, PayoutSplit, Receipt } from '@rayswarm/interface'

export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/settlement.json')

/** Amounts are decimal text. */
export interface SettlementVectors {
  readonly splits: readonly {
    readonly gross: string
    readonly split: PayoutSplit
    readonly node: string
    readonly burned: string
    readonly treasury: string
  }[]
  /** Roots and proofs as `@openzeppelin/merkle-tree` 1.0.8 and the ABI coder of ethers 6 compute them. */
  readonly trees: readonly {
    readonly receipts: readonly (Omit<Receipt, 'gross'> & { readonly gross: string })[]
    readonly leaves: readonly Hex[]
    readonly root: Hex
    readonly proofs: readonly (readonly Hex[])[]
  }[]
}

export function readVectors(): SettlementVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as SettlementVectors
}
