import type { IdentifyResult, Libp2p, PeerId as Libp2pPeerId, PeerInfo } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Log, Network, PeerId, Records, Unsubscribe } from '@rayswarm/interface'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { type Contact, parseBootstrap, rankAddresses } from './addresses.ts'
import { Contacts } from './contacts.ts'
import { DhtRecords } from './dht-records.ts'
import { FaultGate } from './fault-gate.ts'
import { Gossip, type GossipCounts } from './gossip.ts'
import { judgeHealth, type SwarmHealth } from './health.ts'
import { Heartbeat, onTrafficOf, pingOver } from './heartbeat.ts'
import type { SwarmInit } from './init.ts'
import { listenFailure } from './listen-failure.ts'
import { Lookaround } from './lookaround.ts'
import { libp2pOptions, type SwarmServices } from './options.ts'
import { privateKeyOf } from './private-key.ts'
import { settingsOf } from './profiles.ts'
import { RecordStore } from './record-store.ts'
import { Redial } from './redial.ts'
import { Requests } from './requests.ts'
import { Sightings } from './sightings.ts'

/** Who was met so shortly before this process started should still be there. */
const HEARD_BEFORE_MS = 3_600_000

/** Makes a swarm's libp2p node from its options, e.g. inside Helia. The node may be started already. */
export type Libp2pFactory = (options: Libp2pOptions<SwarmServices>) => Promise<Libp2p<SwarmServices>>

interface SwarmComponents {
  readonly libp2p: Libp2p<SwarmServices>
  readonly store: RecordStore
  readonly bootstrap: readonly Contact[]
  readonly gate: FaultGate | undefined
}

/** One peer's access to its swarm. */
export class Swarm {
  readonly network: Network
  readonly records: Records
  /** The node underneath, for whoever shares it. */
  readonly libp2p: Libp2p<SwarmServices>
  readonly #log: Log
  readonly #store: RecordStore
  readonly #gate: FaultGate | undefined
  readonly #gossip: Gossip
  readonly #requests: Requests
  readonly #records: DhtRecords
  readonly #contacts: Contacts
  readonly #redial: Redial
  readonly #heartbeat: Heartbeat
  readonly #lookaround: Lookaround
  readonly #sightings = new Sightings(() => performance.now())
  readonly #connects = new Set<(peer: PeerId) => void>()
  #state: 'new' | 'started' | 'stopped' = 'new'

