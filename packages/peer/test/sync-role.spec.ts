import assert from 'node:assert/strict'
import type { Store } from '@rayswarm/interface'
import { params, RECON_FRAME_SIZE_BYTES_MAX } from '@rayswarm/params'
import { entryIdOf } from '@rayswarm/reputation'
import { FAIR_WEATHER, MemoryStore, type Weather } from '@rayswarm/simulation'
import { canonical, encodeMessage, message, toHex } from '@rayswarm/wire'
import { SyncRole } from '../src/sync-role.ts'
import { firstEntry, offerOf, type Roles, SyncWorld, TextSet, verdict } from './sync-hosts.ts'

const ROUGH: Weather = { lossBps: 500, duplicateBps: 100, latencyMsMin: 1, latencyMsMax: 40 }
const OPTIONS = { timeoutMs: 1_000 }
const words = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `item ${from + i}`)
const sizes = ({ ledger, offers }: Roles) => [ledger.ledger.size, offers.open().length]

/** Two peers in fair weather, with a set each. */
async function pair(ours: string[], theirs: string[], weather = FAIR_WEATHER, seed = 1) {
  const world = new SyncWorld(2, weather, seed)
  await world.up()
  const [a, b] = world.hosts as [SyncWorld['hosts'][number], SyncWorld['hosts'][number]]
  const [left, right] = [new TextSet(ours), new TextSet(theirs)]
  a.roles.sync.register(left)
  b.roles.sync.register(right)
  const exchange = () => world.settled(a.roles.sync.exchange(b.peerId, left))
  return { world, a, b, left, right, exchange }
}

