import assert from 'node:assert/strict'
import { RECON_FRAME_SIZE_BYTES_MAX } from '@rayswarm/params'
import { toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import { answer, IdSet, open, proceed } from '../src/index.ts'
import { exchange, idOf, idsOf, texts } from './exchanges.ts'

const CUT = Uint8Array.of(0x9d, 0x31)

/** How two sets overlap. */
interface Overlap {
  readonly common: number
  readonly onlyOurs: number
  readonly onlyTheirs: number
  /** Ids that begin alike make bounds long. */
  readonly alike: boolean
  readonly cut: Uint8Array
}

const overlap: fc.Arbitrary<Overlap> = fc.record({
  common: fc.nat(600),
  onlyOurs: fc.oneof(fc.nat(8), fc.nat(300)),
  onlyTheirs: fc.oneof(fc.nat(8), fc.nat(300)),
  alike: fc.boolean(),
  cut: fc.uint8Array({ maxLength: 4 })
})

function setsOf({ common, onlyOurs, onlyTheirs, alike }: Overlap) {
  const ids = idsOf(0, common + onlyOurs + onlyTheirs)
  if (alike) for (const id of ids) id.fill(0xab, 0, 29)
  const distinct = [...new Map(ids.map(id => [toHex(id), id])).values()]
  const both = distinct.slice(0, common)
  const onlyOfOurs = distinct.slice(common, common + onlyOurs)
  const onlyOfTheirs = distinct.slice(common + onlyOurs)
  return {
    ours: new IdSet([...both, ...onlyOfOurs]),
    theirs: new IdSet([...both, ...onlyOfTheirs]),
    onlyOurs: texts(onlyOfOurs),
    onlyTheirs: texts(onlyOfTheirs)
  }
}

describe('an exchange', () => {
  it('finds exactly what differs between any two sets', () => {
    fc.assert(
      fc.property(
        overlap,
        fc.constantFrom(4_096, 9_000, RECON_FRAME_SIZE_BYTES_MAX),
        (sets, sizeBytesMax) => {
          const { ours, theirs, onlyOurs, onlyTheirs } = setsOf(sets)
          const { have, want, frameSizeBytesMax } = exchange(ours, theirs, { sizeBytesMax, cut: sets.cut })
          assert.deepEqual(texts(have), onlyOurs)
          assert.deepEqual(texts(want), onlyTheirs)
          assert.ok(frameSizeBytesMax <= sizeBytesMax, `frame of ${frameSizeBytesMax} bytes`)
        }
      )
    )
  })

  it('ends with equal sets when items move between the rounds', () => {
    fc.assert(
      fc.property(overlap, sets => {
        const { ours, theirs } = setsOf(sets)
        for (let frame: Uint8Array | undefined = open(ours); frame !== undefined; ) {
          const answered = answer(theirs, frame, { sizeBytesMax: 4_096 })
          assert.ok(answered.ok)
          const found = proceed(ours, answered.value, { sizeBytesMax: 4_096 })
          assert.ok(found.ok)
          for (const id of found.value.have) theirs.add(id)
          for (const id of found.value.want) ours.add(id)
          frame = found.value.frame
        }
        assert.deepEqual(texts(ours), texts(theirs))
      }),
      { numRuns: 30 }
    )
  })

  it('means the same however often and in what order frames come', () => {
    fc.assert(
      fc.property(overlap, fc.array(fc.nat(99), { maxLength: 30 }), (sets, order) => {
        const { ours, theirs, onlyOurs, onlyTheirs } = setsOf(sets)
        const frames: Uint8Array[] = []
        const answers: Uint8Array[] = []
        for (let frame: Uint8Array | undefined = open(ours, sets.cut); frame !== undefined; ) {
          const answered = answer(theirs, frame)
          assert.ok(answered.ok)
          frames.push(frame)
          answers.push(answered.value)
          const found = proceed(ours, answered.value)
          assert.ok(found.ok)
          frame = found.value.frame
        }
        for (const index of order) {
          const at = index % frames.length
          assert.deepEqual(answer(theirs, frames[at]!), { ok: true, value: answers[at] })
        }
        // Late answers, out of order and twice, name no id that does not differ, and all of them name them all.
        const have = new Set<string>()
        const want = new Set<string>()
        for (const late of [...order.map(index => answers[index % answers.length]!), ...answers]) {
          const found = proceed(ours, late)
          assert.ok(found.ok)
          for (const id of found.value.have) have.add(toHex(id))
          for (const id of found.value.want) want.add(toHex(id))
        }
        assert.deepEqual([...have].sort(), onlyOurs)
        assert.deepEqual([...want].sort(), onlyTheirs)
      }),
      { numRuns: 30 }
    )
  })

  it('costs 39 bytes and one round when nothing differs', () => {
    for (const count of [0, 1, 20_000]) {
      const set = new IdSet(idsOf(0, count))
      const { sizeBytes, rounds } = exchange(set, new IdSet(set), { cut: CUT })
      assert.ok(sizeBytes <= 40, `${sizeBytes} bytes`)
      assert.equal(rounds, 1)
    }
  })

  it('takes at most 6 rounds and 100 KB for 200 of 20 000', () => {
    const ours = new IdSet(idsOf(0, 20_000))
    for (const theirs of [idsOf(200, 20_000), idsOf(100, 20_100)]) {
      const { rounds, sizeBytes, have, want } = exchange(ours, new IdSet(theirs), { cut: CUT })
      assert.equal(have.length + want.length, 200)
      assert.ok(rounds <= 6, `${rounds} rounds`)
      assert.ok(sizeBytes <= 100_000, `${sizeBytes} bytes`)
    }
  })

  it('takes rounds that grow with the logarithm of the sets', () => {
    for (const [count, roundsMax] of [
      [16, 2],
      [256, 3],
      [4_096, 3],
      [32_768, 4]
    ] as const) {
      const ids = idsOf(0, count)
      const { rounds } = exchange(new IdSet(ids), new IdSet(ids.slice(1)), { cut: CUT })
      assert.ok(rounds <= roundsMax, `${rounds} rounds for ${count}`)
    }
  })

  it('goes on frame by frame when everything differs', () => {
    const ours = new IdSet()
    const theirs = new IdSet(idsOf(0, 10_000))
    const pull = exchange(ours, theirs)
    assert.equal(pull.want.length, 10_000)
    assert.ok(pull.rounds <= 8, `${pull.rounds} rounds`)
    const push = exchange(theirs, ours)
    assert.equal(push.have.length, 10_000)
    assert.ok(push.rounds <= 8, `${push.rounds} rounds`)
  })

  it('sees through sums that agree by design, unless they agree on both sides of the cut', () => {
    // Equal numbers of ids with equal sums: the fingerprints of the whole sets are equal.
    const at = (first: number): Uint8Array => {
      const id = new Uint8Array(32)
      id[0] = first
      return id
    }
    const ours = new IdSet([at(1), at(4), ...idsOf(0, 40)])
    const theirs = new IdSet([at(2), at(3), ...idsOf(0, 40)])
    assert.equal(exchange(ours, theirs).have.length, 0)
    assert.equal(exchange(ours, theirs, { cut: Uint8Array.of(3) }).have.length, 2)
  })

  it('believes no claim about ids it can check', () => {
    const ours = new IdSet(idsOf(0, 50))
    const theirs = new IdSet(idsOf(0, 60))
    const listing = new IdSet(idsOf(100, 101))
    // An answer to another set: it says that we have id 100 and lack ids 0 to 59.
    const asked = open(new IdSet())
    const first = answer(listing, asked)
    assert.ok(first.ok)
    const second = proceed(theirs, first.value)
    assert.ok(second.ok)
    const found = proceed(ours, first.value)
    assert.ok(found.ok)
    assert.deepEqual(texts(found.value.want), texts([idOf(100)]))
    assert.equal(found.value.have.length, 50)
  })

  it('has frames of a size between two bounds', () => {
    for (const sizeBytesMax of [0, 4_095, RECON_FRAME_SIZE_BYTES_MAX + 1, Number.NaN])
      assert.throws(() => answer(new IdSet(), open(new IdSet()), { sizeBytesMax }), RangeError)
  })
})
