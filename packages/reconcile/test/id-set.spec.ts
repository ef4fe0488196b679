import assert from 'node:assert/strict'
import { sha256, toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import { IdSet } from '../src/index.ts'
import { idOf, idsOf, texts } from './exchanges.ts'

/** Ids near each other and near the ends of the space, where carries and separators go wrong. */
const nearId = fc
  .tuple(
    fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    fc.constantFrom(0, 1, 0xff),
    fc.constantFrom(0, 0xff),
    fc.nat(3)
  )
  .map(([first, second, middle, last]) => {
    const id = new Uint8Array(32).fill(middle)
    id[0] = first
    id[1] = second
    id[31] = last
    return id
  })

function fingerprintOf(ids: readonly Uint8Array[]): Uint8Array {
  const sum = ids.reduce((total, id) => total + BigInt(toHex(id)), 0n) % 2n ** 256n
  const text = sum.toString(16).padStart(64, '0') + ids.length.toString(16).padStart(16, '0')
  return sha256(Buffer.from(text, 'hex')).slice(0, 16)
}

function assertEquals(set: IdSet, model: ReadonlyMap<string, Uint8Array>): void {
  const keys = [...model.keys()].sort()
  const ids = keys.map(key => model.get(key)!)
  assert.equal(set.size, ids.length)
  assert.deepEqual(Array.from(set, toHex), keys)
  assert.deepEqual(set.slice(0, set.size).map(toHex), keys)
  for (const [rank, id] of ids.entries()) {
    assert.equal(set.rankOf(id), rank)
    assert.equal(toHex(set.at(rank)), keys[rank])
  }
  for (const from of [0, Math.floor(ids.length / 3), ids.length])
    for (const to of [from, Math.floor((from + ids.length) / 2), ids.length])
      assert.deepEqual(set.fingerprint(from, to), fingerprintOf(ids.slice(from, to)), `${from} to ${to}`)
}

describe('IdSet', () => {
  it('is an ordered set, whatever was added and deleted in what order', () => {
    const id = fc.oneof(nearId, fc.nat(400).map(idOf))
    const step = fc.record({ deleted: fc.boolean(), ids: fc.array(id, { maxLength: 200 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), steps => {
        const set = new IdSet()
        const model = new Map<string, Uint8Array>()
        for (const { deleted, ids } of steps) {
          for (const id of ids) {
            const known = model.has(toHex(id))
            assert.equal(set.has(id), known)
            if (deleted) {
              assert.equal(set.delete(id), known)
              model.delete(toHex(id))
            } else {
              assert.equal(set.add(id), !known)
              model.set(toHex(id), id)
            }
          }
          assertEquals(set, model)
        }
      }),
      { numRuns: 40 }
    )
  })

  it('grows level by level and shrinks to nothing', () => {
    const ids = idsOf(0, 6_000)
    const set = new IdSet(ids)
    assertEquals(set, new Map(ids.map(id => [toHex(id), id])))
    // From below, so that whole branches go; and back again, into the branches that are left.
    const ascending = [...set]
    for (const id of ascending.slice(0, 4_000)) assert.ok(set.delete(id))
    for (const id of ascending.slice(0, 3_000)) assert.ok(set.add(id))
    const left = [...ascending.slice(0, 3_000), ...ascending.slice(4_000)]
    assertEquals(set, new Map(left.map(id => [toHex(id), id])))
    for (const id of left) assert.ok(set.delete(id))
    assertEquals(set, new Map())
  })

  it('has one fingerprint per set of ids, whatever the order', () => {
    const ids = idsOf(0, 500)
    const [a, b] = [new IdSet(ids), new IdSet([...ids].reverse())]
    assert.deepEqual(a.fingerprint(0, 500), b.fingerprint(0, 500))
    assert.deepEqual(texts(a), texts(b))
    b.delete(ids[7]!)
    assert.notDeepEqual(a.fingerprint(0, 500), b.fingerprint(0, 499))
  })

  it('remembers no sum of ids that are not the same any more', () => {
    const ids = idsOf(0, 300)
    const set = new IdSet(ids.slice(0, 299))
    const before = set.fingerprint(0, 100)
    const first = set.at(0)
    set.delete(first)
    set.add(ids[299]!)
    const after = set.fingerprint(0, 100)
    assert.notDeepEqual(after, before)
    assert.deepEqual(after, fingerprintOf(set.slice(0, 100)))
    set.add(first)
    set.delete(ids[299]!)
    assert.deepEqual(set.fingerprint(0, 100), before)
  })

  it('tells sets of equal sums by their numbers', () => {
    const zero = new Uint8Array(32)
    assert.notDeepEqual(new IdSet().fingerprint(0, 0), new IdSet([zero]).fingerprint(0, 1))
  })

  it('refuses what is no id', () => {
    for (const length of [0, 31, 33]) assert.throws(() => new IdSet().add(new Uint8Array(length)), RangeError)
    assert.throws(() => new IdSet(idsOf(0, 2)).at(2), RangeError)
  })
})
