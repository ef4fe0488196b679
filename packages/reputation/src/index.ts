/**
 * @packageDocumentation
 *
 * What everybody knows about everybody: signed entries in per-author feeds, merged as a set, and scores that anybody
 * recomputes from them.
 *
 * @example
 *
 * ```ts
 * import { Ledger, scoreOf, scores } from '@rayswarm/reputation'
 *
 * const ledger = new Ledger(context)
 * const entry = ledger.append(claim, clock.nowMs())
 * const known = scores(ledger.entries(), clock.nowMs())
 * scoreOf(known, claim.verdicts[0].node) // parts of 10 000
 * ```
 */
export {
  authorMark,
  decodeItem,
  encodeFork,
  entryIdOf,
  forkIdOf,
  type LedgerItem,
  type Place,
  placeOf
} from './item.ts'
export { type ForkProof, Ledger, type LedgerFault, type LedgerObserver } from './ledger.ts'
export { NEWCOMER_SCORE_BPS, scoreOf, scores } from './scores.ts'
