import assert from 'node:assert/strict'
import type { Offer, Registration, RegistrySnapshot } from '@rayswarm/interface'
import { STAKE_WEIGHT_MAX } from '@rayswarm/params'
import { canonical, sha256 } from '@rayswarm/wire'
import fc from 'fast-check'
import { EXPONENTIAL_ONE, exponentialOf, hashesOf } from '../src/chance.ts'
import { drawableCount, drawnSet, drawWitnesses, witnessRuleFor } from '../src/index.ts'
import { beacon, beaconOf, JOB, registration, snapshotOf } from './fixtures.ts'

const CREATOR = 'creator'
const peers = (count: number, over: (index: number) => Partial<Registration> = () => ({})) =>
  Array.from({ length: count }, (_, i) => registration(`peer ${String(i).padStart(3, '0')}`, over(i)))

/** All views, one after the other. */
function drawnViews(snapshot: RegistrySnapshot, witnessCount: number, round = 7): string[] | undefined {
  const init = { job: JOB, creator: CREATOR, witnessCount }
  return drawWitnesses(snapshot, beaconOf(round), init)?.map(({ peer }) => peer)
}

/** The first view. */
function drawn(snapshot: RegistrySnapshot, witnessCount: number, round = 7): string[] | undefined {
  return drawnViews(snapshot, witnessCount, round)?.slice(0, witnessCount)
}

const ROUND_COUNT = 900

/** Share of `ROUND_COUNT` draws in which `wanted` holds for the drawn peers. */
function share(
  snapshot: RegistrySnapshot,
  witnessCount: number,
  wanted: (drawn: readonly string[]) => number
): number {
  let sum = 0
  for (let round = 0; round < ROUND_COUNT; round++) sum += wanted(drawn(snapshot, witnessCount, round)!)
  return sum / ROUND_COUNT
}

const bytesOf = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

describe('exponentialOf', () => {
  const UINT64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const toNumber = (variate: bigint): number => Number(variate) / Number(EXPONENTIAL_ONE)

  it('is the negative logarithm of the hash as a fraction', () => {
    fc.assert(
      fc.property(UINT64, h => {
        const expected = -Math.log((Number(h) + 1) / 2 ** 64)
        const variate = toNumber(exponentialOf(bytesOf(h)))
        // Number(h) alone is off by 2^-53.
        assert.ok(Math.abs(variate - expected) <= 1e-13 * (1 + expected), `${h}: ${variate}, ${expected}`)
      })
    )
    assert.equal(exponentialOf(bytesOf(2n ** 64n - 1n)), 0n)
    assert.equal(exponentialOf(bytesOf(2n ** 63n - 1n)), 54_916_777_467_707_473_351_141_471_128n)
    assert.equal(exponentialOf(bytesOf(0n)), 64n * 54_916_777_467_707_473_351_141_471_128n)
  })

  it('falls strictly, also between neighbours and where the doubling changes', () => {
    const edges = Array.from({ length: 63 }, (_, i) => 2n ** BigInt(i + 1) - 1n)
    const at = fc.oneof(UINT64, fc.constantFrom(...edges)).filter(h => h < 2n ** 64n - 1n)
    fc.assert(
      fc.property(at, h => {
        const [lower, upper] = [exponentialOf(bytesOf(h + 1n)), exponentialOf(bytesOf(h))]
        assert.ok(upper - lower >= EXPONENTIAL_ONE / 2n ** 65n, `${h}`)
      }),
      { numRuns: 300 }
    )
  })

  it('hashes the canonical encoding of the whole list', () => {
    const fields = ['rayswarm draw', beacon.randomness, JOB]
    for (const peer of ['', 'a', 'x'.repeat(30), 'y'.repeat(300)])
      assert.deepEqual(hashesOf(fields)(peer), sha256(canonical([...fields, peer])))
  })
})

