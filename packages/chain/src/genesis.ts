/**
 * @packageDocumentation
 *
 * Registry and beacon of networks that have neither on their chain. Loads nothing of the chain's weight.
 *
 * @example
 *
 * ```ts
 * import { SeededBeacon, StaticRegistry } from '@rayswarm/chain/genesis'
 *
 * const registry = new StaticRegistry({ epochS: 60, entries: [], nowMs: () => 600_000 })
 * await registry.epoch() // 10
 * ```
 */
export { SeededBeacon, type SeededBeaconInit } from './seeded-beacon.ts'
export {
  type Genesis,
  genesisJson,
  parseGenesis,
  StaticRegistry,
  type StaticRegistryInit
} from './static-registry.ts'
