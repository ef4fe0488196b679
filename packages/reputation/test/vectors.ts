import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerEntry, Score, Signed } from '@rayswarm/interface'
import { fromHex, toHex } from '@rayswarm/wire'
import { entryIdOf, forkIdOf, type Ledger } from '../src/index.ts'

// This file runs in dist/test.
export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/reputation.json')

interface Case {
  readonly name: string
}

export interface ReputationVectors {
  readonly setting: { readonly chainId: number; readonly netId: string }
  readonly hash: readonly (Case & { entry: Signed<LedgerEntry>; hash: Uint8Array })[]
  readonly add: readonly (Case & {
    /** Entries in the order of arrival, and what is said to each. */
    entries: readonly Signed<LedgerEntry>[]
    admissions: readonly string[]
    /** Ids of what the ledger then consists of. */
    items: readonly Uint8Array[]
  })[]
  readonly scores: readonly (Case & {
    entries: readonly Signed<LedgerEntry>[]
    nowMs: number
    scores: readonly Score[]
  })[]
}

/** Ids of all items of a ledger, in order. */
export function itemIdsOf(ledger: Ledger): Uint8Array[] {
  const ids = [...[...ledger.entries()].map(entry => entryIdOf(entry)), ...ledger.proofs().map(forkIdOf)]
  return ids.sort(Buffer.compare)
}

export function readVectors(): ReputationVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8'), (_, value) =>
    typeof value === 'string' && value.startsWith('bytes:') ? fromHex(value.slice(6)) : value
  )
}

/** JSON with byte strings as marked text. */
export function printVectors(vectors: ReputationVectors): string {
  const print = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? `bytes:${toHex(value)}` : value
  return `${JSON.stringify(vectors, print, 2)}\n`
}
