import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type {
  Account,
  Amount,
  Grant,
  Hex,
  IneligibleReason,
  JobSpec,
  Offer,
  PeerId
} from '@rayswarm/interface'
import type { NodeFacts, OfferFacts, OpenReplica, StandingBid } from '../src/index.ts'

// This file runs in dist/test.
export const VECTORS_FILE = join(import.meta.dirname, '../../../../spec/vectors/market.json')

interface Case {
  readonly name: string
}

export interface MarketVectors {
  readonly price: readonly (Case & { workUnits: number; pricePerMegaUnit: Amount; price: Amount })[]
  readonly quote: readonly (Case & { spec: JobSpec; workUnits: readonly number[]; budget: Amount })[]
  readonly escrowId: readonly (Case & { creator: Account; jobHash: Hex; salt: Hex; id: Hex })[]
  readonly eligible: readonly (Case & {
    offer: Offer
    facts: NodeFacts
    world: OfferFacts
    reason: IneligibleReason | null
  })[]
  readonly match: readonly (Case & {
    spec: JobSpec
    open: readonly OpenReplica[]
    bids: readonly StandingBid[]
    grants: readonly Grant[]
    reasons: readonly (readonly [PeerId, IneligibleReason])[]
  })[]
}

export function readVectors(): MarketVectors {
  return JSON.parse(readFileSync(VECTORS_FILE, 'utf8'), (_, value) =>
    typeof value === 'string' && value.startsWith('amount:') ? BigInt(value.slice(7)) : value
  )
}

/** JSON with amounts as marked text. */
export function printVectors(vectors: MarketVectors): string {
  const print = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `amount:${value}` : value
  return `${JSON.stringify(vectors, print, 2)}\n`
}
