import type { Network } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { messageTypeOf } from '../message-type.ts'

/** Executes, seals, shows its certificate, and never opens it. */
export function withholder(components: PeerComponents): PeerComponents {
  const { network } = components
  const request: Network['request'] = (to, protocol, bytes, options) =>
    messageTypeOf(bytes) === 'reveal'
      ? new Promise((_resolve, reject) => {
          components.clock.after(options.timeoutMs, () => reject(new Error('kept back')))
        })
      : network.request(to, protocol, bytes, options)
  return { ...components, network: { ...network, request } }
}
