import type {
  Account,
  Amount,
  Escrow,
  EscrowRef,
  IneligibleReason,
  Offer,
  Probe,
  WorkloadKind
} from '@rayswarm/interface'
import { deadlineAtMs } from './offer.ts'

/** What a node is and what its operator wants. */
export interface NodeFacts {
  readonly probes: readonly Probe[]
  readonly memoryBytes: number
  readonly pricePerMegaUnitMin: Amount
  readonly workloads: readonly WorkloadKind[]
  readonly chainId: number
  readonly contract: Account
  /** 0: work for anybody. */
  readonly creatorScoreMinBps: number
}

/** What a node found out about one offer. */
export interface OfferFacts {
  /** As the chain tells it; undefined if there is none. */
  readonly escrow: Escrow | undefined
  /** What the job may cost, recomputed from its spec. */
  readonly budget: Amount
  /** Undefined: nothing is known about anybody yet. */
  readonly creatorScoreBps: number | undefined
  readonly nowMs: number
}

/**
 * Whether a node may bid for an offer, and with which engine; or the first reason why not. What the node knows by
 * itself is asked before what the chain says.
 *
 * @see spec/market.md#eligibility
 */
export function eligible(
  offer: Offer,
  facts: NodeFacts,
  world: OfferFacts
):
  | { readonly eligible: true; readonly probe: Probe }
  | { readonly eligible: false; readonly reason: IneligibleReason } {
  const { spec } = offer
  const probe = facts.probes.find(({ engine, concurrency }) => engine === spec.work.engine && concurrency > 0)
  const { creatorScoreBps, escrow, nowMs } = world

  if (nowMs >= deadlineAtMs(offer)) return no('deadline-passed')
  if (!isOurContract(offer.escrow, facts)) return no('wrong-chain')
  if (!facts.workloads.includes(spec.work.kind)) return no('workload-not-allowed')
  if (probe === undefined) return no('engine-missing')
  if (facts.memoryBytes < spec.memoryBytes) return no('memory-too-low')
  if (spec.pricePerMegaUnitMax < facts.pricePerMegaUnitMin) return no('price-too-low')
  if (creatorScoreBps !== undefined && creatorScoreBps < facts.creatorScoreMinBps)
    return no('creator-distrusted')
  if (escrow === undefined || !isLockedFor(offer, escrow)) return no('escrow-missing')
  if (escrow.locked < world.budget) return no('escrow-too-low')
  return { eligible: true, probe }
}

function no(reason: IneligibleReason): { readonly eligible: false; readonly reason: IneligibleReason } {
  return { eligible: false, reason }
}

function isOurContract(escrow: EscrowRef, facts: NodeFacts): boolean {
  return escrow.chainId === facts.chainId && sameAccount(escrow.contract, facts.contract)
}

/** Locked for good, by this offer's creator, not to be taken back before the deadline, and to be settled by who judges the job. */
function isLockedFor(offer: Offer, escrow: Escrow): boolean {
  return (
    escrow.state === 'locked' &&
    escrow.final &&
    escrow.ref.id === offer.escrow.id &&
    escrow.ref.chainId === offer.escrow.chainId &&
    sameAccount(escrow.ref.contract, offer.escrow.contract) &&
    sameAccount(escrow.creator, offer.account) &&
    escrow.refundableAtS * 1_000 >= deadlineAtMs(offer) &&
    // Once witnesses are appointed the creator's own signature settles nothing.
    (escrow.appointed === undefined || offer.witness.witnessCount > 1)
  )
}

function sameAccount(a: Account, b: Account): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
