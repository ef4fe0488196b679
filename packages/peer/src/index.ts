/**
 * @packageDocumentation
 *
 * One participant of the swarm: creator, node and witness in one, driving the pure rules against injected components.
 *
 * @example
 *
 * ```ts
 * import { Peer, type PeerComponents } from '@rayswarm/peer'
 * import { params } from '@rayswarm/params'
 *
 * async function run(components: PeerComponents): Promise<Peer> {
 *   const peer = new Peer(components, { params: params.testnet })
 *   await peer.start()
 *   return peer
 * }
 * ```
 */
export type { PeerComponents } from './components.ts'
export type { PublishedJob, PublishRequest } from './creator-role.ts'
export { Emitter } from './emitter.ts'
export type { JobRun } from './job-run.ts'

export { Peer, type PeerInit } from './peer.ts'
export type { ExecutionReport, JobReport } from './report.ts'
export type { NodeSettings } from './willing.ts'