describe('drawWitnesses', () => {
  it('draws distinct registered peers, the same ones for everybody who asks', () => {
    const snapshot = snapshotOf(...peers(30))
    const first = drawn(snapshot, 7)!
    assert.equal(new Set(first).size, 7)
    assert.deepEqual(drawn({ ...snapshot, entries: [...snapshot.entries].reverse() }, 7), first)
    assert.notDeepEqual(drawn(snapshot, 7, 8), first)
    const other = drawWitnesses(snapshot, beaconOf(7), { job: 'other', creator: CREATOR, witnessCount: 7 })
    assert.notDeepEqual(
      other!.map(({ peer }) => peer),
      first
    )
  })

  it('draws as many full views as can be filled, at most four', () => {
    for (const [peerCount, count] of [
      [6, undefined],
      [7, 7],
      [13, 7],
      [14, 14],
      [27, 21],
      [28, 28],
      [60, 28]
    ] as const) {
      const all = drawnViews(snapshotOf(...peers(peerCount)), 7)
      assert.equal(all?.length, count, `${peerCount} peers`)
      assert.equal(new Set(all).size, count ?? 0)
    }
    const snapshot = snapshotOf(...peers(30))
    assert.deepEqual(drawnViews(snapshot, 7)!.slice(0, 14), drawn(snapshot, 14))
  })

  it('draws a smaller set as the head of a larger one', () => {
    const snapshot = snapshotOf(...peers(30))
    assert.deepEqual(drawn(snapshot, 13)!.slice(0, 7), drawn(snapshot, 7))
  })

  it('never draws the creator, its operator, or who staked nothing', () => {
    const snapshot = snapshotOf(
      registration(CREATOR, { operatorTag: 'mine', stake: 10n ** 12n }),
      registration('friend', { operatorTag: 'mine', stake: 10n ** 12n }),
      registration('poor', { stake: 0n }),
      ...peers(8)
    )
    for (let round = 0; round < 50; round++)
      assert.ok(drawn(snapshot, 7, round)!.every(peer => peer.startsWith('peer')))
    assert.equal(drawableCount(snapshot, CREATOR), 8)
    assert.equal(drawn(snapshot, 9), undefined)
  })

  it('takes an empty tag for no operator at all', () => {
    const snapshot = snapshotOf(registration(CREATOR), ...peers(7))
    assert.equal(drawn(snapshot, 7)?.length, 7)
    // The creator is no witness, tag or not.
    assert.equal(drawn(snapshot, 8), undefined)
    assert.equal(drawableCount(snapshot, CREATOR), 7)
  })

  it('draws at most one peer of each operator', () => {
    const snapshot = snapshotOf(...peers(40, i => ({ operatorTag: i < 30 ? `farm ${i % 2}` : '' })))
    for (let round = 0; round < 100; round++) {
      const farmed = drawn(snapshot, 7, round)!.filter(peer => Number(peer.slice(5)) < 30)
      assert.ok(farmed.length <= 2)
      assert.equal(new Set(farmed.map(peer => Number(peer.slice(5)) % 2)).size, farmed.length)
    }
    assert.equal(drawableCount(snapshot, CREATOR), 12)
    assert.equal(drawn(snapshot, 13), undefined)
  })

  it('is undefined for counts nobody could mean', () => {
    const snapshot = snapshotOf(...peers(40))
    for (const witnessCount of [0, -1, 1.5, 32, Number.NaN])
      assert.equal(drawn(snapshot, witnessCount), undefined)
    assert.equal(drawn(snapshotOf(), 1), undefined)
  })

  it('changes only the sets that a peer is in when that peer goes', () => {
    const all = peers(40)
    const someTagged = peers(40, i => ({ operatorTag: i % 4 === 0 ? 'farm' : '' }))
    for (const entries of [all, someTagged])
      for (let round = 0; round < 60; round++) {
        const gone = entries[round % entries.length]!
        const before = drawn(snapshotOf(...entries), 7, round)!
        const after = drawn(snapshotOf(...entries.filter(entry => entry !== gone)), 7, round)!
        if (!before.includes(gone.peer)) assert.deepEqual(after, before)
        // A peer of the same operator may take its place, at any rank; the others keep their order.
        else
          assert.deepEqual(
            after.filter(peer => before.includes(peer)),
            before.filter(peer => peer !== gone.peer)
          )
      }
  })

  it('draws by stake, up to the cap', function () {
    this.timeout(20_000)
    const snapshot = snapshotOf(
      ...peers(10, i => ({ stake: i === 0 ? 3_000n : 1_000n })) // 3 of 12 parts
    )
    const first = share(snapshot, 1, ([peer]) => Number(peer === 'peer 000'))
    // Three and a half standard deviations of 900 throws with p = 1/4.
    assert.ok(Math.abs(first - 0.25) < 0.05, `${first}`)

    const capped = snapshotOf(
      ...peers(4, i => ({ stake: i === 0 ? STAKE_WEIGHT_MAX * 1_000n : STAKE_WEIGHT_MAX }))
    )
    const whale = share(capped, 1, ([peer]) => Number(peer === 'peer 000'))
    assert.ok(Math.abs(whale - 0.25) < 0.05, `${whale}`)
  })

  it('gives who splits a stake over many peers nothing for it', function () {
    this.timeout(20_000)
    const others = peers(20)
    const whole = snapshotOf(...others, registration('sybil', { stake: 4_000_000n }))
    const parts = (operatorTag: string): RegistrySnapshot =>
      snapshotOf(
        ...others,
        ...Array.from({ length: 8 }, (_, i) => registration(`sybil ${i}`, { stake: 500_000n, operatorTag }))
      )
    const seats = (peers: readonly string[]): number => peers.filter(peer => peer.startsWith('sybil')).length

    // One operator: the same chance of one seat, and never two.
    const alone = share(whole, 7, seats)
    const tagged = share(parts('sybils'), 7, peers => {
      assert.ok(seats(peers) <= 1)
      return seats(peers)
    })
    assert.ok(Math.abs(tagged - alone) < 0.065, `${tagged}, whole ${alone}`)

    // Under false flags: more seats than one, but never more than the share of the stake pays for.
    let firstSeatCount = 0
    const hidden = share(parts(''), 7, peers => {
      firstSeatCount += seats(peers.slice(0, 1))
      return seats(peers)
    })
    assert.ok(hidden < (7 * 4) / 24 + 0.1, `${hidden}`)
    assert.ok(Math.abs(firstSeatCount / ROUND_COUNT - 4 / 24) < 0.045, `${firstSeatCount}`)
  })
})

describe('witnessRuleFor', () => {
  for (const [what, locked, eligible, witnessCount, quorum] of [
    ['little is locked', 999_999n, 50, 1, 1],
    ['a usual job is', 1_000_000n, 50, 7, 5],
    ['much is', 10_000_000_000n, 50, 13, 9],
    ['much is, and just enough peers take part', 10_000_000_000n, 13, 13, 9],
    ['too few take part for the largest set', 10_000_000_000n, 12, 7, 5],
    ['too few take part for any', 10_000_000_000n, 6, 1, 1],
    ['nobody takes part', 0n, 0, 1, 1]
  ] as const)
    it(`is ${witnessCount}/${quorum} when ${what}`, () => {
      assert.deepEqual(witnessRuleFor(locked, eligible), { witnessCount, quorum })
    })
})

describe('drawnSet', () => {
  it('names the drawn peers in draw order, and the quorum of the offer', () => {
    const offer = { witness: { witnessCount: 3, quorum: 2 } } as Offer
    const three = peers(3)
    assert.deepEqual(drawnSet(offer, JOB, three), {
      job: JOB,
      members: three.map(({ peer }) => peer),
      witnessCount: 3,
      quorum: 2
    })
  })
})
