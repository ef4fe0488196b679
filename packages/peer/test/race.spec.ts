import assert from 'node:assert/strict'
import type { Vacancy } from '@rayswarm/interface'
import { raceOf } from '@rayswarm/lease'
import { params } from '@rayswarm/params'
import type { KnownOffer } from '../src/offer-book.ts'
import { turnsOf } from '../src/race.ts'
import { BEACON, entries, snapshot } from './drawn-jobs.ts'

const offer = { job: 'job', drawn: { beacon: BEACON, race: raceOf(snapshot) } } as unknown as KnownOffer
const node = entries[0]!.peer
const LONG_MS = 60 * 60 * 1_000
const vacancy = (subtask: number, over: Partial<Vacancy> = {}): Vacancy => ({
  ...{ subtask, replica: 0, generation: 0, fence: 0, openMs: LONG_MS, lapsed: false },
  ...over
})
const order = (vacancies: readonly Vacancy[]): number[] =>
  turnsOf(offer, node, vacancies, params.minimal).due.map(({ replica }) => replica.subtask)

describe('turnsOf', () => {
  it('begins with what somebody stopped working on, then with what has been due longest', () => {
    const waiting = [1, 2, 3, 4].map(subtask => vacancy(subtask, { openMs: subtask * LONG_MS }))
    assert.deepEqual(order(waiting), [4, 3, 2, 1])
    assert.deepEqual(order([...waiting, vacancy(5, { lapsed: true, fence: 1 })]), [5, 4, 3, 2, 1])
  })

  it('waits for its turn in the race for a lapsed one, too', () => {
    const fresh = vacancy(5, { lapsed: true, fence: 1, openMs: 0 })
    const { due, nextInMs } = turnsOf(offer, node, [fresh], params.minimal)
    assert.deepEqual(due, [])
    assert.ok(nextInMs !== undefined && nextInMs >= params.minimal.raceHeadStartMs)
  })
})
