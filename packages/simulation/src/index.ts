/**
 * @packageDocumentation
 *
 * A virtual world: clock, chance, lossy network, in-memory assets and chain, misbehaving peers, and the compliance
 * suites that every real adapter must pass too. Imported by tests and the simulator only.
 *
 * @example
 *
 * ```ts
 * import { VirtualClock } from '@rayswarm/simulation'
 *
 * const clock = new VirtualClock()
 * clock.after(10, () => {})
 * await clock.advance(10)
 * ```
 */
export { type AssetsPeer, type AssetsWorld, type AssetsWorldInit, assetsSuite } from './assets-suite.ts'
export type { ChainWorld } from './chain-cast.ts'
export { chainSuite } from './chain-suite.ts'
export { accountOf, appointmentHash, escrowIdOf, settlementDigest } from './escrow-hash.ts'
export { type LieKind, lyingRunner } from './liars.ts'
export { MemoryAssets, type MemoryAssetsInit, VirtualIpfs, type VirtualIpfsInit } from './memory-assets.ts'
export { MemoryChain, type MemoryChainInit } from './memory-chain.ts'
export { MemoryStore, ProcessStore, type ProcessStoreInit, type WriteFate } from './memory-store.ts'
export { type NetworkWorld, networkSuite, type OpenNetworkWorld } from './network-suite.ts'
export { SeededChance } from './seeded-chance.ts'
export { Trace, type TraceKind, type TraceRecord } from './trace.ts'
export { HostClock, type HostClockInit, ProcessClock, VirtualClock } from './virtual-clock.ts'
export { VirtualKeys } from './virtual-identity.ts'
export {
  type Eavesdropper,
  FAIR_WEATHER,
  type JoinInit,
  VirtualNetwork,
  type Weather
} from './virtual-network.ts'
export { VIRTUAL_CLASS, VirtualRunner, type VirtualRunnerInit } from './virtual-runner.ts'
