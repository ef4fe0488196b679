/**
 * @packageDocumentation
 *
 * libp2p behind the ports `Network` and `Records`: gossip topics with validators, requests on short streams, write-once
 * records in a DHT, and a loop that never stops looking for its peers.
 *
 * @example
 *
 * ```ts
 * import { createSwarm } from '@rayswarm/network'
 *
 * const swarm = await createSwarm({
 *   privateKeySeed, // 32 bytes
 *   netId: 'testnet',
 *   bootstrap: ['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…'],
 *   dir: '.rayswarm',
 *   profile: 'testnet',
 *   mdns: false,
 *   validateRecord: (key, value) => judgeCertRecord(key, value, known, context),
 *   log
 * })
 * await swarm.start()
 * await swarm.network.publish('offers', bytes)
 * await swarm.stop()
 * ```
 *
 * @example One libp2p node for the swarm and for Helia
 *
 * ```ts
 * const swarm = await createSwarm(init)
 * const assets = await createAssets({ ...assetsInit, libp2p: swarm.libp2p })
 * await swarm.start() // starts the node: blocks, gossip, DHT and requests share its connections
 * // and, in the end, the other way round
 * await assets.stop()
 * await swarm.stop()
 * ```
 *
 * @example The same, with a node that Helia makes itself
 *
 * ```ts
 * const swarm = await createSwarm({
 *   ...init,
 *   libp2p: async options => {
 *     const helia = withBitswap(withLibp2pLight(createHeliaLight({ blockstore, datastore }), options))
 *     return (await helia.start()).libp2p
 *   }
 * })
 * ```
 */
export type { Libp2pOptions } from 'libp2p'
export { judgeHealth, type Sighting, type SwarmHealth } from './health.ts'
export type { SwarmInit } from './init.ts'
export { libp2pOptions, type SwarmServices } from './options.ts'
export { PROFILES, type Profile, type Settings } from './profiles.ts'
export { RecordStore } from './record-store.ts'
export { createSwarm, type Libp2pFactory, Swarm } from './swarm.ts'
export { type FaultRule, TransportFaults } from './transport-faults.ts'
