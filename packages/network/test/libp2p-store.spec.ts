import assert from 'node:assert/strict'
import { KNOWN_PEERS_MAX, Libp2pStore } from '../src/libp2p-store.ts'
import { RecordStore } from '../src/record-store.ts'
import { Swarms } from './swarms.ts'

type Key = Parameters<Libp2pStore['get']>[0]

const key = (name: string): Key => ({ toString: () => name }) as Key

describe('Libp2pStore', () => {
  const swarms = new Swarms()
  let records: RecordStore
  let store: Libp2pStore

  beforeEach(async () => {
    records = await RecordStore.openAt(await swarms.dir())
    store = new Libp2pStore(records)
  })
  afterEach(async () => {
    await records.close()
    await swarms.close()
  })

  it('keeps peers apart from the rest, and answers for both', async () => {
    await store.put(key('/peers/a'), Uint8Array.of(1))
    await store.put(key('/dht/provider/b'), Uint8Array.of(2))
    assert.deepEqual([...(await store.get(key('/peers/a')))], [1])
    assert.deepEqual([...(await store.get(key('/dht/provider/b')))], [2])
    assert.equal(await records.has(key('/peers/a')), false)
    assert.equal(await records.has(key('/dht/provider/b')), true)
    await store.delete(key('/peers/a'))
    await store.delete(key('/dht/provider/b'))
    assert.equal(await store.has(key('/peers/a')), false)
    assert.equal(await store.has(key('/dht/provider/b')), false)
    await assert.rejects(store.get(key('/peers/a')), { name: 'NotFoundError' })
    await assert.rejects(store.get(key('/dht/provider/b')), { name: 'NotFoundError' })
  })

  it('keeps a bounded number of peers, those written last', async () => {
    for (let index = 0; index < KNOWN_PEERS_MAX; index++)
      await store.put(key(`/peers/${index}`), Uint8Array.of(0))
    await store.put(key('/peers/0'), Uint8Array.of(1))
    for (let index = 0; index < 3; index++) await store.put(key(`/peers/new-${index}`), Uint8Array.of(2))
    assert.equal(await store.has(key('/peers/0')), true)
    for (const gone of [1, 2, 3]) assert.equal(await store.has(key(`/peers/${gone}`)), false)
    assert.equal(await store.has(key('/peers/4')), true)
  })

  it('lists what is asked for', async () => {
    await store.put(key('/peers/a'), Uint8Array.of(1))
    await store.put(key('/dht/provider/b'), Uint8Array.of(2))
    for (const [prefix, expected] of [
      ['/peers', [1]],
      ['/peers/', [1]],
      ['/dht', [2]]
    ] as const) {
      const found: number[] = []
      for await (const { value } of store.query({ prefix })) found.push(value[0]!)
      assert.deepEqual(found, expected, prefix)
      let keys = 0
      for await (const _ of store.queryKeys({ prefix })) keys++
      assert.equal(keys, 1, prefix)
    }
  })
})
