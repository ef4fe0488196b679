import type { Network } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { messageTypeOf } from '../message-type.ts'

/** Claims at one half of the witnesses only, the same half for every replica, and goes on renewing there: neither half is a quorum. */
export function splitter(components: PeerComponents): PeerComponents {
  const { network } = components
  const half = (peer: string): boolean => (peer.charCodeAt(peer.length - 1) & 1) === 0
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