  constructor({ libp2p, store, bootstrap, gate }: SwarmComponents, init: SwarmInit) {
    const { log, netId } = init
    this.libp2p = libp2p
    this.#log = log
    this.#store = store
    this.#gate = gate
    const { pubsub, dht } = libp2p.services
    const self = libp2p.peerId.toString()
    this.#gossip = new Gossip(
      self,
      { pubsub, log, faults: init.faults },
      { netId, onHeard: author => this.#sightings.heard(author) }
    )
    this.#records = new DhtRecords({ dht, store, validate: init.validateRecord, log })
    const settings = settingsOf(init)
    const privateToo = settings.dht.privateAddresses || init.mdns
    this.#contacts = new Contacts(init.dir, { libp2p, log }, { privateToo })
    this.#requests = new Requests(
      { libp2p, log, faults: init.faults, remind: peer => this.#contacts.remind(peer) },
      { netId }
    )
    this.#redial = new Redial(
      {
        log,
        dial: (contact, signal, onAnswer) => this.#contacts.dial(contact, signal, onAnswer),
        connected: () => this.#connectedPeers(),
        nowMs: () => performance.now(),
        onFailure: (peer, failure) =>
          failure === 'silent' ? this.#sightings.silent(peer) : this.#sightings.gone(peer)
      },
      {
        bootstrap: settings.keepsBootstrap ? bootstrap : [],
        contacts: () =>
          settings.keepsBootstrap ? this.#contacts.all() : [...this.#contacts.all(), ...bootstrap],
        wantedPeerCount: settings.wantedPeerCount,
        settings: { ...settings, peerCountMax: settings.connectionCountMax / 2 }
      }
    )
    this.#heartbeat = new Heartbeat(
      {
        log,
        connections: () => libp2p.getConnections(),
        ping: pingOver(({ remotePeer }) => libp2p.services.ping.ping(remotePeer)),
        onTraffic: onTrafficOf,
        isDeaf: peer => this.#gossip.isDeaf(peer),
        onSilent: peer => {
          this.#sightings.silent(peer)
          this.#redial.lost(peer)
        }
      },
      { intervalMs: settings.beatIntervalMs, missedMax: settings.beatsMissedMax }
    )
    this.#lookaround = new Lookaround({
      log,
      look: async signal => {
        let answerCount = 0
        for await (const event of dht.getClosestPeers(libp2p.peerId.toMultihash().bytes, { signal }))
          if (event.name === 'PEER_RESPONSE') answerCount++
        return answerCount
      },
      knownCount: () => this.#contacts.all().length,
      isEnough: () => this.#connectedPeers().size > settings.enoughPeerCount
    })
    this.network = this.#asNetwork(self)
    this.records = this.#records
  }

  /** What happened so far, for metrics. */
  get counts(): { readonly gossip: GossipCounts; readonly records: DhtRecords['counts'] } {
    return { gossip: { ...this.#gossip.counts }, records: { ...this.#records.counts } }
  }

  /**
   * How much of the swarm is within reach, of all that should be there: peers met before and those in `expected`, as a
   * registry lists them.
   */
  health(expected: readonly PeerId[] = []): SwarmHealth {
    for (const peer of expected) if (peer !== this.network.peerId) this.#sightings.expect(peer)
    return judgeHealth(this.#sightings.all(), performance.now())
  }

  /**
   * Listen, join, and keep looking for peers.
   *
   * @throws {RayswarmError} `ERR_PORT_IN_USE`; `ERR_USAGE` for an address that cannot be listened on
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'started'
    this.#listen()
    try {
      await this.#requests.start()
      await this.libp2p.start()
    } catch (error) {
      await this.stop()
      throw listenFailure(error)
    }
    for (const peer of this.#contacts.metWithin(HEARD_BEFORE_MS)) this.#sightings.expect(peer)
    this.#gossip.start()
    this.#heartbeat.start()
    this.#redial.start()
    this.#lookaround.start()
    this.#log.info('swarm joined', { peer: this.network.peerId, addresses: this.network.addresses() })
  }

  /** Leave the swarm: no timer, socket or file is left open. Stops the libp2p node, also a shared one. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#unlisten()
    this.#heartbeat.stop()
    this.#gossip.stop()
    this.#records.stop()
    await Promise.all([this.#redial.stop(), this.#lookaround.stop()])
    await this.#requests.stop().catch(cause => this.#log.debug('requests not stopped', { cause }))
    await this.#contacts.save()
    await this.libp2p.stop()
    this.#gate?.stop()
    await this.#store.close()
  }

  #asNetwork(self: PeerId): Network {
    return {
      peerId: self,
      addresses: () => rankAddresses(this.libp2p.getMultiaddrs()),
      peers: () => [...this.#connectedPeers()],
      learn: (peer, addresses) => this.#contacts.learn(peer, addresses),
      publish: (topic, bytes) => this.#gossip.publish(topic, bytes),
      subscribe: (topic, onMessage) => this.#gossip.subscribe(topic, onMessage),
      request: (to, protocol, bytes, options) => this.#requests.request(to, protocol, bytes, options),
      serve: (protocol, handler) => this.#requests.serve(protocol, handler),
      onConnect: fn => this.#addConnect(fn)
    }
  }

  /** Not by way of `getPeers()`, which parses every id anew: this is asked several times a second. */
  #connectedPeers(): ReadonlySet<PeerId> {
    return new Set(this.libp2p.getConnections().map(({ remotePeer }) => remotePeer.toString()))
  }

  #addConnect(fn: (peer: PeerId) => void): Unsubscribe {
    // A wrapper of our own: the same function may be added twice and taken back once.
    const listener = (peer: PeerId): void => fn(peer)
    this.#connects.add(listener)
    return () => this.#connects.delete(listener)
  }

  #connected(peer: PeerId): void {
    this.#sightings.connected(peer)
    this.#redial.reset(peer)
    this.#log.debug('peer connected', { peer })
    for (const listener of this.#connects) {
      try {
        listener(peer)
      } catch (cause) {
        this.#log.warn('connect listener failed', { cause })
      }
    }
  }

  readonly #onPeerConnect = (event: CustomEvent<Libp2pPeerId>): void =>
    this.#connected(event.detail.toString())
  readonly #onPeerDisconnect = (event: CustomEvent<Libp2pPeerId>): void => {
    this.#sightings.disconnected(event.detail.toString())
    this.#redial.reset(event.detail.toString())
  }
  readonly #onPeerIdentify = (event: CustomEvent<IdentifyResult>): void =>
    this.#contacts.identified(event.detail)
  readonly #onPeerDiscovery = (event: CustomEvent<PeerInfo>): void => this.#contacts.discovered(event.detail)

  #listen(): void {
    this.libp2p.addEventListener('peer:connect', this.#onPeerConnect)
    this.libp2p.addEventListener('peer:disconnect', this.#onPeerDisconnect)
    this.libp2p.addEventListener('peer:identify', this.#onPeerIdentify)
    this.libp2p.addEventListener('peer:discovery', this.#onPeerDiscovery)
  }

  #unlisten(): void {
    this.libp2p.removeEventListener('peer:connect', this.#onPeerConnect)
    this.libp2p.removeEventListener('peer:disconnect', this.#onPeerDisconnect)
    this.libp2p.removeEventListener('peer:identify', this.#onPeerIdentify)
    this.libp2p.removeEventListener('peer:discovery', this.#onPeerDiscovery)
  }
}

/**
 * Make a peer's access to its swarm. Nothing listens or dials before `start()`.
 *
 * With `libp2p`, the node is made by somebody else from the options given to it, so that Helia and the swarm share one.
 *
 * @throws {RayswarmError} `ERR_USAGE` for a bad address, `ERR_STORE_LOCKED` for a data directory in use, and, from a
 * factory that starts its node, everything that `start()` throws
 */
export async function createSwarm(init: SwarmInit & { readonly libp2p?: Libp2pFactory }): Promise<Swarm> {
  const self = peerIdFromPrivateKey(privateKeyOf(init.privateKeySeed))
  const bootstrap = parseBootstrap(init.bootstrap, self.toString())
  const store = await RecordStore.openAt(init.dir)
  try {
    const gate = init.faults && new FaultGate(init.faults)
    const options = await libp2pOptions(init, store, gate)
    const libp2p = await (init.libp2p ?? createLibp2p<SwarmServices>)(options)
    return new Swarm({ libp2p, store, bootstrap, gate }, init)
  } catch (error) {
    await store.close()
    throw listenFailure(error)
  }
}
