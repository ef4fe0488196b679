import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { INBOUND_REQUESTS_PER_PEER_MAX, MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import type { Swarm } from '../src/index.ts'
import { dhtProtocolName, PROTOCOLS, protocolName, topicName } from '../src/names.ts'
import { eventually, Swarms } from './swarms.ts'

const OPTIONS = { timeoutMs: 5_000 }
const GOSSIP_PROTOCOL = '/meshsub/1.2.0'
const MIB = 1024 * 1024

describe('a peer that sends garbage', () => {
  const swarms = new Swarms()
  let target: Swarm
  let friend: Swarm
  let attacker: Libp2p
  const failures: unknown[] = []
  const onFailure = (error: unknown): void => void failures.push(error)

  before(async () => {
    process.on('unhandledRejection', onFailure)
    process.on('uncaughtExceptionMonitor', onFailure)
    ;[target, friend] = (await swarms.mesh(2)) as [Swarm, Swarm]
    for (const protocol of PROTOCOLS) target.network.serve(protocol, async bytes => bytes)
    attacker = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() }
    })
  })

  after(async () => {
    await attacker.stop()
    await swarms.close()
    process.off('unhandledRejection', onFailure)
    process.off('uncaughtExceptionMonitor', onFailure)
  })

  afterEach(async () => {
    const asked = new Uint8Array([1, 2, 3])
    for (const protocol of PROTOCOLS)
      assert.deepEqual(
        new Uint8Array(await friend.network.request(target.network.peerId, protocol, asked, OPTIONS)),
        asked
      )
    assert.deepEqual(failures, [])
  })

  const open = async (protocol: string): Promise<Stream> =>
    attacker.dialProtocol(multiaddr(target.network.addresses()[0]), protocol)
  const closed = (stream: Stream): Promise<void> => eventually(() => stream.status !== 'open')

  for (const [how, bytes] of [
    ['a length above the limit', [0x81, 0x80, 0x04, 0, 0]],
    ['a length of four gigabytes', [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a length that never ends', new Array(100_000).fill(0xff)]
  ] as const)
    it(`has its stream closed for ${how}, on every protocol`, async () => {
      const streams = await Promise.all(PROTOCOLS.map(protocol => open(protocolName('test', protocol))))
      for (const stream of streams) stream.send(Uint8Array.from(bytes))
      await Promise.all(streams.map(closed))
    })

  it('is let go when it sends half a message and resets, or closes, or the connection breaks', async () => {
    for (const end of ['reset', 'close', 'break'] as const) {
      const stream = await open(protocolName('test', 'market'))
      stream.send(Uint8Array.from([100, 1, 2, 3]))
      if (end === 'reset') stream.abort(new Error('changed my mind'))
      if (end === 'close') await stream.close()
      if (end === 'break')
        for (const connection of attacker.getConnections()) connection.abort(new Error('gone'))
      await closed(stream)
    }
  })

  it('holds no more than its share of open requests, and loses them when it stays silent', async () => {
    const streams: Stream[] = []
    for (let index = 0; index < INBOUND_REQUESTS_PER_PEER_MAX + 8; index++)
      streams.push(await open(protocolName('test', index % 2 === 0 ? 'market' : 'lease')))
    const within = streams.slice(0, INBOUND_REQUESTS_PER_PEER_MAX)
    const beyond = streams.slice(INBOUND_REQUESTS_PER_PEER_MAX)
    await eventually(() => beyond.every(stream => stream.status !== 'open'))
    assert.ok(
      within.every(stream => stream.status === 'open'),
      'those within the limit stay'
    )
    await eventually(() => within.every(stream => stream.status !== 'open'))
  })

  it('has a lane of eight for reconciliations, which neither starves the leases nor is starved by them', async () => {
    const lane = protocolName('test', 'sync')
    const open8 = await Promise.all(Array.from({ length: 8 }, () => open(lane)))
    await sleep(50)
    const ninth = await open(lane)
    await closed(ninth)
    assert.ok(open8.every(stream => stream.status === 'open'))
    const lease = await open(protocolName('test', 'lease'))
    await sleep(50)
    assert.equal(lease.status, 'open')
    for (const stream of [...open8, lease]) stream.abort(new Error('enough'))
  })

  it('is refused a protocol of the future, of another network, and of nobody', async () => {
    for (const name of ['/rayswarm/test/lease/2', '/rayswarm/other/lease/1', '/rayswarm/test/gifts/1'])
      await assert.rejects(open(name), { name: 'UnsupportedProtocolError' })
  })

  it('gets no answer it does not take, and costs no memory with requests it never reads the answers of', async () => {
    const before = heapBytes()
    const request = Uint8Array.from([0x80, 0x80, 0x04, ...new Uint8Array(MESSAGE_SIZE_BYTES_MAX.direct)])
    for (let round = 0; round < 60; round++) {
      const streams = await Promise.all(
        Array.from({ length: 16 }, () => open(protocolName('test', 'market')).catch(() => undefined))
      )
      for (const stream of streams) {
        stream?.pause()
        try {
          stream?.send(request)
        } catch {
          // already closed by the other side
        }
      }
      for (const stream of streams) stream?.abort(new Error('next'))
    }
    await eventually(() => heapBytes() - before < 32 * MIB)
  })

  it('reaches nothing with a message of random bytes on the gossip or DHT protocol', async () => {
    const heard: Uint8Array[] = []
    const stop = target.network.subscribe('offers', bytes => {
      heard.push(bytes)
      return { action: 'accept' }
    })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async bytes => {
        for (const protocol of [GOSSIP_PROTOCOL, dhtProtocolName('test')]) {
          const stream = await open(protocol).catch(() => undefined)
          try {
            stream?.send(Uint8Array.from([bytes.length, ...bytes].slice(0, 128)))
          } catch {
            // closed already
          }
          stream?.abort(new Error('done'))
        }
      }),
      { numRuns: 40 }
    )
    for (const bytes of [new Array(5_000).fill(0xff), [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2]]) {
      const stream = await open(GOSSIP_PROTOCOL)
      stream.send(Uint8Array.from(bytes))
      await sleep(50)
      stream.abort(new Error('done'))
    }
    stop()
    assert.deepEqual(heard, [])
  })

  it('cannot pass an oversized or unsigned message to a handler', async () => {
    const loud = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        pubsub: gossipsub({ allowPublishToZeroTopicPeers: true })
      }
    })
    const mute = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: {
        identify: identify(),
        pubsub: gossipsub({
          allowPublishToZeroTopicPeers: true,
          globalSignaturePolicy: 'StrictNoSign',
          msgIdFn: m => m.data.subarray(0, 20)
        })
      }
    })
    const heard: number[] = []
    const stop = target.network.subscribe('jobs', bytes => {
      heard.push(bytes.byteLength)
      return { action: 'accept' }
    })
    try {
      const topic = topicName('test', 'jobs')
      for (const node of [loud, mute]) {
        await node.dial(multiaddr(target.network.addresses()[0]))
        await eventually(() => node.services.pubsub.getSubscribers(topic).length > 0)
      }
      await mute.services.pubsub.publish(topic, new Uint8Array(10).fill(1))
      await loud.services.pubsub.publish(topic, new Uint8Array(MESSAGE_SIZE_BYTES_MAX.notice + 1).fill(2))
      await loud.services.pubsub.publish(topic, new Uint8Array(60_000).fill(3))
      await loud.services.pubsub.publish(topic, new Uint8Array(MESSAGE_SIZE_BYTES_MAX.notice).fill(4))
      await eventually(() => heard.length > 0)
      await loud.services.pubsub.publish(topic, new Uint8Array(100_000).fill(5))
      await sleep(200)
      assert.deepEqual(heard, [MESSAGE_SIZE_BYTES_MAX.notice])
      assert.ok(target.counts.gossip.rejected >= 1)
    } finally {
      stop()
      await Promise.all([loud.stop(), mute.stop()])
    }
  })
})

