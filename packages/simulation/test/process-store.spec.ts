import assert from 'node:assert/strict'
import { MemoryStore, ProcessStore, VirtualClock, type WriteFate } from '../src/index.ts'

const VALUE = Uint8Array.of(1)

/** Whether a promise was answered, after everything that can move has moved. */
async function answered(promise: Promise<unknown>): Promise<'done' | 'failed' | 'never'> {
  let state: 'done' | 'failed' | 'never' = 'never'
  promise.then(
    () => {
      state = 'done'
    },
    () => {
      state = 'failed'
    }
  )
  await new VirtualClock().advance(1)
  return state
}

describe('ProcessStore', () => {
  for (const [fate, answer, isKept, deaths] of [
    ['kept', 'done', true, 0],
    ['lost', 'never', false, 1],
    ['unseen', 'never', true, 1],
    ['refused', 'failed', false, 0]
  ] as const satisfies readonly (readonly [WriteFate, string, boolean, number])[])
    it(`whose write is ${fate}: the caller hears ${answer}, the disk ${isKept ? 'has' : 'lacks'} it`, async () => {
      const disk = new MemoryStore()
      let deathCount = 0
      const store = new ProcessStore(disk, {
        fate: () => fate,
        onDeath: () => {
          deathCount++
        }
      })
      assert.equal(await answered(store.put('key', VALUE)), answer)
      assert.equal((await disk.get('key')) !== undefined, isKept)
      assert.equal(deathCount, deaths)
    })

  it('says nothing to a process that is gone, and takes nothing from it', async () => {
    const disk = new MemoryStore()
    await disk.put('old', VALUE)
    const store = new ProcessStore(disk)
    store.stop()
    assert.equal(await answered(store.put('key', VALUE)), 'never')
    assert.equal(await answered(store.get('old')), 'never')
    assert.equal(await answered(store.delete('old')), 'never')
    assert.equal(await answered(store.list('')[Symbol.asyncIterator]().next()), 'never')
    assert.deepEqual([await disk.get('key'), await disk.get('old')], [undefined, VALUE])
  })

  it('that is slow keeps the order of writes, and loses those under way when the process dies', async () => {
    const clock = new VirtualClock()
    const disk = new MemoryStore()
    const latencies = [30, 10, 10]
    const written: string[] = []
    const store = new ProcessStore(disk, {
      slow: { clock, latencyMs: () => latencies.shift()! },
      onWrite: key => written.push(key)
    })
    for (const key of ['a', 'b', 'c']) void store.put(key, VALUE)
    await clock.advance(29)
    assert.deepEqual(written, [])
    await clock.advance(11)
    assert.deepEqual(written, ['a', 'b'])
    store.stop()
    await clock.advance(100)
    assert.deepEqual(written, ['a', 'b'])
    assert.equal(await disk.get('c'), undefined)
  })
})
