import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import type { PeerId } from '@rayswarm/interface'
import type { TransportFaults } from './transport-faults.ts'

interface Packet {
  readonly messages?: readonly unknown[]
}

/** Where gossipsub's implementation hands its packets over. */
interface Sending {
  sendRpc(to: PeerId, packet: Packet): boolean
  sendRpcInBatch(to: Set<PeerId>, packet: Packet): void
}

/**
 * Make messages vanish on their way to single peers, as `faults` says.
 *
 * Subscriptions and control travel in the same packets but stay: gossipsub trusts its transport with them, and one lost
 * subscription would never be sent again.
 */
export function loseMessages(pubsub: GossipSub, faults: TransportFaults): void {
  const sending = pubsub as unknown as Sending
  const one = sending.sendRpc.bind(pubsub)
  const many = sending.sendRpcInBatch.bind(pubsub)
  const carries = ({ messages = [] }: Packet): boolean => messages.length > 0

  sending.sendRpc = (to, packet) =>
    one(to, carries(packet) && faults.loses(to) ? { ...packet, messages: [] } : packet)
  sending.sendRpcInBatch = (to, packet) => {
    const lost = carries(packet) ? [...to].filter(peer => faults.loses(peer)) : []
    for (const peer of lost) to.delete(peer)
    many(to, packet)
    // The sender does not know.
    for (const peer of lost) to.add(peer)
  }
}
