import assert from 'node:assert/strict'
import { RECON_FRAME_SIZE_BYTES_MAX } from '@rayswarm/params'
import { canonical } from '@rayswarm/wire'
import fc from 'fast-check'
import { answer, IdSet, open, proceed } from '../src/index.ts'
import { idOf, idsOf } from './exchanges.ts'

const fingerprint = new Uint8Array(16).fill(9)
const none = new Uint8Array(0)
const low = new Uint8Array(32).fill(1)
const high = new Uint8Array(32).fill(2)
const set = new IdSet(idsOf(0, 300))

function faultOf(items: unknown, read: typeof answer | typeof proceed = proceed): string | undefined {
  const decoded = read(set, canonical(items))
  return decoded.ok ? undefined : decoded.fault
}

function join(...ids: Uint8Array[]): Uint8Array {
  return Uint8Array.from(ids.flatMap(id => [...id]))
}

describe('a frame', () => {
  const sound: Record<string, unknown[]> = {
    'says nothing': [],
    'names one fingerprint': [fingerprint],
    'lists no id': [none],
    'lists ids in order': [join(low, high)],
    'lists an id at its low bound': [null, high.slice(0, 3), join(high)],
    'settles the end': [fingerprint, Uint8Array.of(7), null],
    'claims a difference': [[low, none]],
    'has bounds in order': [fingerprint, Uint8Array.of(7), fingerprint, Uint8Array.of(7, 1), fingerprint]
  }
  for (const [name, items] of Object.entries(sound))
    it(`is read when it ${name}`, () => assert.equal(faultOf(items), undefined))

  const unsound: Record<string, unknown> = {
    'is no list': { a: 1 },
    'is settled from end to end, and says so': [null],
    'settles two ranges in a row': [fingerprint, Uint8Array.of(7), null, Uint8Array.of(8), null],
    'ends with a bound': [fingerprint, Uint8Array.of(7)],
    'has a bound with a zero at its end': [fingerprint, Uint8Array.of(7, 0), null],
    'has an empty bound': [fingerprint, none, fingerprint],
    'has a bound that is too long': [fingerprint, new Uint8Array(33).fill(1), null],
    'has bounds out of order': [fingerprint, Uint8Array.of(8), fingerprint, Uint8Array.of(7), fingerprint],
    'has equal bounds': [fingerprint, Uint8Array.of(8), fingerprint, Uint8Array.of(8), fingerprint],
    'has a bound that is no bytes': [fingerprint, 'ab', fingerprint],
    'has a short fingerprint': [fingerprint.slice(1)],
    'has a claim that is text': ['ab'],
    'lists ids out of order': [join(high, low)],
    'lists an id twice': [join(low, low)],
    'lists an id below the range': [null, Uint8Array.of(2), join(low)],
    'lists an id at the high bound': [join(high), high, null],
    'claims a difference of one part': [[low]],
    'claims a difference of three parts': [[low, none, none]],
    'claims an empty difference': [[none, none]],
    'claims a difference out of order': [[none, join(high, low)]],
    'claims a difference beyond the range': [[none, join(low)], Uint8Array.of(1), null]
  }
  for (const [name, items] of Object.entries(unsound))
    it(`is malformed when it ${name}`, () => {
      assert.equal(faultOf(items), 'malformed')
      assert.equal(faultOf(items, answer), 'malformed')
    })

  it('may not claim a difference unless it answers', () => {
    assert.equal(faultOf([[low, none]], answer), 'malformed')
  })

  it('is oversized above the limit, whatever it holds', () => {
    const oversized = answer(set, new Uint8Array(RECON_FRAME_SIZE_BYTES_MAX + 1))
    assert.deepEqual([oversized.ok, !oversized.ok && oversized.fault], [false, 'oversized'])
  })

  it('is malformed with more ranges than any peer writes', () => {
    const ranges = (count: number): unknown[] => [
      ...Array.from({ length: count - 1 }, (_, i) => [none, Uint8Array.of(1 + (i >> 8), 1 + (i & 0xff))])
        .flat()
        .filter((_, i) => !((i >> 1) % 256 === 255)),
      none
    ]
    assert.equal(faultOf(ranges(4_000), answer), undefined)
    assert.equal(faultOf(ranges(4_300), answer), 'malformed')
  })

  it('is judged and never throws, whatever the bytes', () => {
    const sample = answer(new IdSet(idsOf(20, 420)), open(set, Uint8Array.of(77)))
    assert.ok(sample.ok)
    const mutated = fc
      .array(fc.tuple(fc.nat(sample.value.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 4 })
      .map(changes => {
        const bytes = sample.value.slice()
        for (const [at, byte] of changes) bytes[at] = byte
        return bytes
      })
    const item: fc.Arbitrary<unknown> = fc.oneof(
      fc.constant(null),
      fc.nat(5).map(n => idOf(n).slice(0, n * 4)),
      fc.constant(fingerprint),
      fc.array(fc.nat(3).map(idOf), { maxLength: 3 }),
      fc.string()
    )
    const listed = fc.array(item, { maxLength: 9 }).map(canonical)
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated, listed), bytes => {
        for (const judged of [answer(set, bytes), proceed(set, bytes)])
          if (!judged.ok) assert.ok(['malformed', 'oversized'].includes(judged.fault))
      }),
      { numRuns: 2_000 }
    )
  })
})
