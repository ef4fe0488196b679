import { CONNECTION_COUNT_MAX } from '@rayswarm/params'
import type { SwarmInit } from './init.ts'

const KIB = 1024
const SECOND_MS = 1_000

/** `testnet`: one machine or one network, many peers behind one address. `public`: the open internet. */
export type Profile = 'testnet' | 'public'

/** The settings that decide whether a swarm works. Defaults of libp2p that fail are named beside each. */
export interface Settings {
  readonly connectionCountMax: number
  /** New connections per second from one host. Default 5: most peers of a local swarm are reset. */
  readonly inboundPerSecondPerHostMax: number
  /** Connections being set up by others at once. Default 10: a burst of joining peers is reset. */
  readonly inboundPendingMax: number
  /** Dials at once, ours and the DHT's. Default 100: one dial of five times out under its own load. */
  readonly dialCountMax: number
  readonly dialTimeoutMs: number
  /**
   * A peer that fell silent has this long to take the connection, which costs its kernel a moment. Ours tries at once, after
   * 1 s and after 3 s; a new dial starts over.
   */
  readonly lostAttemptMs: number
  /** Wait between two of them, grown to an eighth of the silence so far. */
  readonly lostWaitMsMin: number
  readonly lostWaitMsMax: number
  /** One known peer out of touch is dialled at this interval, whoever is connected: two halves of a swarm may be content. */
  readonly sampleIntervalMs: number
  /** A connection over which nothing came for one or two of these intervals is asked for a sign of life… */
  readonly beatIntervalMs: number
  /** …and given up when so many more brought none. A busy machine is not a dead one. */
  readonly beatsMissedMax: number
  /** Probes of one connection at once. Default 1: the DHT's second probe closed the connection. */
  readonly probesPerConnectionMax: number

  readonly gossip: {
    /** Default −5 above ten peers per address: half of all messages of a local swarm are lost, silently. */
    readonly sameHostWeight: number
    readonly sameHostCountMax: number
    readonly meshDegree: number
    readonly meshDegreeMin: number
    readonly meshDegreeMax: number
    /** Score of a peer per squared number of its rejected messages. Default: none. Below −80 nobody listens to it. */
    readonly rejectedWeight: number
    /** What is left of that number after each second: one percent after ten minutes. */
    readonly rejectedDecay: number
    /** Bytes of one packet. Default: none. Who sends more loses its gossip stream. */
    readonly inboundBytesMax: number
    /** Parts (messages, subscriptions, control entries) of one packet. Default 5000 each. */
    readonly packetPartsMax: number
    /** Messages being judged at once. */
    readonly judgedAtOnceMax: number
  }

  readonly dht: {
    /** Patience with one storing peer. Default 5 to 60 s: one frozen peer makes a read never end. */
    readonly peerTimeoutMsMin: number
    readonly peerTimeoutMsMax: number
    /** Keep private addresses: on one network they are the only ones. */
    readonly privateAddresses: boolean
    /** Store records for others even without a public address. On the internet such a peer only costs others time. */
    readonly serveAlways: boolean
    /** Peers that store a record: k of Kademlia. Default 20, which costs a small swarm more than its leases do. */
    readonly storingPeerCount: number
    /** Peers asked at once in one lookup: α of Kademlia. Default 10. */
    readonly askedAtOnceCount: number
    /** The first look around after start, and its repetition until somebody is found. */
    readonly initialSelfQueryMs: number
  }

  /** While fewer peers than this are connected, everybody in the peer book is dialled. */
  readonly wantedPeerCount: number
  /** Bootstrap peers are dialled however many others are connected. */
  readonly keepsBootstrap: boolean
  /** With more peers than this the DHT is not asked for neighbours. */
  readonly enoughPeerCount: number
}

