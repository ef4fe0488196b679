/**
 * @packageDocumentation
 *
 * What work costs, whether an offer is sound, whether a node may take it, and which bids get which replicas.
 * Every "no" has a reason. Pure functions; equal inputs give equal answers everywhere, whatever their order.
 *
 * @example
 *
 * ```ts
 * import { priceOf } from '@rayswarm/market'
 *
 * priceOf(1_500_000, 2n) // 3n
 * ```
 */
export { eligible, type NodeFacts, type OfferFacts } from './eligible.ts'
export { type MatchResult, match, type OpenReplica, type StandingBid } from './match.ts'
export { deadlineAtMs, escrowIdOf, judgeOffer, type OfferFault } from './offer.ts'
export { priceOf, quote } from './quote.ts'
