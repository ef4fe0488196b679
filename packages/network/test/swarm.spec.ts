import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import type { RayswarmError } from '@rayswarm/interface'
import { ADDRESS_COUNT_MAX } from '@rayswarm/params'
import { nodeIdentity } from '@rayswarm/wire'
import { createLibp2p } from 'libp2p'
import { createSwarm, type Swarm, type SwarmServices } from '../src/index.ts'
import { eventually, Swarms, seedOf } from './swarms.ts'

const OPTIONS = { timeoutMs: 5_000 }

describe('Swarm', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  it('has the peer id that wire derives from the same key', async () => {
    for (const name of ['alice', 'bob', 'carol']) {
      const swarm = await swarms.create({ name })
      assert.equal(swarm.network.peerId, nodeIdentity(seedOf(name)).peerId)
    }
  })

  it('listens on TCP and WebSockets by default, and tells a bounded number of addresses', async () => {
    const { listen: _, ...init } = await swarms.init()
    const swarm = await createSwarm(init)
    try {
      await swarm.start()
      const addresses = swarm.network.addresses()
      assert.ok(
        addresses.some(address => /\/tcp\/\d+\/p2p\//.test(address)),
        `${addresses}`
      )
      assert.ok(
        addresses.some(address => /\/tcp\/\d+\/ws\/p2p\//.test(address)),
        `${addresses}`
      )
      assert.ok(addresses.length <= ADDRESS_COUNT_MAX)
    } finally {
      await swarm.stop()
    }
  })

  it('connects over WebSockets alone', async () => {
    const a = await swarms.start({ listen: ['/ip4/127.0.0.1/tcp/0/ws'] })
    const b = await swarms.start({ listen: [], bootstrap: a.network.addresses() })
    a.network.serve('market', async bytes => bytes)
    assert.deepEqual(
      [...(await b.network.request(a.network.peerId, 'market', new Uint8Array([5]), OPTIONS))],
      [5]
    )
  })

  it('works over a libp2p node that somebody else made and started', async () => {
    const a = await swarms.start()
    const b = await swarms.create({
      bootstrap: a.network.addresses(),
      libp2p: async options => {
        const node = await createLibp2p<SwarmServices>(options)
        await node.start()
        return node
      }
    })
    let heard = 0
    b.network.subscribe('offers', () => {
      heard++
      return { action: 'accept' }
    })
    b.network.serve('market', async bytes => bytes)
    await b.start()
    await eventually(() => a.network.peers().includes(b.network.peerId))
    await a.network.request(b.network.peerId, 'market', new Uint8Array(1), OPTIONS)
    await eventually(
      async () => (await a.network.publish('offers', new Uint8Array([heard]))) > 0 && heard > 0
    )
  })

  it('names the port that is in use, and the remedy', async () => {
    const blocker = createServer()
    await new Promise<void>(resolve => blocker.listen(0, '127.0.0.1', resolve))
    const { port } = blocker.address() as AddressInfo
    try {
      for (const kind of ['', '/ws']) {
        const swarm = await swarms.create({ listen: [`/ip4/127.0.0.1/tcp/${port}${kind}`] })
        await assert.rejects(swarm.start(), (error: RayswarmError) => {
          assert.equal(error.code, 'ERR_PORT_IN_USE', error.message)
          assert.equal(error.value, port)
          assert.ok(error.message.includes(`${port}`) && (error.remedy?.length ?? 0) > 0)
          return true
        })
      }
    } finally {
      blocker.close()
    }
  })

  for (const [what, over, named] of [
    [
      'a bootstrap address without a peer id',
      { bootstrap: ['/ip4/127.0.0.1/tcp/4001'] },
      '/ip4/127.0.0.1/tcp/4001'
    ],
    ['a bootstrap address that is no multiaddr', { bootstrap: ['127.0.0.1:4001'] }, '127.0.0.1:4001'],
    ['a listen address that is no multiaddr', { listen: ['localhost:4001'] }, 'localhost:4001'],
    ['an announced address that is no multiaddr', { announce: ['example.com'] }, 'example.com']
  ] as const)
    it(`refuses ${what}, naming it`, async () => {
      await assert.rejects(swarms.create(over), (error: RayswarmError) => {
        assert.equal(error.code, 'ERR_USAGE')
        assert.equal(error.value, named)
        assert.ok(error.message.includes(named) && (error.remedy?.length ?? 0) > 0)
        return true
      })
    })

  it('refuses an address that is not of this machine', async () => {
    const swarm = await swarms.create({ listen: ['/ip4/192.0.2.1/tcp/0'] })
    await assert.rejects(swarm.start(), { code: 'ERR_USAGE' })
  })

  it('skips its own address among the bootstrap ones', async () => {
    const self = nodeIdentity(seedOf('self')).peerId
    const a = await swarms.start()
    const swarm = await swarms.start({
      name: 'self',
      bootstrap: [`/ip4/127.0.0.1/tcp/9/p2p/${self}`, ...a.network.addresses()]
    })
    await eventually(() => swarm.network.peers().length === 1)
  })

  it('learns private addresses on a test network, not on the public one', async () => {
    const a = await swarms.start()
    for (const [profile, known] of [
      ['testnet', true],
      ['public', false]
    ] as const) {
      const b = await swarms.start({ profile })
      await b.network.learn(a.network.peerId, a.network.addresses())
      assert.equal(await b.libp2p.peerStore.has(a.libp2p.peerId), known, profile)
    }
  })

  it('remembers a bounded number of addresses of a peer, the newest among them', async () => {
    const a = await swarms.start()
    const peer = nodeIdentity(seedOf('somebody')).peerId
    for (let batch = 0; batch < 6; batch++)
      await a.network.learn(
        peer,
        Array.from({ length: 100 }, (_, index) => `/ip4/10.0.${batch}.${index}/tcp/1`)
      )
    const { addresses } = await a.libp2p.peerStore.get(peerIdFromString(peer))
    assert.equal(addresses.length, 2 * ADDRESS_COUNT_MAX)
    for (let index = 0; index < ADDRESS_COUNT_MAX; index++)
      assert.ok(addresses.some(({ multiaddr }) => `${multiaddr}` === `/ip4/10.0.5.${index}/tcp/1`))
  })

  it('refuses a data directory that is in use', async () => {
    const dir = await swarms.dir()
    await swarms.create({ dir })
    await assert.rejects(swarms.create({ dir }), { code: 'ERR_STORE_LOCKED' })
  })

  it('finds its peers again after a restart, without a bootstrap address', async () => {
    const a = await swarms.start({ name: 'a' })
    const dir = await swarms.dir()
    const b = await swarms.start({ name: 'b', dir, bootstrap: a.network.addresses() })
    const known = async (): Promise<boolean> =>
      (await book(dir)).some(entry => entry.peer === a.network.peerId)
    await eventually(known)
    await b.stop()
    await eventually(() => a.network.peers().length === 0)
    const again = await swarms.start({ name: 'b', dir, bootstrap: [] })
    await eventually(() => again.network.peers().includes(a.network.peerId))
  })

  it('starts with a damaged peer book, and without its absurd entries', async () => {
    const a = await swarms.start()
    const dir = await swarms.dir()
    for (const text of [
      '{',
      'null',
      '[1, null, {}, {"peer": 5}]',
      JSON.stringify([
        { peer: 'nobody', addresses: ['/ip4/127.0.0.1/tcp/1'] },
        { peer: a.network.peerId, addresses: 'x' },
        { peer: a.network.peerId, addresses: [7, 'y', ...a.network.addresses()], seenAtMs: 'now' }
      ])
    ]) {
      await writeFile(join(dir, 'peers.json'), text)
      const b = await swarms.start({ name: 'b', dir })
      if (text.includes(a.network.peerId)) await eventually(() => b.network.peers().length === 1)
      await b.stop()
    }
  })

  it('dials its bootstrap peer for ever: also one that starts later, and one that comes back', async () => {
    const probe = await swarms.start({ name: 'late' })
    const [address] = probe.network.addresses()
    const listen = [address!.replace(/\/p2p\/.*/, '')]
    await probe.stop()
    const b = await swarms.start({ bootstrap: [address!] })
    await sleep(700)
    assert.deepEqual(b.network.peers(), [])
    for (let round = 0; round < 2; round++) {
      const late = await swarms.start({ name: 'late', listen })
      await eventually(() => b.network.peers().includes(late.network.peerId))
      await late.stop()
      await eventually(() => b.network.peers().length === 0)
    }
  })

  it('comes to know everybody, of eight that start at once with one bootstrap address', async () => {
    const first = await swarms.start()
    const bootstrap = first.network.addresses()
    const rest = await Promise.all(Array.from({ length: 7 }, () => swarms.start({ bootstrap })))
    await eventually(() => [first, ...rest].every(swarm => swarm.network.peers().length === 7))
    // And stays connected: probes of the DHT and of the connections used to close each other's streams.
    await sleep(6_000)
    for (const swarm of [first, ...rest]) assert.equal(swarm.network.peers().length, 7)
  })

  it('takes a burst of new connections from one host, and several probes of one connection', async () => {
    const a = await swarms.start()
    const dialers = await Promise.all(
      Array.from({ length: 20 }, () =>
        createLibp2p({
          transports: [tcp()],
          connectionEncrypters: [noise()],
          streamMuxers: [yamux()],
          services: { identify: identify(), ping: ping() }
        })
      )
    )
    try {
      await Promise.all(dialers.map(dialer => dialer.dial(multiaddr(a.network.addresses()[0]))))
      await eventually(() => a.network.peers().length === dialers.length)
      // The DHT and the connection monitor probe independently; the second probe used to close the connection.
      const { peerId } = dialers[0]!
      await Promise.all(Array.from({ length: 2 }, () => a.libp2p.services.ping.ping(peerId)))
    } finally {
      await Promise.all(dialers.map(dialer => dialer.stop()))
    }
  })

  it('asks over a new connection when the one it has is dead', async () => {
    const [a, b] = (await swarms.mesh(2)) as [Swarm, Swarm]
    a.network.serve('market', async bytes => bytes)
    for (const connection of b.libp2p.getConnections(a.libp2p.peerId))
      await (connection as unknown as { muxer: { close(): Promise<void> } }).muxer.close()
    assert.deepEqual(
      [...(await b.network.request(a.network.peerId, 'market', new Uint8Array([5]), OPTIONS))],
      [5]
    )
  })

  it('does not look for itself', async () => {
    const a = await swarms.start()
    const before = (await a.libp2p.peerStore.get(a.libp2p.peerId)).addresses.map(
      ({ multiaddr }) => `${multiaddr}`
    )
    await a.network.learn(a.network.peerId, ['/ip4/127.0.0.1/tcp/9'])
    assert.deepEqual(
      (await a.libp2p.peerStore.get(a.libp2p.peerId)).addresses.map(({ multiaddr }) => `${multiaddr}`),
      before
    )
  })

  it('stops cleanly, at any time and more than once', async () => {
    const never = await swarms.create()
    await never.stop()
    const a = await swarms.start()
    const b = await swarms.start({
      bootstrap: [
        '/ip4/127.0.0.1/tcp/9/p2p/12D3KooWGRUzmQfKbcFSXZK4gFZ1gQiJT7H8BMfSvsrnSLzh2qFA',
        ...a.network.addresses()
      ]
    })
    a.network.serve('market', () => new Promise(() => {}))
    await eventually(() => b.network.peers().length === 1)
    const pending = b.network.request(a.network.peerId, 'market', new Uint8Array(1), OPTIONS)
    const outcome = assert.rejects(pending, { code: 'ERR_ABORTED' })
    await sleep(100)
    await Promise.all([b.stop(), b.stop()])
    await outcome
    await assert.rejects(b.network.request(a.network.peerId, 'market', new Uint8Array(1), OPTIONS), {
      code: 'ERR_ABORTED'
    })
    assert.equal(await b.records.get('/rayswarm/x', OPTIONS), undefined)
    await b.records.put('/rayswarm/x', new Uint8Array(1), OPTIONS)
    await b.network.learn(a.network.peerId, a.network.addresses())
    await b.start()
    assert.deepEqual(b.network.peers(), [])
  })
})

async function book(dir: string): Promise<Array<{ peer: string }>> {
  return JSON.parse(await readFile(join(dir, 'peers.json'), 'utf8').catch(() => '[]'))
}
