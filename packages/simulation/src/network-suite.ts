import assert from 'node:assert/strict'
import type { Admission, ErrorCode, Network, RayswarmError } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'

/** Some peers on one network, and the time they live in. */
export interface NetworkWorld {
  /** Peers that are connected with each other. */
  readonly networks: readonly Network[]

  /** One more peer: connected with everybody, or known to nobody. */
  join(connected: boolean): Promise<Network>

  /** Let this much of the world's time pass. */
  pass(ms: number): Promise<void>

  close(): Promise<void>
}

/** Makes a world of `count` peers. */
export type OpenNetworkWorld = (count: number) => Promise<NetworkWorld>

const ACCEPT: Admission = { action: 'accept' }
const TIMEOUT_MS = 2_000
const STEP_MS = 20
const STEPS_MAX = 1_000
/** Long enough for anything still under way to arrive. */
const QUIET_MS = 500
const options = { timeoutMs: TIMEOUT_MS }
/** Id of an ed25519 key that nobody has. */
const NOBODY = '12D3KooWGRUzmQfKbcFSXZK4gFZ1gQiJT7H8BMfSvsrnSLzh2qFA'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Behaviour that every `Network` must show, the real one and the virtual one. Declares mocha tests. */
export function networkSuite(name: string, open: OpenNetworkWorld): void {
  describe(name, () => {
    requests(open)
    refusals(open)
    gossip(open)
    peers(open)
  })
}

function requests(open: OpenNetworkWorld): void {
  it('answers a request, and tells the handler who asks', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      b!.serve('market', async (asked, from) => bytes(`${text(asked)} from ${from}`))
      assert.equal(
        text(await soon(a!.request(b!.peerId, 'market', bytes('hello'), options))),
        `hello from ${a!.peerId}`
      )
    }))

  it('carries an empty request, an empty answer and the longest ones', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      b!.serve('market', async asked => asked)
      for (const sizeBytes of [0, 1, MESSAGE_SIZE_BYTES_MAX.direct]) {
        const sent = new Uint8Array(sizeBytes).fill(7)
        assert.deepEqual(new Uint8Array(await soon(a!.request(b!.peerId, 'market', sent, options))), sent)
      }
    }))

  it('keeps many requests at once apart, in both directions', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      a!.serve('lease', async asked => bytes(`a ${text(asked)}`))
      b!.serve('lease', async asked => bytes(`b ${text(asked)}`))
      const asked = Array.from({ length: 100 }, (_, index) => `${index}`)
      const toB = asked.map(n => a!.request(b!.peerId, 'lease', bytes(n), options))
      const toA = asked.map(n => b!.request(a!.peerId, 'lease', bytes(n), options))
      assert.deepEqual(
        (await soon(Promise.all(toB))).map(text),
        asked.map(n => `b ${n}`)
      )
      assert.deepEqual(
        (await soon(Promise.all(toA))).map(text),
        asked.map(n => `a ${n}`)
      )
    }))

  it('answers a request to oneself', () =>
    using(open, 1, async ({ networks: [a] }, soon) => {
      a!.serve('market', async (asked, from) => bytes(`${text(asked)} from ${from}`))
      assert.equal(
        text(await soon(a!.request(a!.peerId, 'market', bytes('hi'), options))),
        `hi from ${a!.peerId}`
      )
    }))
}

