/**
 * @packageDocumentation
 *
 * A whole peer on this machine: the adapters put together, the `rayswarm` command and the demo.
 *
 * @example
 *
 * ```ts
 * import { openHome, openHost, readSwarmFile } from '@rayswarm/node'
 *
 * const swarm = await readSwarmFile('swarm.json')
 * const home = await openHome({ dir: '.rayswarm/creator', swarm })
 * const host = await openHost(home, { log, quotaBytes: 2 ** 30 })
 * const { job, done } = await host.peer.publish(request)
 * await done
 * await host.stop()
 * ```
 */
export {
  type Byzantine,
  type Home,
  type HomeInit,
  type Host,
  type HostInit,
  openHome,
  openHost
} from './compose.ts'
export { LevelStore } from './host/level-store.ts'
export { openLog } from './host/log.ts'
export { SystemChance, SystemClock } from './host/system-world.ts'
export type { PeerStatus } from './status/peer-status.ts'
export { readSwarmFile, type SwarmFile, writeSwarmFile } from './swarm-file.ts'
