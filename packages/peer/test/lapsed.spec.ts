import assert from 'node:assert/strict'
import { raceOf, type WitnessState } from '@rayswarm/lease'
import { params } from '@rayswarm/params'
import type { Outcome } from '@rayswarm/verification'
import type { JobState, ReplicaRecord } from '../src/job-state.ts'
import { LapsedReplicas } from '../src/lapsed.ts'
import type { KnownOffer } from '../src/offer-book.ts'
import { BEACON, entries, snapshot } from './drawn-jobs.ts'

const LONG_MS = 60 * 60 * 1_000
const offer = {
  witnesses: { witnessCount: 1 },
  drawn: { beacon: BEACON, race: raceOf(snapshot) }
} as unknown as KnownOffer
const [racer, heir] = entries.map(({ peer }) => peer) as [string, string]

/** One witness's list; each subtask has these replicas, by what came of them, and was held by somebody or not. */
function listOf(subtasks: readonly { outcomes: readonly Outcome[]; held?: boolean }[], openMs = LONG_MS) {
  const tracks = subtasks.map(({ outcomes }, index) => ({
    subtask: { index },
    record: {
      state: 'running',
      replicas: outcomes.map((outcome, replica) => ({ replica, generation: 0, outcome, openSinceMs: 0 }))
    }
  }))
  const state = {
    tracks,
    key: (track: { subtask: { index: number } }, { replica, generation }: ReplicaRecord) => ({
      ...{ job: 'job', subtask: track.subtask.index, replica, generation }
    })
  } as unknown as JobState
  const list = new LapsedReplicas({
    ...{ offer, state, heirs: [heir], rank: 0, params: params.minimal },
    stateOf: ({ subtask }) => ({ fence: 0, renewed: subtasks[subtask]!.held === true }) as WitnessState,
    openMs: () => openMs
  })
  list.refresh(0)
  const shown = (from: string, nowMs: number): number[] =>
    list.for(from, nowMs).map(([track]) => track.subtask.index)
  return { list, shown }
}

describe('LapsedReplicas', () => {
  const untouched = { outcomes: ['open'] } as const
  const lapsed = { outcomes: ['open'], held: true } as const

  it('are what somebody held, and what was opened in the place of something given up', () => {
    const { shown } = listOf([untouched, lapsed, { outcomes: ['timeout', 'open'] }, { outcomes: ['sealed'] }])
    assert.deepEqual(shown(racer, LONG_MS), [1, 2])
  })

  it('are also what an earlier view says', () => {
    const { list, shown } = listOf([untouched, untouched])
    list.note(1)
    list.note(7)
    list.refresh(1)
    assert.deepEqual(shown(racer, LONG_MS), [1])
  })

  it('are shown to few at a time, and again a while later', () => {
    const { shown } = listOf(Array.from({ length: 5 }, () => lapsed))
    const { promiseTermMs } = params.minimal
    assert.deepEqual(shown(racer, LONG_MS), [0, 1])
    assert.deepEqual(shown(racer, LONG_MS), [2, 3])
    assert.deepEqual(shown(racer, LONG_MS), [4])
    assert.deepEqual(shown(racer, LONG_MS + promiseTermMs / 4), [0, 1])
  })

  it('are each shown by one witness at a time, and by another one later', () => {
    const witnesses = { witnessCount: 3 } as KnownOffer['witnesses']
    const { promiseTermMs } = params.minimal
    const shownBy = (openMs: number): number[][] =>
      [0, 1, 2].map(rank => {
        const { list } = listOf([lapsed, lapsed], openMs)
        const one = new LapsedReplicas({ ...list.init, rank, offer: { ...offer, witnesses } })
        one.refresh(0)
        return one.for(racer, LONG_MS).map(([track]) => track.subtask.index)
      })
    assert.deepEqual(shownBy(LONG_MS), [[0], [1], []])
    assert.deepEqual(shownBy(LONG_MS + promiseTermMs / 4), [[], [0], [1]])
  })

  it('are kept for those whose turn has come', () => {
    assert.deepEqual(listOf([lapsed], 0).shown(racer, LONG_MS), [])
  })

  it('are all shown to who takes over, and to strangers, and stay for the others', () => {
    const { shown } = listOf(Array.from({ length: 3 }, () => lapsed))
    for (const from of [heir, 'a stranger']) assert.deepEqual(shown(from, LONG_MS), [0, 1, 2])
    assert.deepEqual(shown(racer, LONG_MS), [0, 1])
  })
})
