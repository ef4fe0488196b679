import type { Log, RecordValidator } from '@rayswarm/interface'
import type { Libp2pOptions } from 'libp2p'
import type { Profile } from './profiles.ts'
import type { TransportFaults } from './transport-faults.ts'

/** What a swarm is made from. */
export interface SwarmInit {
  /** ed25519 seed, 32 bytes: the peer's identity. */
  readonly privateKeySeed: Uint8Array
  /** Peers of different networks never meet: it is part of every protocol and topic name. */
  readonly netId: string
  /** Multiaddrs to listen on. Left out: every interface, a free port each for TCP and WebSockets. Empty: dial only. */
  readonly listen?: readonly string[]
  /** Addresses to tell others instead of the ones listened on. */
  readonly announce?: readonly string[]
  /** Multiaddrs of peers that are dialled for ever, each ending in `/p2p/<peer id>`. */
  readonly bootstrap: readonly string[]
  /** Data directory of this peer alone. */
  readonly dir: string
  readonly profile: Profile
  /** Find peers of the local network by multicast. */
  readonly mdns: boolean
  readonly validateRecord: RecordValidator
  readonly log: Log
  /** Sybil defence of the gossip mesh: a peer's score, fed from the reputation ledger. 0 is neutral. */
  readonly gossipScore?: (peer: string) => number
  /** Test networks: what goes wrong with this swarm's traffic. Left out, nothing stands in its way. */
  readonly faults?: TransportFaults
  /**
   * The peer book names everybody: be connected with a few of them, and do not look for more. For many peers on one machine, which
   * all looking for all keeps busy for minutes.
   */
  readonly acquainted?: boolean
  /** Metrics of libp2p, e.g. of `@libp2p/prometheus-metrics`. */
  readonly metrics?: NonNullable<Libp2pOptions['metrics']>
}

export const DEFAULT_LISTEN: readonly string[] = ['/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/0/ws']
