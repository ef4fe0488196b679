import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PeerId, RayswarmError } from '@rayswarm/interface'
import { type Swarm, TransportFaults } from '../src/index.ts'
import { eventually, Swarms } from './swarms.ts'

const OPTIONS = { timeoutMs: 1_000 }
const PAUSE = 400
const STRANGER = '12D3KooWGRUzmQfKbcFSXZK4gFZ1gQiJT7H8BMfSvsrnSLzh2qFA'

interface Peer {
  readonly swarm: Swarm
  readonly id: PeerId
  readonly faults: TransportFaults
  /** First bytes of what was asked of it and what it heard by gossip. */
  readonly asked: number[]
  readonly heard: number[]
}

describe('TransportFaults', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  const peer = async (
    bootstrap: readonly string[] = [],
    unit?: () => number,
    listen = ['/ip4/127.0.0.1/tcp/0']
  ): Promise<Peer> => {
    const faults = new TransportFaults(unit && { unit })
    const swarm = await swarms.create({ faults, bootstrap, listen })
    const made: Peer = { swarm, id: swarm.network.peerId, faults, asked: [], heard: [] }
    swarm.network.serve('lease', async bytes => {
      made.asked.push(bytes[0] ?? -1)
      return bytes
    })
    swarm.network.subscribe('offers', bytes => {
      made.heard.push(bytes[0] ?? -1)
      return { action: 'accept' }
    })
    await swarm.start()
    return made
  }

  const pair = async (unit?: () => number, listen?: string[]): Promise<[Peer, Peer]> => {
    const a = await peer([], unit, listen)
    const b = await peer(a.swarm.network.addresses(), unit, listen)
    await eventually(() => connected(a, b) && connected(b, a))
    await eventually(async () => (await publish(a, 0)) > 0 && (await publish(b, 0)) > 0)
    await eventually(() => a.heard.length > 0 && b.heard.length > 0)
    return [a, b]
  }

  it('are not felt when there are none', async () => {
    const [a, b] = await pair()
    assert.equal(await ask(a, b, 1), 'answered')
    assert.equal(await ask(b, a, 1), 'answered')
    assert.equal(a.faults.rules().size, 0)
  })

  for (const [cut, atArrives, awayArrives] of [
    ['in', true, false],
    ['out', false, true],
    ['both', false, false]
  ] as const)
    it(`cut ${cut}, for one peer of two: silence where asked, on a connection that stays open`, async () => {
      const [a, b] = await pair()
      // Hears no gossip, so that it carries none around the cut.
      const c = await swarms.start({ bootstrap: a.swarm.network.addresses() })
      await eventually(() => c.network.peers().includes(a.id))
      a.faults.set([b.id], { cut })
      assert.deepEqual([await ask(a, b, 2), await ask(b, a, 3)], ['ERR_TIMEOUT', 'ERR_TIMEOUT'])
      await Promise.all([publish(a, 4), publish(b, 5)])
      await sleep(PAUSE)
      assert.equal(b.heard.includes(4), atArrives)
      assert.equal(a.heard.includes(5), awayArrives)
      assert.ok(connected(a, b) && connected(b, a))
      await c.network.request(a.id, 'lease', new Uint8Array([6]), OPTIONS)
      // What was withheld comes after all: the connection outlived the cut.
      a.faults.clear()
      assert.equal(await ask(b, a, 7), 'answered')
      assert.equal(await ask(a, b, 8), 'answered')
      await eventually(() => b.heard.includes(4) && a.heard.includes(5))
    })

  it('cut gossip as asked: nobody hears it, unless a third peer carries it around', async () => {
    const [a, b] = await pair()
    a.faults.set([b.id], { cut: 'both' })
    await publish(a, 2)
    await sleep(PAUSE)
    assert.ok(!b.heard.includes(2))
    const c = await peer([...a.swarm.network.addresses(), ...b.swarm.network.addresses()])
    await eventually(() => connected(c, a) && connected(c, b))
    await eventually(async () => {
      await publish(a, 3)
      return b.heard.includes(3)
    })
  })

  it('make new dials time out, whoever dials, without a word', async () => {
    const [a, b] = await pair()
    for (const side of [a, b]) side.faults.set([side === a ? b.id : a.id], { cut: 'both' })
    for (const [from, to] of [
      [a, b],
      [b, a]
    ] as const) {
      for (const connection of from.swarm.libp2p.getConnections()) connection.abort(new Error('for the test'))
      await eventually(() => !connected(from, to))
      await assert.rejects(from.swarm.network.request(to.id, 'lease', new Uint8Array(1), OPTIONS), {
        code: 'ERR_UNREACHABLE'
      })
    }
    assert.ok(!connected(a, b) && !connected(b, a))
    for (const side of [a, b]) side.faults.clear()
    await eventually(() => connected(a, b) && connected(b, a))
  })

  for (const [over, listen, end] of [
    ['TCP', '/ip4/127.0.0.1/tcp/0', 'abort'],
    ['TCP', '/ip4/127.0.0.1/tcp/0', 'close'],
    ['WebSockets', '/ip4/127.0.0.1/tcp/0/ws', 'close']
  ] as const)
    it(`keep an end (${end}) that came over ${over} during a cut secret until it is over`, async () => {
      const [a, b] = await pair(undefined, [listen])
      a.faults.set('*', { cut: 'both' })
      // b's process could not be deader; a sees nothing of it, nor does b of a's own hanging up.
      await hangUp(b, end)
      await sleep(PAUSE)
      assert.ok(connected(a, b) && !connected(b, a))
      a.faults.clear('*')
      await eventually(() => connected(a, b) && connected(b, a))
      a.faults.set('*', { cut: 'both' })
      await hangUp(a, end)
      await sleep(PAUSE)
      assert.ok(!connected(a, b) && connected(b, a))
      a.faults.clear('*')
      await eventually(() => connected(a, b) && connected(b, a))
      assert.equal(await ask(a, b, 9), 'answered')
    })

  it('do not let a dial as far as the other host', async () => {
    const reached: unknown[] = []
    const host = createServer(socket => {
      reached.push(socket)
      socket.destroy()
    })
    await new Promise<void>(resolve => host.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = host.address() as AddressInfo
      const a = await peer()
      a.faults.set([STRANGER], { cut: 'in' })
      await a.swarm.network.learn(STRANGER, [`/ip4/127.0.0.1/tcp/${port}`])
      const asked = a.swarm.network.request(STRANGER, 'lease', new Uint8Array(1), OPTIONS)
      await assert.rejects(asked, { code: 'ERR_UNREACHABLE' })
      assert.equal(reached.length, 0)
      a.faults.clear([STRANGER])
      await eventually(() => reached.length > 0)
    } finally {
      host.close()
    }
  })

  it('lose the share of messages they are told to: requests, replies and gossip', async () => {
    let draw = 0
    const [a, b] = await pair(() => draw)
    a.faults.set('*', { lossBps: 5_000 })
    draw = 0.4999
    assert.equal(await ask(a, b, 2), 'ERR_TIMEOUT')
    assert.equal(await ask(b, a, 3), 'ERR_TIMEOUT')
    assert.ok((await publish(a, 4)) > 0)
    await publish(b, 5)
    await eventually(() => a.heard.includes(5))
    assert.deepEqual([b.asked.includes(2), a.asked.includes(3), b.heard.includes(4)], [false, true, false])
    draw = 0.5
    assert.equal(await ask(a, b, 6), 'answered')
    assert.equal(await ask(b, a, 7), 'answered')
    await publish(a, 8)
    await eventually(() => b.heard.includes(8))
  })

  it('delay what is sent, in order, by the latency and the bandwidth', async () => {
    const [a, b] = await pair()
    const timed = async (bytes: Uint8Array): Promise<number> => {
      const startMs = performance.now()
      await a.swarm.network.request(b.id, 'lease', bytes, { timeoutMs: 10_000 })
      return performance.now() - startMs
    }
    for (const side of [a, b]) side.faults.set('*', { latencyMs: 80, jitterMs: 40 })
    // Lower bounds only: a busy machine is slower, never faster.
    assert.ok((await timed(new Uint8Array(1))) >= 160)
    for (const side of [a, b]) side.faults.set('*', { latencyMs: 0, jitterMs: 0 })
    a.faults.set('*', { bytesPerS: 64 * 1024 })
    assert.ok((await timed(new Uint8Array(48 * 1024))) >= 700)
    a.faults.clear()
    await Promise.all(Array.from({ length: 20 }, (_, index) => ask(a, b, 20 + index)))
    assert.ok(connected(a, b))
  })

  it('end a connection that is written to without end during a cut, and nothing else', async () => {
    const [a, b] = await pair()
    a.faults.set([b.id], { cut: 'both' })
    const [connection] = a.swarm.libp2p.getConnections()
    const raw = (connection as unknown as { maConn: { send(bytes: Uint8Array): boolean } }).maConn
    let sentBytes = 0
    await assert.rejects(async () => {
      for (; sentBytes < 64 * 1024 * 1024; sentBytes += 65_536) {
        raw.send(new Uint8Array(65_536))
        await sleep(0)
      }
    })
    assert.ok(sentBytes < 8 * 1024 * 1024, `${sentBytes}`)
    await eventually(() => connection!.status !== 'open')
    assert.ok(connected(b, a))
  })

  it('add up: what is set for a peer lies over what is set for all', () => {
    const faults = new TransportFaults()
    const [p, q] = [STRANGER, '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN']
    faults.set('*', { latencyMs: 40 })
    faults.set([p], { cut: 'both' })
    faults.set([p], { lossBps: 10 })
    assert.deepEqual(faults.ruleOf(p), { latencyMs: 40, cut: 'both', lossBps: 10 })
    assert.deepEqual(faults.ruleOf(q), { latencyMs: 40 })
    assert.deepEqual(faults.ruleOf(undefined), { latencyMs: 40 })
    assert.equal(faults.rules().size, 2)
    faults.clear([p])
    assert.deepEqual(faults.ruleOf(p), { latencyMs: 40 })
    faults.clear()
    assert.equal(faults.rules().size, 0)
  })

  for (const [what, peers, rule] of [
    ['a cut there is not', '*', { cut: 'sideways' }],
    ['more than every message', '*', { lossBps: 10_001 }],
    ['time that runs backwards', '*', { latencyMs: -1 }],
    ['no number', '*', { jitterMs: Number.NaN }],
    ['an endless pipe', '*', { bytesPerS: Number.POSITIVE_INFINITY }],
    ['somebody who is no peer', ['nobody'], { cut: 'both' }]
  ] as const)
    it(`refuse ${what}`, () => {
      const faults = new TransportFaults()
      assert.throws(
        () => faults.set(peers as never, rule as never),
        (error: RayswarmError) => error.code === 'ERR_USAGE' && (error.remedy?.length ?? 0) > 0
      )
      assert.equal(faults.rules().size, 0)
    })
})

function connected(from: Peer, to: Peer): boolean {
  return from.swarm.network.peers().includes(to.id)
}

async function hangUp({ swarm }: Peer, end: 'abort' | 'close'): Promise<void> {
  for (const connection of swarm.libp2p.getConnections())
    if (end === 'abort') connection.abort(new Error('for the test'))
    else await connection.close().catch(() => {})
}

async function publish(from: Peer, first: number): Promise<number> {
  return from.swarm.network.publish('offers', new Uint8Array([first, Math.trunc(performance.now()) & 0xff]))
}

async function ask(from: Peer, to: Peer, first: number): Promise<string> {
  try {
    await from.swarm.network.request(to.id, 'lease', new Uint8Array([first]), OPTIONS)
    return 'answered'
  } catch (error) {
    return (error as RayswarmError).code
  }
}