describe('SyncRole', () => {
  for (const seed of [1, 2, 3])
    it(`makes a host that was away complete within ten seconds, seed ${seed}`, async () => {
      const world = new SyncWorld(8, ROUGH, seed)
      await world.up()
      const [away, ...others] = world.hosts
      await world.clock.advance(1_000)
      await away!.roles.ledger.append(verdict(away!.peerId, 0))
      await world.clock.advance(1_000)
      await away!.down()
      for (let i = 0; i < 100; i++) {
        for (const { roles, peerId } of others.slice(0, 5)) await roles.ledger.append(verdict(peerId, i))
        if (i % 5 === 0) {
          const { roles, context } = others[i % others.length]!
          const offer = offerOf(context, i)
          roles.offers.add(offer)
          await roles.network.publish('offers', encodeMessage(offer))
        }
        await world.clock.advance(50)
      }
      await world.clock.advance(20_000)
      for (const { roles } of others) assert.deepEqual(sizes(roles), [501, 20])

      await away!.up()
      await world.clock.until(() => sizes(away!.roles).join() === '501,20', 10_000)
      assert.deepEqual(sizes(away!.roles), [501, 20])
      await world.down()
    })

  it('sends again what got lost', async () => {
    const lossy: Weather = { ...FAIR_WEATHER, lossBps: 1_000 }
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { world, exchange } = await pair(words(0, 30), words(20, 50), lossy, seed)
      const { end, receivedCount, sentCount } = await exchange()
      assert.deepEqual([end, receivedCount, sentCount], ['complete', 20, 20], `seed ${seed}`)
      await world.down()
    }
  })

  it('turns to another neighbour when one is of no use', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const world = new SyncWorld(4, FAIR_WEATHER, seed)
      const [fresh, sound, ...broken] = world.hosts
      await sound!.up()
      for (const host of broken) {
        await host.up()
        host.roles.network.serve('sync', () => Promise.reject(new RangeError('broken')))
      }
      await sound!.roles.ledger.append(verdict(sound!.peerId, 0))
      // They go on to answer, but begin no exchange of their own.
      for (const host of [sound!, ...broken]) await host.roles.sync.stop()
      await world.clock.advance(1_000)
      await fresh!.up()
      await world.clock.advance(params.minimal.syncIntervalMs / 2)
      assert.equal(fresh!.roles.ledger.ledger.size, 1, `seed ${seed}`)
      await world.down()
    }
  })

  it('is the same for equal seeds', async () => {
    const counts: number[] = []
    for (const seed of [7, 7, 8]) {
      const world = new SyncWorld(6, ROUGH, seed)
      await world.up()
      for (const { roles, peerId } of world.hosts) await roles.ledger.append(verdict(peerId, 0))
      await world.clock.advance(30_000)
      counts.push(world.network.messageCount)
      await world.down()
    }
    assert.equal(counts[0], counts[1])
    assert.notEqual(counts[1], counts[2])
  })

  it('tells how many items came and went, and leaves both sides with all of them', async () => {
    const { world, left, right, exchange } = await pair(words(0, 300), words(100, 450))
    assert.deepEqual(await exchange(), { end: 'complete', receivedCount: 150, sentCount: 100, roundCount: 3 })
    assert.deepEqual([...left.ids].map(toHex), [...right.ids].map(toHex))
    assert.equal(left.ids.size, 450)
    assert.deepEqual(await exchange(), { end: 'complete', receivedCount: 0, sentCount: 0, roundCount: 1 })
    await world.down()
  })

  it('hands items over in the order of their ids, in pages', async () => {
    const { world, left, right, exchange } = await pair([], words(0, 1_000))
    const messageCount = world.network.messageCount
    assert.equal((await exchange()).receivedCount, 1_000)
    const inOrder = [...right.ids].map(id => new TextDecoder().decode(right.read(id)))
    assert.deepEqual(left.taken, inOrder)
    assert.ok(world.network.messageCount - messageCount < 40)
    await world.down()
  })

  it('moves items of any size that fit into a message, and leaves out others', async () => {
    const big = ['a', 'b', 'c'].map(letter => letter.repeat(50_000))
    const { world, left, right, exchange } = await pair([big[0]!, 'x'.repeat(70_000)], [big[1]!, big[2]!])
    assert.deepEqual(await exchange(), { end: 'complete', receivedCount: 2, sentCount: 1, roundCount: 1 })
    assert.deepEqual([left.ids.size, right.ids.size], [4, 3])
    await world.down()
  })

  it('says that the other keeps no such set', async () => {
    const world = new SyncWorld(2, FAIR_WEATHER)
    await world.up()
    const [a, b] = world.hosts
    const set = new TextSet(words(0, 3))
    const outcome = await world.settled(a!.roles.sync.exchange(b!.peerId, set))
    assert.deepEqual(outcome, { end: 'unknown', receivedCount: 0, sentCount: 0, roundCount: 1 })
    const unregister = b!.roles.sync.register(new TextSet([]))
    assert.equal((await world.settled(a!.roles.sync.exchange(b!.peerId, set))).end, 'complete')
    assert.throws(() => b!.roles.sync.register(new TextSet([])), RangeError)
    unregister()
    assert.equal((await world.settled(a!.roles.sync.exchange(b!.peerId, set))).end, 'unknown')
    await world.down()
  })

  it('fails when the other is away, stops halfway or answers nonsense', async () => {
    const { world, a, b, left, exchange } = await pair(words(0, 40), words(20, 60))
    const answers: [string, Uint8Array][] = [
      ['noise', Uint8Array.of(1, 2, 3)],
      ['another type', encodeMessage(message('items-page', { items: [] }))],
      [
        'no frame of ours',
        encodeMessage(message('recon-reply', { frame: Uint8Array.of(0xff), unknown: false }))
      ],
      [
        'an oversized frame',
        encodeMessage(
          message('recon-reply', { frame: new Uint8Array(RECON_FRAME_SIZE_BYTES_MAX + 1), unknown: false })
        )
      ]
    ]
    for (const [what, bytes] of answers) {
      b.roles.network.serve('sync', async () => bytes)
      assert.equal((await exchange()).end, 'failed', what)
    }
    // Claims to have one more id for each frame, for ever.
    let count = 0
    b.roles.network.serve('sync', async bytes => {
      const id = new Uint8Array(32).fill(++count % 256)
      const frame = canonical([id, Uint8Array.of(0xff), new Uint8Array(16)])
      if (bytes.length > 200) return encodeMessage(message('items-page', { items: [] }))
      return encodeMessage(message('recon-reply', { frame, unknown: false }))
    })
    const endless = await exchange()
    assert.deepEqual([endless.end, endless.receivedCount], ['failed', 0])
    assert.ok(endless.roundCount <= 64)

    await b.down()
    assert.equal((await world.settled(a.roles.sync.exchange(b.peerId, left))).end, 'failed')
    assert.equal(left.ids.size, 40)
    await world.down()
  })

  it('ends with whom hands over something provably wrong', async () => {
    for (const [ours, theirs] of [
      [[], ['wrong 1', 'wrong 2']],
      [['wrong 1', 'wrong 2'], []]
    ] as const) {
      const { world, left, right, exchange } = await pair([...ours], [...theirs])
      assert.equal((await exchange()).end, 'failed')
      assert.equal(left.taken.length + right.taken.length, 1)
      await world.down()
    }
  })

  it('goes on where it stopped when there is more than one exchange may move', async () => {
    const { world, a, b, left, right } = await pair([], [])
    const bounded = new SyncRole(a.roles.sync.components, 2_000)
    for (const item of words(0, 4_000)) left.add(new TextEncoder().encode(item))
    for (const item of words(4_000, 8_000)) right.add(new TextEncoder().encode(item))
    const ends: string[] = []
    for (let count = 0; count < 10 && ends.at(-1) !== 'complete'; count++) {
      const { end, receivedCount, sentCount } = await world.settled(bounded.exchange(b.peerId, left))
      assert.ok(receivedCount + sentCount <= 8_000)
      ends.push(end)
    }
    assert.ok(ends.length >= 2, String(ends))
    assert.deepEqual([left.ids.size, right.ids.size], [8_000, 8_000])
    await bounded.stop()
    await world.down()
  })

  it('closes the stream on frames and queries it cannot read', async () => {
    const { world, a, b } = await pair(words(0, 3), words(0, 3))
    const { job } = new TextSet([])
    const requests = [
      Uint8Array.of(0),
      encodeMessage(message('notice-ack', {})),
      encodeMessage(message('recon', { set: 'job', job, frame: Uint8Array.of(0xf6) })),
      encodeMessage(
        message('recon', { set: 'job', job, frame: new Uint8Array(RECON_FRAME_SIZE_BYTES_MAX + 1) })
      )
    ]
    for (const request of requests)
      await assert.rejects(world.settled(a.roles.network.request(b.peerId, 'sync', request, OPTIONS)), {
        code: 'ERR_REMOTE'
      })
    await world.down()
  })
})