function refusals(open: OpenNetworkWorld): void {
  it('fails a request to a peer that nobody knows with ERR_UNREACHABLE', () =>
    using(open, 2, async ({ networks: [a] }, soon) => {
      await soon(fails('ERR_UNREACHABLE', a!.request(NOBODY, 'market', bytes('?'), options)))
    }))

  it('fails a request that is not answered in time with ERR_TIMEOUT', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      b!.serve('market', () => new Promise(() => {}))
      await soon(fails('ERR_TIMEOUT', a!.request(b!.peerId, 'market', bytes('?'), { timeoutMs: 300 })))
      b!.serve('market', async asked => asked)
      await soon(a!.request(b!.peerId, 'market', bytes('again'), options))
    }))

  for (const [how, handler] of [
    ['throws', () => Promise.reject(new Error('no'))],
    ['throws at once', () => assert.fail('no')]
  ] as const)
    it(`fails only the request whose handler ${how}, with ERR_REMOTE`, () =>
      using(open, 2, async ({ networks: [a, b] }, soon) => {
        b!.serve('market', handler)
        b!.serve('lease', async asked => asked)
        await soon(fails('ERR_REMOTE', a!.request(b!.peerId, 'market', bytes('?'), options)))
        await soon(fails('ERR_REMOTE', b!.request(b!.peerId, 'market', bytes('?'), options)))
        assert.equal(
          text(await soon(a!.request(b!.peerId, 'lease', bytes('still here'), options))),
          'still here'
        )
      }))

  it('fails a request for what is not, or no longer, served with ERR_REMOTE', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      await soon(fails('ERR_REMOTE', a!.request(b!.peerId, 'market', bytes('?'), options)))
      const stop = b!.serve('market', async asked => asked)
      await soon(a!.request(b!.peerId, 'market', bytes('?'), options))
      stop()
      await soon(fails('ERR_REMOTE', a!.request(b!.peerId, 'market', bytes('?'), options)))
    }))

  it('refuses to send a request above the limit with ERR_OVERSIZED, and takes no answer above it', () =>
    using(open, 2, async ({ networks: [a, b] }, soon) => {
      const tooLong = new Uint8Array(MESSAGE_SIZE_BYTES_MAX.direct + 1)
      let asked = 0
      b!.serve('market', async () => {
        asked++
        return tooLong
      })
      await soon(fails('ERR_OVERSIZED', a!.request(b!.peerId, 'market', tooLong, options)))
      assert.equal(asked, 0)
      await soon(fails('ERR_REMOTE', a!.request(b!.peerId, 'market', bytes('?'), options)))
      assert.equal(asked, 1)
    }))

  it('fails an aborted request with ERR_ABORTED, before and while it runs', () =>
    using(open, 2, async ({ networks: [a, b], pass }, soon) => {
      b!.serve('market', () => new Promise(() => {}))
      const early = a!.request(b!.peerId, 'market', bytes('?'), { ...options, signal: AbortSignal.abort() })
      await soon(fails('ERR_ABORTED', early))
      const abort = new AbortController()
      const late = fails(
        'ERR_ABORTED',
        a!.request(b!.peerId, 'market', bytes('?'), { ...options, signal: abort.signal })
      )
      await pass(100)
      abort.abort()
      await soon(late)
    }))
}

function gossip(open: OpenNetworkWorld): void {
  it('judges each message once at every other peer, and never at its author', () =>
    using(open, 4, async ({ networks, pass }, _soon, until) => {
      const heard = networks.map(() => new Map<string, number>())
      for (const [index, network] of networks.entries())
        network.subscribe('jobs', (message, from) => {
          assert.equal(from, networks[0]!.peerId)
          heard[index]!.set(text(message), (heard[index]!.get(text(message)) ?? 0) + 1)
          return ACCEPT
        })
      await until(async round => {
        await networks[0]!.publish('jobs', bytes(`warm-up ${round}`))
        return heard.slice(1).every(map => map.size > 0)
      })
      for (let index = 0; index < 10; index++)
        assert.ok((await networks[0]!.publish('jobs', bytes(`message ${index}`))) > 0)
      await until(async () => heard.slice(1).every(map => map.has('message 9') && map.has('message 0')))
      await pass(QUIET_MS)
      for (const map of heard.slice(1))
        for (let index = 0; index < 10; index++)
          assert.equal(map.get(`message ${index}`), 1, `message ${index}`)
      assert.equal(heard[0]!.size, 0)
    }))

  it('keeps topics apart, and stops calling a handler that was taken back', () =>
    using(open, 2, async ({ networks: [a, b], pass }, _soon, until) => {
      const heard: string[] = []
      const note = (message: Uint8Array): Admission => {
        heard.push(text(message))
        return ACCEPT
      }
      const stop = b!.subscribe('offers', note)
      b!.subscribe('ledger', note)
      await until(async round => {
        await a!.publish('offers', bytes(`offer ${round}`))
        await a!.publish('jobs', bytes('nobody listens'))
        return heard.length > 0
      })
      assert.ok(heard.every(message => message.startsWith('offer')))
      stop()
      await pass(QUIET_MS)
      const before = heard.filter(message => message.startsWith('offer')).length
      await until(async round => {
        await a!.publish('offers', bytes(`offer after ${round}`))
        await a!.publish('ledger', bytes(`entry ${round}`))
        return heard.includes(`entry ${round}`) || heard.some(message => message.startsWith('entry'))
      })
      await pass(QUIET_MS)
      assert.equal(heard.filter(message => message.startsWith('offer')).length, before)
    }))

  it('publishes to nobody without failing', () =>
    using(open, 1, async ({ networks: [a] }) => {
      assert.equal(await a!.publish('offers', bytes('is anybody there')), 0)
    }))
}

