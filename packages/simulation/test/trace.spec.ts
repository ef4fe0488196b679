import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Trace, type TraceKind, type TraceRecord, VirtualClock } from '../src/index.ts'

type Step = readonly [kind: TraceKind, who: string, about: string, to: string, bytes: Uint8Array]

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom<TraceKind>('send', 'drop', 'write'),
  fc.constantFrom('alice', 'bob'),
  fc.constantFrom('lease', 'market'),
  fc.constantFrom('carol', 'dan'),
  fc.uint8Array({ minLength: 4, maxLength: 12 })
)

function hashOf(steps: readonly Step[]): string {
  const trace = new Trace({ nowMs: () => 5 })
  for (const args of steps) trace.add(...args)
  return trace.hash()
}

describe('Trace', () => {
  it('has equal hashes for equal histories only', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.array(step, { maxLength: 8 }), (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b)
        assert.equal(hashOf(a) === hashOf(b), same)
        assert.equal(hashOf(a), hashOf([...a]))
      })
    )
  })

  it('notices another time, another length, another order, another last byte', async () => {
    const clock = new VirtualClock()
    const hashes = new Set<string>()
    const add = (atMs: number, ...items: readonly number[][]): void => {
      const trace = new Trace({ nowMs: () => atMs })
      for (const item of items) trace.add('send', 'a', 'lease', 'b', Uint8Array.from(item))
      hashes.add(trace.hash())
    }
    add(clock.nowMs(), [1, 2, 3, 4, 5])
    add(0.5, [1, 2, 3, 4, 5])
    add(0, [1, 2, 3, 4, 6])
    add(0, [1, 2, 3, 4, 5, 5])
    add(0, [1, 2, 3, 4, 5], [9, 9, 9, 9, 9])
    add(0, [9, 9, 9, 9, 9], [1, 2, 3, 4, 5])
    assert.equal(hashes.size, 6)
  })

  it('tells a listener everything', () => {
    const records: TraceRecord[] = []
    const trace = new Trace({ nowMs: () => 7, onRecord: record => records.push(record) })
    trace.add('crash', 'alice', 'the machine')
    trace.add('send', 'bob', 'lease', 'alice', Uint8Array.of(1))
    assert.deepEqual(records, [
      { atMs: 7, kind: 'crash', who: 'alice', about: 'the machine' },
      { atMs: 7, kind: 'send', who: 'bob', about: 'lease', to: 'alice', bytes: Uint8Array.of(1) }
    ])
    assert.equal(trace.count, 2)
  })
})
