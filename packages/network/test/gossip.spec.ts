import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admission, RayswarmError } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import type { Swarm } from '../src/index.ts'
import { topicName } from '../src/names.ts'
import { eventually, Swarms } from './swarms.ts'

const ACCEPT: Admission = { action: 'accept' }

/** a – b – c, where a and c hear each other only through b. */
async function line(swarms: Swarms): Promise<[Swarm, Swarm, Swarm]> {
  const b = await swarms.start()
  const bootstrap = b.network.addresses()
  // Of other nets the ends would not speak with b; what keeps them apart is that they may not connect.
  const [a, c] = await Promise.all([swarms.start({ bootstrap }), swarms.start({ bootstrap })])
  return [a, b, c]
}

describe('gossip', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  for (const [verdict, count] of [
    [{ action: 'accept' }, 'accepted'],
    [{ action: 'ignore', fault: 'late' }, 'ignored'],
    [{ action: 'reject', fault: 'wrong' }, 'rejected']
  ] as const)
    it(`gives the handler's "${verdict.action}" to the mesh`, async () => {
      const [a, b] = (await swarms.mesh(2)) as [Swarm, Swarm]
      let judged = 0
      b.network.subscribe('offers', () => {
        judged++
        return verdict
      })
      await eventually(async () => (await a.network.publish('offers', new Uint8Array([judged]))) > 0)
      await eventually(() => judged > 0)
      assert.equal(b.counts.gossip[count], judged)
    })

  it('passes on what was accepted, and nothing else', async () => {
    const [a, b, c] = await line(swarms)
    // The mesh would be complete within seconds; the test is about the time before: c never meets a.
    await eventually(() => b.network.peers().length === 2)
    const heard: number[] = []
    const faults: Record<number, Admission> = {
      1: ACCEPT,
      2: { action: 'ignore', fault: 'late' },
      3: { action: 'reject', fault: 'wrong' }
    }
    b.network.subscribe('ledger', bytes => faults[bytes[0]!]!)
    c.network.subscribe('ledger', (bytes, from) => {
      assert.equal(from, a.network.peerId)
      heard.push(bytes[0]!)
      return ACCEPT
    })
    for (const peer of [a, c])
      for (const connection of peer.libp2p.getConnections())
        if (connection.remotePeer.toString() !== b.network.peerId) await connection.close()
    await eventually(
      async () => (await a.network.publish('ledger', Uint8Array.of(1))) > 0 && heard.includes(1)
    )
    await a.network.publish('ledger', Uint8Array.of(2))
    await a.network.publish('ledger', Uint8Array.of(3))
    await eventually(() => b.counts.gossip.ignored > 0 && b.counts.gossip.rejected > 0)
    await sleep(300)
    if (a.network.peers().includes(c.network.peerId)) return // they met after all: nothing to see
    assert.deepEqual(new Set(heard), new Set([1]))
  })

  it('stops listening to a peer whose messages keep being wrong, and to nobody else', async () => {
    const [a, b, c] = (await swarms.mesh(3)) as [Swarm, Swarm, Swarm]
    const heard = new Map<string, number>()
    b.network.subscribe('offers', (_bytes, from) => {
      heard.set(from, (heard.get(from) ?? 0) + 1)
      return from === a.network.peerId ? { action: 'reject', fault: 'wrong' } : ACCEPT
    })
    const count = (swarm: Swarm): number => heard.get(swarm.network.peerId) ?? 0
    let sent = 0
    for (let beforeA = -1, quiet = 0; quiet < 20; beforeA = count(a)) {
      await Promise.all(
        [a, c].map(swarm => swarm.network.publish('offers', Uint8Array.of(sent & 0xff, sent >> 8)))
      )
      sent++
      assert.ok(sent < 1_000, 'it is listened to for ever')
      await sleep(50)
      quiet = count(a) > 0 && count(a) === beforeA ? quiet + 1 : 0
    }
    const before = count(c)
    await eventually(
      async () =>
        (await c.network.publish('offers', Uint8Array.of(sent++ & 0xff, 1))) > 0 && count(c) > before
    )
  })

  it('outlives a handler that throws: the message is ignored, and the bug is logged', async () => {
    const [a, b] = (await swarms.mesh(2)) as [Swarm, Swarm]
    b.network.subscribe('offers', () => {
      throw new Error('a bug of ours')
    })
    await eventually(async () => {
      await a.network.publish('offers', Uint8Array.of(b.counts.gossip.ignored))
      return b.counts.gossip.ignored >= 2
    })
    assert.equal(b.counts.gossip.accepted + b.counts.gossip.rejected, 0)
    assert.ok(swarms.warnings.includes('gossip handler failed'))
  })

  it('ignores a message of its own that somebody plays back later', async () => {
    const a = await swarms.start()
    let judged = 0
    a.network.subscribe('offers', () => {
      judged++
      return ACCEPT
    })
    // What gossipsub asks once its filter of duplicates has forgotten the message, two minutes later.
    const validate = a.libp2p.services.pubsub.topicValidators.get(topicName('test', 'offers'))
    const { publicKey } = a.libp2p.peerId
    const message = {
      type: 'signed',
      topic: topicName('test', 'offers'),
      data: new Uint8Array(1),
      from: a.libp2p.peerId,
      sequenceNumber: 1n,
      signature: new Uint8Array(64),
      key: publicKey!
    } as const
    assert.equal(await validate!(a.libp2p.peerId, message), 'ignore')
    assert.equal(judged, 0)
  })

  it('counts a message that nobody heard, and fails none', async () => {
    const a = await swarms.start()
    assert.equal(await a.network.publish('offers', new Uint8Array(1)), 0)
    assert.deepEqual(
      { ...a.counts.gossip },
      { published: 1, unheard: 1, accepted: 0, ignored: 0, rejected: 0 }
    )
    await a.stop()
    assert.equal(await a.network.publish('offers', new Uint8Array(1)), 0)
  })

  it('publishes nothing above the limit of its topic', async () => {
    const a = await swarms.start()
    for (const [topic, sizeBytesMax] of [
      ['offers', MESSAGE_SIZE_BYTES_MAX.offer],
      ['jobs', MESSAGE_SIZE_BYTES_MAX.notice],
      ['ledger', MESSAGE_SIZE_BYTES_MAX.entry]
    ] as const) {
      await a.network.publish(topic, new Uint8Array(sizeBytesMax))
      await assert.rejects(
        a.network.publish(topic, new Uint8Array(sizeBytesMax + 1)),
        (error: RayswarmError) => {
          assert.equal(error.code, 'ERR_OVERSIZED')
          assert.ok(error.remedy?.includes(`${sizeBytesMax}`))
          return true
        }
      )
    }
  })

  it('takes subscriptions before the start', async () => {
    const a = await swarms.start()
    const b = await swarms.create({ bootstrap: a.network.addresses() })
    let heard = 0
    b.network.subscribe('offers', () => {
      heard++
      return ACCEPT
    })
    await b.start()
    await eventually(
      async () => (await a.network.publish('offers', new Uint8Array([heard]))) > 0 && heard > 0
    )
  })

  it('keeps networks of other names apart, although connected', async () => {
    const a = await swarms.start()
    const b = await swarms.start({ netId: 'another', bootstrap: a.network.addresses() })
    b.network.subscribe('offers', () => ACCEPT)
    b.network.serve('market', async bytes => bytes)
    await eventually(() => a.network.peers().length === 1)
    await sleep(300)
    assert.equal(await a.network.publish('offers', new Uint8Array(1)), 0)
    await assert.rejects(
      a.network.request(b.network.peerId, 'market', new Uint8Array(1), { timeoutMs: 2_000 }),
      {
        code: 'ERR_REMOTE'
      }
    )
  })
})
