import { peerIdFromString } from '@libp2p/peer-id'
import { isPrivate } from '@libp2p/utils'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type PeerId, RayswarmError } from '@rayswarm/interface'
import { ADDRESS_COUNT_MAX } from '@rayswarm/params'

/** Longest multiaddr that is looked at. */
const ADDRESS_CHARS_MAX = 256

/** A peer and where it may be dialled. */
export interface Contact {
  readonly peer: PeerId
  readonly addresses: readonly string[]
}

/** Last `/p2p/` part of an address. */
export function peerOf(address: Multiaddr): PeerId | undefined {
  return address.getComponents().findLast(component => component.code === CODE_P2P)?.value
}

/** The address's peer id as text, or undefined for anything that is not the id of an ed25519 peer. */
export function parsePeer(text: string): PeerId | undefined {
  try {
    const peer = peerIdFromString(text)
    return peer.type === 'Ed25519' ? peer.toString() : undefined
  } catch {
    return undefined
  }
}

/** Remote text as an address of `peer`; undefined for anything else. Never throws. */
export function parseAddressOf(peer: PeerId, text: string, privateToo: boolean): Multiaddr | undefined {
  if (typeof text !== 'string' || text.length > ADDRESS_CHARS_MAX) return undefined
  try {
    const address = multiaddr(text)
    const named = peerOf(address)
    if (named !== undefined && named !== peer) return undefined
    if (!privateToo && isPrivate(address)) return undefined
    return address
  } catch {
    return undefined
  }
}

/**
 * Bootstrap addresses by peer, our own left out.
 *
 * @throws {RayswarmError} `ERR_USAGE` naming the address that is not a multiaddr or lacks its peer id
 */
export function parseBootstrap(texts: readonly string[], self: PeerId): Contact[] {
  const byPeer = new Map<PeerId, string[]>()
  for (const text of texts) {
    const address = parseListen(text, 'bootstrap address')
    const peer = parsePeer(peerOf(address) ?? '')
    if (peer === undefined)
      throw new RayswarmError('ERR_USAGE', `bootstrap address ${text} does not name its peer`, {
        thing: 'bootstrap address',
        value: text,
        remedy: 'Append /p2p/<peer id>; the peer prints its full addresses when it starts.'
      })
    if (peer === self) continue
    const known = byPeer.get(peer) ?? []
    byPeer.set(peer, known)
    if (known.length < ADDRESS_COUNT_MAX) known.push(text)
  }
  return [...byPeer].map(([peer, addresses]) => ({ peer, addresses }))
}

/** @throws {RayswarmError} `ERR_USAGE` naming the text that is not a multiaddr */
export function parseListen(text: string, thing = 'listen address'): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new RayswarmError('ERR_USAGE', `${thing} ${text} is not a multiaddr`, {
      thing,
      value: text,
      remedy: 'Write it like /ip4/192.0.2.7/tcp/4001.',
      cause
    })
  }
}

/** At most {@link ADDRESS_COUNT_MAX}, the ones most useful to strangers first: public, then private, then loopback. */
export function rankAddresses(addresses: readonly Multiaddr[]): string[] {
  const rank = (address: Multiaddr): number => {
    const text = address.toString()
    const place = /^\/(ip4\/127\.|ip6\/::1\/)/.test(text) ? 4 : isPrivate(address) ? 2 : 0
    return place + (/\/wss?(\/|$)/.test(text) ? 1 : 0)
  }
  return addresses
    .map(address => ({ text: address.toString(), rank: rank(address) }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, ADDRESS_COUNT_MAX)
    .map(({ text }) => text)
}