/** spec/network.md#profiles */
export const PROFILES: Readonly<Record<Profile, Settings>> = {
  testnet: {
    connectionCountMax: CONNECTION_COUNT_MAX,
    inboundPerSecondPerHostMax: 1_000,
    inboundPendingMax: 200,
    dialCountMax: 8,
    dialTimeoutMs: 10 * SECOND_MS,
    lostAttemptMs: SECOND_MS,
    lostWaitMsMin: SECOND_MS / 4,
    lostWaitMsMax: SECOND_MS / 2,
    sampleIntervalMs: 5 * SECOND_MS,
    beatIntervalMs: 2 * SECOND_MS,
    beatsMissedMax: 2,
    probesPerConnectionMax: 16,
    gossip: {
      sameHostWeight: 0,
      sameHostCountMax: 1_000,
      meshDegree: 8,
      meshDegreeMin: 6,
      meshDegreeMax: 12,
      rejectedWeight: -1,
      rejectedDecay: 0.9923,
      inboundBytesMax: 64 * KIB,
      packetPartsMax: 100,
      judgedAtOnceMax: 32
    },
    dht: {
      peerTimeoutMsMin: 500,
      peerTimeoutMsMax: 1_500,
      privateAddresses: true,
      serveAlways: true,
      storingPeerCount: 8,
      askedAtOnceCount: 3,
      initialSelfQueryMs: 500
    },
    wantedPeerCount: 24,
    keepsBootstrap: true,
    enoughPeerCount: 12
  },
  public: {
    connectionCountMax: CONNECTION_COUNT_MAX,
    inboundPerSecondPerHostMax: 5,
    inboundPendingMax: 20,
    dialCountMax: 8,
    dialTimeoutMs: 10 * SECOND_MS,
    lostAttemptMs: 4 * SECOND_MS,
    lostWaitMsMin: SECOND_MS,
    lostWaitMsMax: 60 * SECOND_MS,
    sampleIntervalMs: 60 * SECOND_MS,
    beatIntervalMs: 5 * SECOND_MS,
    beatsMissedMax: 3,
    probesPerConnectionMax: 16,
    gossip: {
      sameHostWeight: -5,
      sameHostCountMax: 16,
      meshDegree: 8,
      meshDegreeMin: 6,
      meshDegreeMax: 12,
      rejectedWeight: -1,
      rejectedDecay: 0.9923,
      inboundBytesMax: 64 * KIB,
      packetPartsMax: 100,
      judgedAtOnceMax: 32
    },
    dht: {
      peerTimeoutMsMin: 1_500,
      peerTimeoutMsMax: 5 * SECOND_MS,
      privateAddresses: false,
      serveAlways: false,
      storingPeerCount: 20,
      askedAtOnceCount: 10,
      initialSelfQueryMs: SECOND_MS
    },
    wantedPeerCount: 32,
    keepsBootstrap: true,
    enoughPeerCount: 12
  }
}

/** Where all know all, each dials so many, which makes twice as many connections. */
const ACQUAINTED_PEER_COUNT = 4
/** A split does not go unnoticed for long there: each looks at one of the others more rarely. */
const ACQUAINTED_SAMPLE_TIMES = 12
/** Nobody new is expected: what the DHT needs to know it learns from the few that are connected. */
const ACQUAINTED_LOOK_MS = 30 * 60 * SECOND_MS

/** What a swarm goes by: its profile, and less curiosity where the peer book names everybody. */
export function settingsOf({ profile, acquainted }: Pick<SwarmInit, 'profile' | 'acquainted'>): Settings {
  const settings = PROFILES[profile]
  if (!acquainted) return settings
  return {
    ...settings,
    sampleIntervalMs: ACQUAINTED_SAMPLE_TIMES * settings.sampleIntervalMs,
    dht: { ...settings.dht, initialSelfQueryMs: ACQUAINTED_LOOK_MS },
    wantedPeerCount: ACQUAINTED_PEER_COUNT,
    // The way to others is the peer book: a hub that all are connected with costs them and it.
    keepsBootstrap: false,
    enoughPeerCount: 0
  }
}