function peers(open: OpenNetworkWorld): void {
  it('knows its connected peers, and has addresses that name it', () =>
    using(open, 3, async ({ networks }) => {
      for (const network of networks) {
        const others = networks.filter(other => other !== network).map(other => other.peerId)
        assert.deepEqual([...network.peers()].sort(), others.sort())
        assert.ok(network.addresses().length > 0)
        for (const address of network.addresses())
          assert.ok(address.endsWith(`/p2p/${network.peerId}`), address)
      }
    }))

  it('tells of a peer that connects, until asked to stop', () =>
    using(open, 2, async ({ networks: [a], join }, _soon, until) => {
      const first: string[] = []
      const both: string[] = []
      const stop = a!.onConnect(peer => first.push(peer))
      a!.onConnect(peer => both.push(peer))
      const c = await join(true)
      await until(async () => first.includes(c.peerId))
      stop()
      const d = await join(true)
      await until(async () => both.includes(d.peerId))
      assert.ok(!first.includes(d.peerId))
    }))

  it('reaches a stranger once it has learned an address, and is not harmed by wrong ones', () =>
    using(open, 2, async ({ networks: [a], join }, soon) => {
      const stranger = await join(false)
      stranger.serve('market', async asked => asked)
      await soon(
        a!.learn(stranger.peerId, [
          '',
          'nonsense',
          '/ip4/300.0.0.1/tcp/1',
          `/ip4/127.0.0.1/tcp/9/p2p/${NOBODY}`
        ])
      )
      await soon(a!.learn('not a peer', stranger.addresses()))
      await soon(a!.learn(stranger.peerId, stranger.addresses()))
      assert.equal(text(await soon(a!.request(stranger.peerId, 'market', bytes('hello'), options))), 'hello')
    }))
}

type Soon = <T>(promise: Promise<T>) => Promise<T>
type Until = (met: (round: number) => Promise<boolean>) => Promise<void>

/** Run a test in a fresh world. `soon` lets time pass until a promise settles, `until` until a condition holds. */
async function using(
  open: OpenNetworkWorld,
  count: number,
  test: (world: NetworkWorld, soon: Soon, until: Until) => Promise<void>
): Promise<void> {
  const world = await open(count)
  const until: Until = async met => {
    for (let round = 0; round < STEPS_MAX; round++) {
      if (await met(round)) return
      await world.pass(STEP_MS)
    }
    assert.fail('it never came to that')
  }
  const soon: Soon = async promise => {
    let settled = false
    const note = (): void => {
      settled = true
    }
    promise.then(note, note)
    await until(async () => settled)
    return promise
  }
  try {
    await test(world, soon, until)
  } finally {
    await world.close()
  }
}

async function fails(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error: RayswarmError) => {
    assert.equal(error.code, code, error.message)
    return true
  })
}