describe('the ledger in an exchange', () => {
  it('shows nobody an entry of ours that is not durable', async () => {
    const world = new SyncWorld(2, FAIR_WEATHER)
    const [writer, reader] = world.hosts
    let write: (() => void) | undefined
    let stuck = false
    const disk = new MemoryStore()
    const slow: Store = {
      get: key => disk.get(key),
      delete: key => disk.delete(key),
      list: prefix => disk.list(prefix),
      put: (key, value) =>
        new Promise(resolve => {
          const now = (): void => resolve(disk.put(key, value))
          if (stuck) write = now
          else now()
        })
    }
    await writer!.up(slow)
    await reader!.up()
    await world.settled(writer!.roles.ledger.append(verdict(writer!.peerId, 0)))
    stuck = true
    const appended = writer!.roles.ledger.append(verdict(writer!.peerId, 1))
    await world.clock.advance(20_000)
    assert.equal(writer!.roles.ledger.ledger.size, 2)
    assert.equal(writer!.roles.ledger.set.ids.size, 1)
    assert.equal(reader!.roles.ledger.ledger.size, 1)
    // Not even to one who guesses its id.
    const entry = writer!.roles.ledger.ledger.at(writer!.peerId, 2)!
    const query = encodeMessage(message('items-query', { set: 'ledger', ids: [entryIdOf(entry)], items: [] }))
    const ask = () => world.settled(reader!.roles.network.request(writer!.peerId, 'sync', query, OPTIONS))
    const none = encodeMessage(message('items-page', { items: [new Uint8Array(0)] }))
    assert.deepEqual(await ask(), none)
    write?.()
    await world.settled(appended)
    assert.deepEqual(await ask(), encodeMessage(message('items-page', { items: [encodeMessage(entry)] })))
    await world.clock.advance(10_000)
    assert.equal(reader!.roles.ledger.ledger.size, 2)
    await world.down()
  })

  it('spreads a fork to everybody, and keeps it over a restart', async () => {
    const world = new SyncWorld(3, FAIR_WEATHER)
    await world.up()
    const [liar, left, right] = world.hosts
    const [first, second] = [firstEntry(liar!.context, 1), firstEntry(liar!.context, 2)]
    await liar!.down()
    left!.roles.ledger.ledger.add(first)
    right!.roles.ledger.ledger.add(second)
    await world.clock.advance(10_000)
    for (const host of [left, right]) assert.ok(host!.roles.ledger.ledger.isFrozen(liar!.peerId))

    const exchange = () => world.settled(left!.roles.sync.exchange(right!.peerId, left!.roles.ledger.set))
    assert.deepEqual(await exchange(), { end: 'complete', receivedCount: 0, sentCount: 0, roundCount: 1 })
    await right!.down()
    await left!.down()
    await left!.up()
    assert.ok(left!.roles.ledger.ledger.isFrozen(liar!.peerId))
    assert.equal(left!.roles.ledger.ledger.size, 0)
    await world.down()
  })
})

