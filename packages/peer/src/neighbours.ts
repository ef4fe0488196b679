import type { PeerId } from '@rayswarm/interface'
import { jitterMs, type RoleComponents } from './components.ts'
import type { Scope } from './scope.ts'

/** A burst of new connections is answered by one exchange, this part of the interval later at most. */
const BURST_PART = 8

/**
 * Anti-entropy: `exchange` with one random neighbour at every sync interval, and soon after a new one connects.
 *
 * Gossip is a hint; what it lost comes this way.
 */
export function exchangeWithNeighbours(
  what: string,
  scope: Scope,
  components: RoleComponents,
  exchange: (peer: PeerId) => Promise<void>
): void {
  const { network, chance, params } = components
  let newcomer: PeerId | undefined
  network.onConnect(peer => {
    if (newcomer === undefined)
      scope.after((chance.unit() * params.syncIntervalMs) / BURST_PART, () => {
        const peer = newcomer
        newcomer = undefined
        if (peer !== undefined) scope.spawn(what, () => exchange(peer))
      })
    newcomer = peer
  })
  scope.every(
    what,
    () => jitterMs(params.syncIntervalMs, chance),
    async () => {
      const peers = network.peers()
      const peer = peers[Math.floor(chance.unit() * peers.length)]
      if (peer !== undefined) await exchange(peer)
    }
  )
}
