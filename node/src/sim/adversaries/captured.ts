import type { Amount, Network, PeerId, ReplicaKey } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { decodeMessage, encodeMessage, message, signed } from '@rayswarm/wire'

/** Which of a job's drawn witnesses somebody has bought: nobody until the draw is known. */
export interface Plot {
  readonly bought: Set<PeerId>
  /** What a replica costs without a grant. */
  priceCap: (replica: ReplicaKey) => Amount
}

/** Promised to everybody. */
const TERM_MS = 4_000
const REQUESTS = ['claim', 'renew', 'release', 'commit'] as const

/**
 * A peer that lies as a witness once it is bought: promises every fence to everybody, votes for every commit, and remembers
 * nothing. In all its other roles it goes on like an honest one, so that nobody notices.
 */
export function captive(components: PeerComponents, plot: Plot): PeerComponents {
  const { network } = components
  const serve: Network['serve'] = (protocol, handler) =>
    network.serve(protocol, async (bytes, from) => {
      const isBought = protocol === 'lease' && plot.bought.has(network.peerId)
      return (isBought ? lie(components, plot, bytes) : undefined) ?? handler(bytes, from)
    })
  return { ...components, network: { ...network, serve } }
}

/** Says yes to every lease request; other questions are answered as usual. */
function lie({ context }: PeerComponents, plot: Plot, bytes: Uint8Array): Uint8Array | undefined {
  const decoded = decodeMessage(bytes, REQUESTS, context)
  if (!decoded.ok) return undefined
  const request = decoded.value
  switch (request.type) {
    case 'claim': {
      const { replica, holder, fence, grant } = request.body
      const price = grant?.body.price ?? plot.priceCap(replica)
      return encodeMessage(signed('promise', { replica, holder, fence, price, termMs: TERM_MS }, context))
    }
    case 'renew': {
      const { replica, fence } = request.body
      return encodeMessage(message('renew-ack', { replica, fence, termMs: TERM_MS }))
    }
    case 'release':
      return encodeMessage(message('release-ack', {}))
    case 'commit': {
      const { replica, holder, seal, lease } = request.body
      return encodeMessage(signed('commit-vote', { replica, holder, seal, price: lease.price }, context))
    }
  }
}
