import assert from 'node:assert/strict'
import { Record } from '@libp2p/kad-dht'
import type { RecordValidator } from '@rayswarm/interface'
import { RECORD_SIZE_BYTES_MAX } from '@rayswarm/params'
import type { Swarm } from '../src/index.ts'
import { RecordStore } from '../src/index.ts'
import { eventually, Swarms } from './swarms.ts'

const OPTIONS = { timeoutMs: 3_000 }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A record's value begins with what its key says; jobs called `unknown…` are not known. */
const validateRecord: RecordValidator = (key, value) => {
  const name = key.split('/').at(-1) ?? ''
  if (name.startsWith('unknown')) return { action: 'ignore', fault: 'unknown-job' }
  return new TextDecoder().decode(value).startsWith(name)
    ? { action: 'accept' }
    : { action: 'reject', fault: 'forged' }
}

/** The key of libp2p's datastore that kad-dht uses. */
function storeKey(key: string): Parameters<RecordStore['put']>[0] {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
  let bits = ''
  for (const byte of bytes(key)) bits += byte.toString(2).padStart(8, '0')
  const text = (bits.match(/.{1,5}/g) ?? [])
    .map(five => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('')
  return { toString: () => `/dht/record/${text}` } as Parameters<RecordStore['put']>[0]
}

describe('records', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  const open = async (count: number): Promise<Swarm[]> => {
    const first = await swarms.start({ validateRecord })
    const bootstrap = first.network.addresses()
    const rest = await Promise.all(
      Array.from({ length: count - 1 }, () => swarms.start({ validateRecord, bootstrap }))
    )
    const all = [first, ...rest]
    await eventually(() => all.every(swarm => swarm.network.peers().length > 0))
    await eventually(async () => {
      const probe = `/rayswarm/cert/probe-${Math.trunc(performance.now())}`
      await all[1]!.records.put(probe, bytes(probe.split('/').at(-1)!), OPTIONS)
      return all[1]!.counts.records.putAcks > 0
    })
    return all
  }

  it('are found by everybody after they were put by one', async () => {
    const [a, b, c] = await open(3)
    await a!.records.put('/rayswarm/cert/x', bytes('x marks it'), OPTIONS)
    for (const swarm of [a, b, c])
      assert.deepEqual(await swarm!.records.get('/rayswarm/cert/x', OPTIONS).then(text), 'x marks it')
  })

  it('are not found, without a failure, when nobody put them or nobody is there', async () => {
    const [a] = await open(2)
    assert.equal(await a!.records.get('/rayswarm/cert/none', OPTIONS), undefined)
    const alone = await swarms.start({ validateRecord })
    assert.equal(await alone.records.get('/rayswarm/cert/none', { timeoutMs: 300 }), undefined)
    await alone.records.put('/rayswarm/cert/x', bytes('x'), { timeoutMs: 300 })
    assert.equal(alone.counts.records.putUnstored, 1)
    assert.equal(await alone.records.get('/rayswarm/cert/x', { timeoutMs: 300 }).then(text), 'x')
  })

  it('are refused where they are made when they would not hold elsewhere', async () => {
    const [a] = await open(2)
    const refused = async (code: string, key: string, value: Uint8Array): Promise<void> => {
      await assert.rejects(a!.records.put(key, value, OPTIONS), { code })
    }
    await refused('ERR_USAGE', '/rayswarm/cert/x', bytes('forged'))
    await refused('ERR_USAGE', '/rayswarm/cert/unknown', bytes('unknown'))
    await refused('ERR_USAGE', '/other/x', bytes('x'))
    await refused('ERR_USAGE', `/rayswarm/${'x'.repeat(600)}`, bytes('x'))
    await refused('ERR_OVERSIZED', '/rayswarm/cert/x', new Uint8Array(RECORD_SIZE_BYTES_MAX + 1))
    await a!.records.put('/rayswarm/cert/x', bytes('x 1'), OPTIONS)
    await a!.records.put('/rayswarm/cert/x', bytes('x 1'), OPTIONS)
    await refused('ERR_USAGE', '/rayswarm/cert/x', bytes('x 2'))
  })

  it('are not stored for somebody whose validator is laxer, nor replaced by a later valid one', async () => {
    const [a, b] = await open(2)
    await a!.records.put('/rayswarm/cert/x', bytes('x first'), OPTIONS)
    // Only now, so that it holds nothing of x itself.
    const lax = await swarms.start({ bootstrap: a!.network.addresses() })
    await eventually(() => lax.network.peers().length >= 1)
    const acks = async (name: string, value: string): Promise<number> => {
      const before = lax.counts.records.putAcks
      await lax.records.put(`/rayswarm/cert/${name}`, bytes(value), OPTIONS)
      return lax.counts.records.putAcks - before
    }
    await eventually(async () => (await acks('z', 'z'.padEnd(RECORD_SIZE_BYTES_MAX, 'z'))) > 0)
    assert.equal(await acks('x', 'x second'), 0)
    assert.equal(await acks('y', 'forged'), 0)
    assert.equal(await acks('unknown', 'unknown'), 0)
    await lax.stop()
    for (const swarm of [a, b]) {
      assert.equal(await swarm!.records.get('/rayswarm/cert/x', OPTIONS).then(text), 'x first')
      assert.equal(await swarm!.records.get('/rayswarm/cert/y', OPTIONS), undefined)
      assert.equal(await swarm!.records.get('/rayswarm/cert/unknown', OPTIONS), undefined)
      assert.equal((await swarm!.records.get('/rayswarm/cert/z', OPTIONS))?.byteLength, RECORD_SIZE_BYTES_MAX)
    }
  })

  it('of which a dishonest peer offers a forged one are still found', async () => {
    const [a, b, c] = await open(3)
    // c serves what it likes: its own store is written behind the validator's back.
    const key = '/rayswarm/cert/x'
    const forged = new Record(bytes(key), bytes('forged'), new Date()).serialize()
    const components = (c!.libp2p as unknown as { components: { datastore: RecordStore } }).components
    await components.datastore.put(storeKey(key), forged)
    await a!.records.put(key, bytes('x true'), OPTIONS)
    assert.equal(await b!.records.get(key, OPTIONS).then(text), 'x true')
    assert.notEqual(await c!.records.get(key, OPTIONS).then(text), 'forged')
  })

  it('end with the time allowed when a peer that should answer is frozen', async () => {
    const [a, b] = await open(2)
    const name = '/rayswarm/test/kad/1.0.0'
    await b!.libp2p.unhandle(name)
    await b!.libp2p.handle(name, () => {})
    const startMs = performance.now()
    assert.equal(await a!.records.get('/rayswarm/cert/none', { timeoutMs: 400 }), undefined)
    await a!.records.put('/rayswarm/cert/x', bytes('x'), { timeoutMs: 400 })
    // Ten times the allowance: a bound against a hang, not a promise about speed.
    assert.ok(performance.now() - startMs < 8_000)
  })
})

