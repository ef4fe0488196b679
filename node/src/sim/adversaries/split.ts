import type { Network, PeerId } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { messageTypeOf } from '../message-type.ts'
import type { Plot } from './captured.ts'

/**
 * Asks only one half of the witnesses, and those that are bought: without enough of these it gets no quorum and keeps others
 * from one; with them, the other half is free for somebody else.
 */
export function splitter(components: PeerComponents, plot: Plot): PeerComponents {
  const { network } = components
  // Each its own half, by a bit that both names have.
  const bit = components.chance.unit() < 0.5 ? 0 : 1
  const half = (peer: PeerId): boolean =>
    plot.bought.has(peer) || (peer.charCodeAt(peer.length - 1) & 1) === bit
  const request: Network['request'] = (to, protocol, bytes, options) => {
    if (protocol !== 'lease' || messageTypeOf(bytes) === 'release')
      return network.request(to, protocol, bytes, options)
    // Silence, until the caller's own timeout.
    return half(to)
      ? network.request(to, protocol, bytes, options)
      : new Promise((_resolve, reject) => {
          components.clock.after(options.timeoutMs, () => reject(new Error('kept back')))
        })
  }
  return { ...components, network: { ...network, request } }
}
