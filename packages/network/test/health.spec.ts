import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  HEARD_MS_MAX,
  judgeHealth,
  type Sighting,
  SPLIT_AFTER_MS,
  SPLIT_SILENT_COUNT_MIN,
  SPLIT_SILENT_SHARE_MIN,
  SPLIT_WINDOW_MS
} from '../src/health.ts'
import { Sightings } from '../src/sightings.ts'

const NOW = 1e9
const CONNECTED: Sighting = { connected: true, heardAtMs: 0, silentSinceMs: undefined }
const silent = (forMs: number): Sighting => ({
  connected: false,
  heardAtMs: NOW - forMs - 1,
  silentSinceMs: NOW - forMs
})
const times = (count: number, sighting: Sighting): Sighting[] => Array<Sighting>(count).fill(sighting)

describe('judgeHealth', () => {
  it('finds nothing wrong with nobody known, everybody connected, or strangers that were never tried', () => {
    const well = { reachableShare: 1, splitSuspected: false, sinceMs: 0 }
    assert.deepEqual(judgeHealth([], NOW), { connected: 0, known: 0, ...well })
    assert.deepEqual(judgeHealth(times(3, CONNECTED), NOW), { connected: 3, known: 3, ...well })
    const untried = { connected: false, heardAtMs: undefined, silentSinceMs: undefined }
    assert.deepEqual(judgeHealth([CONNECTED, untried], NOW), { connected: 1, known: 1, ...well })
  })

  it('suspects a split when a quarter has been silent long enough, not a moment or a peer earlier', () => {
    const judged = (silentCount: number, forMs: number) =>
      judgeHealth([...times(9, CONNECTED), ...times(silentCount, silent(forMs))], NOW)
    assert.deepEqual(judged(3, SPLIT_AFTER_MS), {
      connected: 9,
      known: 12,
      reachableShare: 0.75,
      splitSuspected: true,
      sinceMs: SPLIT_AFTER_MS
    })
    assert.equal(judged(3, SPLIT_AFTER_MS - 1).splitSuspected, false)
    assert.equal(judged(3, SPLIT_AFTER_MS - 1).sinceMs, SPLIT_AFTER_MS - 1)
    assert.equal(judged(2, SPLIT_AFTER_MS).splitSuspected, false)
    assert.equal(judged(2, SPLIT_AFTER_MS).sinceMs, 0)
  })

  it('does not call one silent peer a split, and calls it one to hear nobody at all', () => {
    assert.equal(judgeHealth([CONNECTED, silent(1e6)], NOW).splitSuspected, false)
    assert.equal(judgeHealth(times(SPLIT_SILENT_COUNT_MIN, silent(1e6)), NOW).splitSuspected, true)
  })

  it('does not call it a split when peers fall silent one by one', () => {
    const spread = (gapMs: number) =>
      Array.from({ length: 6 }, (_, index) => silent(SPLIT_AFTER_MS + index * gapMs))
    // Four are a quarter of sixteen.
    const judged = (gapMs: number) => judgeHealth([...times(10, CONNECTED), ...spread(gapMs)], NOW)
    assert.equal(judged(SPLIT_WINDOW_MS / 3).splitSuspected, true)
    assert.equal(judged(SPLIT_WINDOW_MS / 3 + 1).splitSuspected, false)
  })

  it('counts who is heard of through others, as long as that is not from before the silence or too long ago', () => {
    const heard = (silentForMs: number, heardForMs: number): Sighting => ({
      connected: false,
      heardAtMs: NOW - heardForMs,
      silentSinceMs: NOW - silentForMs
    })
    const share = (sighting: Sighting): number => judgeHealth([CONNECTED, sighting], NOW).reachableShare
    assert.equal(share(heard(1e5, HEARD_MS_MAX)), 1)
    assert.equal(share(heard(1e5, HEARD_MS_MAX + 1)), 0.5)
    assert.equal(share(heard(1_000, 1_000)), 0.5)
    assert.equal(share(heard(1_000, 999)), 1)
  })

  it('holds to its definition, whatever was seen', () => {
    const age = fc.constantFrom(
      0,
      1,
      SPLIT_AFTER_MS - 1,
      SPLIT_AFTER_MS,
      SPLIT_WINDOW_MS,
      SPLIT_WINDOW_MS + 1,
      SPLIT_WINDOW_MS + SPLIT_AFTER_MS
    )
    fc.assert(
      fc.property(fc.nat(20), fc.array(age, { maxLength: 20 }), (connected, ages) => {
        const judged = judgeHealth([...times(connected, CONNECTED), ...ages.map(silent)], NOW)
        const split = (atLeastMs: number): boolean =>
          ages.some(oldest => {
            const together = ages.filter(
              age => age <= oldest && oldest - age <= SPLIT_WINDOW_MS && age >= atLeastMs
            )
            return (
              together.length >= SPLIT_SILENT_COUNT_MIN &&
              together.length / (connected + together.length) >= SPLIT_SILENT_SHARE_MIN
            )
          })
        assert.equal(judged.splitSuspected, split(SPLIT_AFTER_MS))
        assert.ok(judged.sinceMs === 0 || split(judged.sinceMs))
        assert.ok(!split(judged.sinceMs + 1))
        assert.equal(judged.known, connected + ages.length)
      })
    )
  })
})

describe('Sightings', () => {
  it('tell who fell silent from who left, who was refused, and who is a stranger', () => {
    let nowMs = 0
    const sightings = new Sightings(() => nowMs)
    for (const peer of ['silent', 'left', 'refused']) sightings.connected(peer)
    nowMs = 10
    sightings.silent('silent')
    for (const peer of ['silent', 'left', 'refused']) sightings.disconnected(peer)
    sightings.gone('refused')
    sightings.silent('stranger')
    sightings.heard('stranger')
    assert.deepEqual([...sightings.all()], [{ connected: false, heardAtMs: 0, silentSinceMs: 10 }])
    nowMs = 20
    sightings.silent('silent')
    assert.equal([...sightings.all()][0]?.silentSinceMs, 10)
    sightings.heard('silent')
    nowMs = 30
    sightings.silent('silent')
    assert.equal([...sightings.all()][0]?.silentSinceMs, 30)
    sightings.connected('silent')
    assert.deepEqual([...sightings.all()], [{ connected: true, heardAtMs: 30, silentSinceMs: undefined }])
  })

  it('remember who should be there, without a verdict until somebody tried', () => {
    const sightings = new Sightings(() => 5)
    sightings.expect('a')
    sightings.expect('b')
    assert.equal(judgeHealth(sightings.all(), 5).known, 0)
    sightings.silent('a')
    sightings.gone('b')
    sightings.expect('a')
    assert.deepEqual([...sightings.all()], [{ connected: false, heardAtMs: undefined, silentSinceMs: 5 }])
  })

  it('are bounded, and forget nobody who is connected', () => {
    const sightings = new Sightings(() => 0)
    sightings.connected('friend')
    for (let index = 0; index < 5_000; index++) sightings.expect(`peer ${index}`)
    assert.equal([...sightings.all()].length, 2_000)
    assert.equal(judgeHealth(sightings.all(), 0).connected, 1)
  })
})