describe('RecordStore', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  it('keeps exactly one of many values written at once, and says so to the others', async () => {
    const store = await RecordStore.openAt(await swarms.dir())
    try {
      const key = '/rayswarm/cert/x'
      const writes = Array.from({ length: 50 }, (_, index) =>
        store.put(
          storeKey(key),
          new Record(bytes(key), bytes(`value ${index % 10}`), new Date(index)).serialize()
        )
      )
      const outcomes = await Promise.allSettled(writes)
      const held = text(await store.heldValue(bytes(key)))
      for (const [index, outcome] of outcomes.entries())
        assert.equal(
          outcome.status,
          `value ${index % 10}` === held ? 'fulfilled' : 'rejected',
          `write ${index}`
        )
      assert.equal(await store.holdsOther(bytes(key), bytes('another')), true)
      assert.equal(await store.holdsOther(bytes(key), bytes(held!)), false)
    } finally {
      await store.close()
    }
  })

  it('is still written once after a restart, and drops what is too old', async () => {
    const dir = await swarms.dir()
    const key = '/rayswarm/cert/x'
    const old = '/rayswarm/cert/old'
    const record = (key: string, value: string, at: Date): Uint8Array =>
      new Record(bytes(key), bytes(value), at).serialize()
    const first = await RecordStore.openAt(dir)
    await first.put(storeKey(key), record(key, 'one', new Date()))
    await first.put(storeKey(old), record(old, 'one', new Date(Date.now() - 49 * 3_600_000)))
    await first.close()
    const second = await RecordStore.openAt(dir)
    try {
      await assert.rejects(second.put(storeKey(key), record(key, 'two', new Date())))
      assert.equal(text(await second.heldValue(bytes(key))), 'one')
      await second.put(storeKey(old), record(old, 'two', new Date()))
    } finally {
      await second.close()
    }
  })

  it('belongs to one process at a time', async () => {
    const dir = await swarms.dir()
    const store = await RecordStore.openAt(dir)
    await assert.rejects(RecordStore.openAt(dir), { code: 'ERR_STORE_LOCKED', value: dir })
    await store.close()
    await (await RecordStore.openAt(dir)).close()
  })

  it('keeps quiet when libp2p writes after the end', async () => {
    const store = await RecordStore.openAt(await swarms.dir())
    await store.close()
    const key = storeKey('/rayswarm/cert/x')
    await store.put(key, new Uint8Array(1))
    await assert.rejects(store.get(key), { name: 'NotFoundError' })
  })
})

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes)
}
