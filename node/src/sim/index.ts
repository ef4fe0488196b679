/**
 * @packageDocumentation
 *
 * Whole virtual swarms: the peers that run in production, in a world of virtual time, bad weather, faults and adversaries.
 *
 * @example
 *
 * ```ts
 * import { ROUGH_WORLD, World } from '@rayswarm/node/sim'
 *
 * const outcome = await new World({ ...ROUGH_WORLD, seed: 7 }).run(3_600_000)
 * console.log(outcome.violations)
 * ```
 */
export { ADVERSARIES, type Adversary, type AdversaryKind, type Body } from './adversaries.ts'
export { ChainWatch, type Settled } from './chain-watch.ts'
export { type Books, CHECKS, type Check, violationsOf, type WorldFacts } from './checks.ts'
export type { Host } from './host.ts'
export { messageTypeOf } from './message-type.ts'
export { runSeed, type SeedResult, type SeedsReport, summarize } from './run-seeds.ts'
export { changed, SCENARIOS, type Scenario, type ScenarioChanges } from './scenarios.ts'
export { Timeline } from './timeline.ts'
export { Watch } from './watch.ts'
export { World, type WorldOutcome } from './world.ts'
export {
  type AdversaryCount,
  CALM_WORLD,
  type Faults,
  NO_FAULTS,
  type PlannedFault,
  ROUGH_WORLD,
  type WorldInit
} from './world-init.ts'