describe('a peer that answers with garbage', () => {
  const swarms = new Swarms()
  let asker: Swarm
  let liar: Libp2p

  before(async () => {
    asker = await swarms.start()
    liar = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() }
    })
    await asker.network.learn(liar.peerId.toString(), liar.getMultiaddrs().map(String))
  })

  after(async () => {
    await liar.stop()
    await swarms.close()
  })

  for (const [how, code, answer] of [
    [
      'a length above the limit',
      'ERR_REMOTE',
      (stream: Stream) => stream.send(Uint8Array.from([0x81, 0x80, 0x04]))
    ],
    [
      'a length that never ends',
      'ERR_REMOTE',
      (stream: Stream) => stream.send(new Uint8Array(10_000).fill(0xff))
    ],
    [
      'half an answer',
      'ERR_REMOTE',
      async (stream: Stream) => {
        stream.send(Uint8Array.from([100, 1, 2]))
        await stream.close()
      }
    ],
    ['a closed stream', 'ERR_REMOTE', (stream: Stream) => stream.close()],
    ['a reset', 'ERR_REMOTE', (stream: Stream) => stream.abort(new Error('no'))],
    ['a megabyte', 'ERR_REMOTE', (stream: Stream) => stream.send(new Uint8Array(MIB).fill(0xff))],
    ['silence', 'ERR_TIMEOUT', () => {}]
  ] as const)
    it(`fails the request with ${code}: ${how}`, async () => {
      await liar.handle(protocolName('test', 'market'), async stream => void (await answer(stream)), {
        force: true
      })
      await assert.rejects(
        asker.network.request(liar.peerId.toString(), 'market', new Uint8Array(3), { timeoutMs: 500 }),
        { code }
      )
    })
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
