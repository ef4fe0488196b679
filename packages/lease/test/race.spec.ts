import assert from 'node:assert/strict'
import { params, SORTITION_BID_COUNT } from '@rayswarm/params'
import fc from 'fast-check'
import { type RaceTable, raceDelayMs, raceOf, raceWeightOf, sortitioned } from '../src/index.ts'
import { RACE_GAPS_MAX, SORTITION_DOUBLINGS_MAX } from '../src/race.ts'
import { beacon, beaconOf, JOB, registration, replica, snapshotOf } from './fixtures.ts'

const { minimal, mainnet } = params
const NODES = Array.from({ length: 50 }, (_, i) => `node ${i}`)
const even = raceOf(snapshotOf(...NODES.map(peer => registration(peer))))

function delayMs(table: RaceTable, node: string, subtask: number, fence = 1): number {
  const at = { beacon, replica: replica({ subtask }), fence, node }
  return raceDelayMs(at, raceWeightOf(table, node)!, mainnet) - mainnet.raceHeadStartMs
}

describe('raceOf', () => {
  it('keeps what the registry says of everybody, and adds the weights of those who race', () => {
    const rich = registration('rich', { stake: 10n ** 15n, operatorTag: 'tag' })
    const table = raceOf(snapshotOf(rich, registration('poor', { stake: 0n }), registration('plain')))

    assert.equal(table.totalWeight, 10n ** 10n + 1_000_000n)
    assert.deepEqual(table.racers.get('rich'), {
      weight: 10n ** 10n,
      account: rich.account,
      operatorTag: 'tag'
    })
    assert.equal(table.racers.get('poor')?.weight, 0n)
    assert.equal(raceWeightOf(table, 'poor'), undefined)
    assert.equal(raceWeightOf(table, 'stranger'), undefined)

    const fewer = raceOf(snapshotOf(rich, registration('plain')), ({ peer }) => peer === 'plain')
    assert.equal(raceWeightOf(fewer, 'rich'), undefined)
    assert.equal(fewer.racers.get('rich')?.operatorTag, 'tag')
    assert.equal(fewer.totalWeight, 1_000_000n)
  })
})

describe('raceDelayMs', () => {
  it('lets the first of all go after one gap on average, whatever their number', () => {
    const firsts = Array.from({ length: 200 }, (_, subtask) =>
      Math.min(...NODES.map(node => delayMs(even, node, subtask)))
    )
    const meanMs = firsts.reduce((sum, ms) => sum + ms, 0) / firsts.length
    // The mean of 200 exponential variates: five standard deviations are 0.35.
    assert.ok(Math.abs(meanMs / mainnet.raceGapMs - 1) < 0.35, `${meanMs}`)
  })

  it('favours weight in proportion', () => {
    const table = raceOf(
      snapshotOf(...NODES.slice(0, 9).map((peer, i) => registration(peer, { stake: i === 0 ? 3n : 1n })))
    )
    let won = 0
    for (let subtask = 0; subtask < 1_500; subtask++) {
      const [first, ...others] = NODES.slice(0, 9).map(node => delayMs(table, node, subtask))
      if (first! < Math.min(...others)) won++
    }
    assert.ok(Math.abs(won / 1_500 - 3 / 11) < 0.06, `${won}`)
  })

  it('is another race for each fence, replica, generation and beacon', () => {
    const weight = raceWeightOf(even, 'node 0')!
    const at = { beacon, replica: replica(), fence: 1, node: 'node 0' }
    const delays = [
      at,
      { ...at, fence: 2 },
      { ...at, node: 'node 1' },
      { ...at, beacon: beaconOf(8) },
      { ...at, replica: replica({ job: 'other' }) },
      { ...at, replica: replica({ subtask: 4 }) },
      { ...at, replica: replica({ replica: 1 }) },
      { ...at, replica: replica({ generation: 1 }) }
    ].map(place => raceDelayMs(place, weight, mainnet))
    assert.equal(new Set(delays).size, delays.length)
  })

  it('never ends before the head start, nor after the last turn', () => {
    const weights = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 10n }), fc.bigInt({ min: 0n, max: 10n ** 16n }))
    fc.assert(
      fc.property(weights, fc.nat(1_000), ([weight, others], subtask) => {
        const at = { beacon, replica: replica({ subtask }), fence: 1, node: 'n' }
        const ms = raceDelayMs(at, { weight, totalWeight: weight + others }, minimal)
        assert.ok(Number.isSafeInteger(ms))
        assert.ok(ms >= minimal.raceHeadStartMs)
        assert.ok(ms <= minimal.raceHeadStartMs + RACE_GAPS_MAX * minimal.raceGapMs)
      })
    )
    const last = raceDelayMs(
      { beacon, replica: replica(), fence: 1, node: 'n' },
      { weight: 1n, totalWeight: 10n ** 16n },
      minimal
    )
    assert.equal(last, minimal.raceHeadStartMs + RACE_GAPS_MAX * minimal.raceGapMs)
  })
})

describe('sortitioned', () => {
  const nodes = Array.from({ length: 1_000 }, (_, i) => `node ${i}`)
  const many = raceOf(snapshotOf(...nodes.map(peer => registration(peer))))
  const stepMs = 4 * minimal.bidPollMs
  const bidders = (elapsedMs: number, job = JOB) =>
    nodes.filter(node => sortitioned({ beacon, job, node }, raceWeightOf(many, node)!, elapsedMs, minimal))

  it('lets about as many bid as wanted', () => {
    const count = bidders(0).length
    // Binomial: five standard deviations are 40.
    assert.ok(Math.abs(count - SORTITION_BID_COUNT) < 40, `${count}`)
  })

  it('lets everybody bid for whom there is room', () => {
    const few = raceOf(snapshotOf(...nodes.slice(0, SORTITION_BID_COUNT - 1).map(peer => registration(peer))))
    for (const node of few.racers.keys())
      assert.ok(sortitioned({ beacon, job: JOB, node }, raceWeightOf(few, node)!, 0, minimal))
  })

  it('doubles with time and drops nobody on the way, until all may', () => {
    const [first, same, second] = [bidders(0), bidders(stepMs - 1), bidders(stepMs)]
    assert.deepEqual(same, first)
    // A clock that was set back.
    assert.deepEqual(bidders(-stepMs), first)
    assert.ok(first.every(node => second.includes(node)))
    assert.ok(second.length > first.length * 1.4, `${first.length}, ${second.length}`)
    assert.equal(bidders(stepMs * 5).length, nodes.length)

    const tiny = { weight: 1n, totalWeight: 10n ** 16n }
    const at = { beacon, job: JOB, node: 'node 0' }
    assert.equal(sortitioned(at, tiny, 0, minimal), false)
    assert.equal(sortitioned(at, tiny, stepMs * SORTITION_DOUBLINGS_MAX, minimal), true)
  })

  it('chooses others for another job', () => assert.notDeepEqual(bidders(0, 'other'), bidders(0)))
})
