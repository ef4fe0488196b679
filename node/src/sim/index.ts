/**
 * @packageDocumentation
 *
 * Whole virtual swarms: the peers that run in production, in a world of virtual time, bad weather, crashes and liars.
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
export { CALM_WORLD, ROUGH_WORLD, World, type WorldInit, type WorldOutcome } from './world.ts'
