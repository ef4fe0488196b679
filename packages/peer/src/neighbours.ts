import type { PeerId } from '@rayswarm/interface'
import { jitterMs, type RoleComponents } from './components.ts'
import type { Scope } from './scope.ts'

/** A burst of new connections is answered by one exchange, this part of the interval later at most. */
const BURST_PART = 8
/** Neighbours tried in one turn, until one of them is of use. */
const ATTEMPT_COUNT_MAX = 3

/**
 * Anti-entropy: `exchange` with one random neighbour at every sync interval, and soon after a new one connects. If it answers
 * false, with another.
 *
 * Gossip is a hint; what it lost comes this way.
 */
export function exchangeWithNeighbours(
  what: string,
  scope: Scope,
  components: RoleComponents,
  exchange: (peer: PeerId) => Promise<boolean>
): void {
  const { network, chance, params } = components
  const anyBut = (tried: ReadonlySet<PeerId>): PeerId | undefined => {
    const peers = network.peers().filter(peer => !tried.has(peer))
    return peers[Math.floor(chance.unit() * peers.length)]
  }
  const turn = async (first: PeerId | undefined): Promise<void> => {
    const tried = new Set<PeerId>()
    let peer = first
    while (peer !== undefined && tried.size < ATTEMPT_COUNT_MAX && !scope.closed) {
      if (await exchange(peer)) return
      tried.add(peer)
      peer = anyBut(tried)
    }
  }
  let newcomer: PeerId | undefined
  network.onConnect(peer => {
    if (newcomer === undefined)
      scope.after((chance.unit() * params.syncIntervalMs) / BURST_PART, () => {
        const peer = newcomer
        newcomer = undefined
        scope.spawn(what, () => turn(peer))
      })
    newcomer = peer
  })
  scope.every(
    what,
    () => jitterMs(params.syncIntervalMs, chance),
    () => turn(anyBut(new Set()))
  )
}