describe('the offers in an exchange', () => {
  it('are one item per job, whichever copy of the offer a peer has', async () => {
    const world = new SyncWorld(2, FAIR_WEATHER)
    await world.up()
    const [a, b] = world.hosts
    const [before, after] = [
      offerOf(a!.context, 1),
      offerOf(a!.context, 1, { addresses: ['/ip4/127.0.0.1/tcp/9'] })
    ]
    a!.roles.offers.add(before)
    a!.roles.offers.add(after)
    b!.roles.offers.add(before)
    await world.clock.advance(20_000)
    assert.deepEqual(a!.roles.offers.open()[0]?.signed, after)
    assert.deepEqual(b!.roles.offers.open()[0]?.signed, before)
    // Who hands us an old copy does not make us forget the new one.
    const items = [encodeMessage(offerOf(a!.context, 1, { addresses: ['/ip4/127.0.0.1/tcp/8'] }))]
    const query = encodeMessage(message('items-query', { set: 'offers', ids: [], items }))
    await world.settled(b!.roles.network.request(a!.peerId, 'sync', query, OPTIONS))
    assert.deepEqual(a!.roles.offers.open()[0]?.signed, after)
    await world.down()
  })

  it('are not handed again and again to a peer that knows them to be closed', async () => {
    const world = new SyncWorld(2, FAIR_WEATHER)
    await world.up()
    const [a, b] = world.hosts
    const offer = offerOf(a!.context, 1)
    for (const { roles } of world.hosts) roles.offers.add(offer)
    const { job } = a!.roles.offers.open()[0]!
    b!.roles.offers.close(job)
    let moved = 0
    world.network.onRequest((protocol, bytes) => {
      if (protocol === 'sync' && Buffer.from(bytes).includes('items-query')) moved++
    })
    await world.clock.advance(12 * params.minimal.syncIntervalMs)
    assert.ok(moved >= 1 && moved <= 3, `${moved} times`)
    assert.deepEqual(b!.roles.offers.open(), [])
    await world.down()
  })

  it('leave the exchange at their deadline', async () => {
    const world = new SyncWorld(2, FAIR_WEATHER)
    const [a, b] = world.hosts
    await a!.up()
    a!.roles.offers.add(offerOf(a!.context, 1))
    assert.equal(a!.roles.offers.set.ids.size, 1)
    await world.clock.advance(600_000)
    assert.equal(a!.roles.offers.set.ids.size, 0)
    await b!.up()
    await world.clock.advance(10_000)
    assert.deepEqual(b!.roles.offers.open(), [])
    await world.down()
  })
})
