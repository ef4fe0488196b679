import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { createTopicScoreParams } from '@chainsafe/libp2p-gossipsub/score'
import { type Identify, identify } from '@libp2p/identify'
import type { ServiceMap } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { RECORD_SIZE_BYTES_MAX } from '@rayswarm/params'
import type { Libp2pOptions } from 'libp2p'
import { toString as toText } from 'uint8arrays/to-string'
import { parseListen } from './addresses.ts'
import type { FaultGate } from './fault-gate.ts'
import { DEFAULT_LISTEN, type SwarmInit } from './init.ts'
import { keenTransport } from './keen-transport.ts'
import { Libp2pStore } from './libp2p-store.ts'
import { dhtProtocolName, mdnsName, RECORD_NAMESPACE, TOPICS, topicName } from './names.ts'
import { privateKeyOf } from './private-key.ts'
import { type Settings, settingsOf } from './profiles.ts'
import { DHT_PREFIX, type RecordStore } from './record-store.ts'
import { thriftyYamux } from './thrifty-yamux.ts'

/** The libp2p services a swarm runs. */
export interface SwarmServices extends ServiceMap {
  readonly identify: Identify
  readonly ping: Ping
  readonly pubsub: GossipSub
  readonly dht: KadDHT
}

/** Leading bytes of a gossip signature that name the message: the curve point, different for each message. */
const SIGNATURE_ID_BYTES = 32

/**
 * Everything libp2p is told, from the profile and the validators. The node is not started.
 *
 * `store` is closed, and `gate` stopped, by whoever made it.
 */
export async function libp2pOptions(
  init: SwarmInit,
  store: RecordStore,
  gate?: FaultGate
): Promise<Libp2pOptions<SwarmServices>> {
  const settings = settingsOf(init)
  const listen = init.listen ?? DEFAULT_LISTEN
  for (const address of listen) parseListen(address)
  for (const address of init.announce ?? []) parseListen(address, 'announced address')

  return {
    start: false,
    privateKey: privateKeyOf(init.privateKeySeed),
    nodeInfo: { name: 'rayswarm' },
    datastore: new Libp2pStore(store),
    addresses: { listen: [...listen], announce: [...(init.announce ?? [])] },
    ...transports(gate, settings),
    connectionEncrypters: [noise()],
    streamMuxers: [thriftyYamux({ enableKeepAlive: false })],
    connectionManager: {
      maxConnections: settings.connectionCountMax,
      inboundConnectionThreshold: settings.inboundPerSecondPerHostMax,
      maxIncomingPendingConnections: settings.inboundPendingMax,
      maxParallelDials: settings.dialCountMax,
      dialTimeout: settings.dialTimeoutMs,
      addressDialTimeout: settings.dialTimeoutMs,
      inboundUpgradeTimeout: settings.dialTimeoutMs,
      // Our own loop never gives up; two would dial against each other.
      reconnectRetries: 0
    },
    // A stream for each probe; ours go without.
    connectionMonitor: { enabled: false },
    peerDiscovery: init.mdns ? [await multicast(init.netId)] : [],
    ...(init.metrics === undefined ? {} : { metrics: init.metrics }),
    services: {
      identify: identify(),
      ping: ping({
        maxInboundStreams: settings.probesPerConnectionMax,
        maxOutboundStreams: settings.probesPerConnectionMax
      }),
      pubsub: gossip(init, settings),
      dht: dht(init, settings)
    }
  }
}

/** Loaded by those who use it. */
async function multicast(netId: string) {
  const { mdns } = await import('@libp2p/mdns')
  return mdns({ serviceTag: mdnsName(netId) })
}

function transports(
  gate: FaultGate | undefined,
  { lostAttemptMs }: Settings
): Pick<Libp2pOptions, 'transports' | 'connectionGater'> {
  if (gate === undefined) return { transports: [keenTransport(tcp(), lostAttemptMs), webSockets()] }
  // Silence must not be cut short: a reset after two idle minutes would cross the partition.
  const patient = { inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 }
  return {
    transports: [keenTransport(gate.transport(tcp(patient)), lostAttemptMs), gate.transport(webSockets())],
    connectionGater: gate.connectionGater
  }
}

function gossip(init: SwarmInit, { gossip: settings }: Settings) {
  return gossipsub({
    D: settings.meshDegree,
    Dlo: settings.meshDegreeMin,
    Dhi: settings.meshDegreeMax,
    globalSignaturePolicy: 'StrictSign',
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    // Asked for per message, for our own offers.
    floodPublish: false,
    fallbackToFloodsub: false,
    allowedTopics: TOPICS.map(topic => topicName(init.netId, topic)),
    maxInboundDataLength: settings.inboundBytesMax,
    messageProcessingConcurrency: settings.judgedAtOnceMax,
    decodeRpcLimits: {
      maxSubscriptions: settings.packetPartsMax,
      maxMessages: settings.packetPartsMax,
      maxIhaveMessageIDs: settings.packetPartsMax,
      maxIwantMessageIDs: settings.packetPartsMax,
      maxIdontwantMessageIDs: settings.packetPartsMax,
      maxControlMessages: settings.packetPartsMax,
      maxPeerInfos: settings.packetPartsMax
    },
    // Without it the signature of every duplicate is verified: two to three times the work. Remembered only after the
    // signature held, so nobody can shadow a message with a copied signature.
    fastMsgIdFn: message =>
      toText((message.signature ?? new Uint8Array()).subarray(0, SIGNATURE_ID_BYTES), 'latin1'),
    scoreParams: {
      topics: Object.fromEntries(TOPICS.map(topic => [topicName(init.netId, topic), topicScore(settings)])),
      IPColocationFactorWeight: settings.sameHostWeight,
      IPColocationFactorThreshold: settings.sameHostCountMax,
      appSpecificScore: init.gossipScore ?? (() => 0),
      appSpecificWeight: 1
    }
  })
}

/** A topic's share in a peer's score: only what was provably wrong counts. The rest needs measuring first. */
function topicScore(settings: Settings['gossip']) {
  return createTopicScoreParams({
    topicWeight: 1,
    timeInMeshWeight: 0,
    firstMessageDeliveriesWeight: 0,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: settings.rejectedWeight,
    invalidMessageDeliveriesDecay: settings.rejectedDecay
  })
}

function dht(init: SwarmInit, { dht: settings }: Settings) {
  return kadDHT({
    protocol: dhtProtocolName(init.netId),
    datastorePrefix: DHT_PREFIX,
    // Left out, kad-dht serves as soon as it knows a public address of its own.
    ...(settings.serveAlways ? { clientMode: false } : {}),
    kBucketSize: settings.storingPeerCount,
    alpha: settings.askedAtOnceCount,
    peerInfoMapper: settings.privateAddresses ? passthroughMapper : removePrivateAddressesMapper,
    networkDialTimeout: { minTimeout: settings.peerTimeoutMsMin, maxTimeout: settings.peerTimeoutMsMax },
    initialQuerySelfInterval: settings.initialSelfQueryMs,
    validators: {
      // That a record is written once is the store's to see to.
      [RECORD_NAMESPACE]: (key, value) => {
        if (value.byteLength > RECORD_SIZE_BYTES_MAX) throw new Error('record oversized')
        const judged = init.validateRecord(toText(key), value)
        if (judged.action !== 'accept') throw new Error(`record refused: ${judged.fault}`)
      }
    },
    // Every valid value certifies itself, so any of them will do.
    selectors: { [RECORD_NAMESPACE]: () => 0 }
  })
}
