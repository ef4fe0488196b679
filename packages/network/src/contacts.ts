import type { IdentifyResult, Libp2p, PeerInfo } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Log, PeerId } from '@rayswarm/interface'
import { ADDRESS_COUNT_MAX, PEER_BOOK_COUNT_MAX } from '@rayswarm/params'
import { type Contact, parseAddressOf, parsePeer } from './addresses.ts'
import { CONNECTED_EVENT } from './keen-transport.ts'
import { PeerBook } from './peer-book.ts'

/** Addresses libp2p keeps of one peer: what we were told, and what it said itself. */
const STORED_ADDRESSES_MAX = 2 * ADDRESS_COUNT_MAX

/** Where peers live: those we met (in a file), and those we only heard of (in memory). */
export class Contacts {
  readonly #libp2p: Libp2p
  readonly #log: Log
  readonly #book: PeerBook
  readonly #self: PeerId
  readonly #privateToo: boolean
  /** Hearsay, oldest first. */
  readonly #heard = new Map<PeerId, readonly string[]>()

  constructor(
    dir: string,
    components: { readonly libp2p: Libp2p; readonly log: Log },
    init: { readonly privateToo: boolean }
  ) {
    this.#libp2p = components.libp2p
    this.#log = components.log
    this.#self = components.libp2p.peerId.toString()
    this.#privateToo = init.privateToo
    this.#book = new PeerBook(dir, { log: components.log })
  }

  /** Most recently met first, then hearsay. */
  all(): readonly Contact[] {
    const heard = [...this.#heard].map(([peer, addresses]) => ({ peer, addresses }))
    return [...this.#book.contacts(), ...heard]
  }

  /** Peers met within the last `ageMs`, also before this process started. */
  metWithin(ageMs: number): readonly PeerId[] {
    return this.#book.seenSince(Date.now() - ageMs)
  }

  save(): Promise<void> {
    return this.#book.save()
  }

  /** Somebody says that `text` lives at `addresses`. */
  async learn(text: PeerId, addresses: readonly string[]): Promise<void> {
    const contact = this.#valid(text, addresses)
    if (contact === undefined) return
    this.#hear(contact)
    await this.#remember(contact)
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= PEER_BOOK_COUNT_MAX) return
      this.#heard.delete(oldest)
      const id = peerIdFromString(oldest)
      if (this.#libp2p.getConnections(id).length === 0)
        await this.#libp2p.peerStore.delete(id).catch(() => {})
    }
  }

  /** Multicast or the DHT found somebody: libp2p has stored the addresses already. */
  discovered(info: PeerInfo): void {
    const contact = this.#valid(info.id.toString(), info.multiaddrs.map(String))
    if (contact === undefined || this.#book.has(contact.peer)) return
    this.#hear(contact)
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= PEER_BOOK_COUNT_MAX) return
      this.#heard.delete(oldest)
    }
  }

  /** A connected peer said where it listens. */
  identified({ peerId, listenAddrs, connection }: IdentifyResult): void {
    // The address we reached it at is the one that is known to work.
    const reached = connection.direction === 'outbound' ? [connection.remoteAddr] : []
    const contact = this.#valid(peerId.toString(), [...reached, ...listenAddrs].map(String))
    if (contact === undefined) return
    this.#heard.delete(contact.peer)
    this.#book.note(contact.peer, contact.addresses, Date.now())
  }

  /** Tell libp2p where somebody lives whom we met before: it only knows those it was told of since it started. */
  async remind(peer: PeerId): Promise<void> {
    const addresses = this.#heard.get(peer) ?? this.#book.addressesOf(peer)
    if (addresses !== undefined) await this.#remember({ peer, addresses })
  }

  /** `onAnswer` is called when its host took the connection; what follows may take a busy peer a while. */
  async dial(contact: Contact, signal: AbortSignal, onAnswer?: () => void): Promise<void> {
    await this.#remember(contact)
    const connection = await this.#libp2p.dial(peerIdFromString(contact.peer), {
      signal,
      onProgress: ({ type }) => {
        if (type === CONNECTED_EVENT) onAnswer?.()
      }
    })
    if (connection.status !== 'open') throw new Error('closed while it opened')
  }

  #hear(contact: Contact): void {
    this.#heard.delete(contact.peer)
    this.#heard.set(contact.peer, contact.addresses)
  }

  #valid(text: string, addresses: readonly string[]): Contact | undefined {
    const peer = parsePeer(text)
    if (peer === undefined || peer === this.#self) return undefined
    const valid = new Set<string>()
    for (const address of addresses) {
      if (valid.size >= ADDRESS_COUNT_MAX) break
      if (parseAddressOf(peer, address, this.#privateToo) !== undefined) valid.add(withoutPeer(address))
    }
    return valid.size === 0 ? undefined : { peer, addresses: [...valid] }
  }

  /** Put addresses into libp2p's peer store; of those it has stay as many as fit, the peer's own signed ones first. */
  async #remember({ peer, addresses }: Contact): Promise<void> {
    const id = peerIdFromString(peer)
    try {
      const { peerStore } = this.#libp2p
      const known = (await peerStore.has(id)) ? (await peerStore.get(id)).addresses : []
      const signedFirst = [...known].sort((a, b) => Number(b.isCertified) - Number(a.isCertified))
      const texts = [...addresses, ...signedFirst.map(({ multiaddr }) => multiaddr.toString())].map(
        withoutPeer
      )
      const multiaddrs = [...new Set(texts)].slice(0, STORED_ADDRESSES_MAX).map(text => multiaddr(text))
      await peerStore.patch(id, { multiaddrs })
    } catch (cause) {
      this.#log.debug('addresses not stored', { peer, cause })
    }
  }
}

function withoutPeer(text: string): string {
  return text.replace(/\/p2p\/[^/]+$/, '')
}
