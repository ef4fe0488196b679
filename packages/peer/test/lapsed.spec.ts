import assert from 'node:assert/strict'
import type { OpeningsPage } from '@rayswarm/interface'
import { raceOf, type WitnessState } from '@rayswarm/lease'
import { params } from '@rayswarm/params'
import type { Outcome } from '@rayswarm/verification'
import type { JobState, ReplicaRecord } from '../src/job-state.ts'
import { LapsedReplicas } from '../src/lapsed.ts'
import type { KnownOffer } from '../src/offer-book.ts'
import { BEACON, entries, snapshot } from './drawn-jobs.ts'

const LONG_MS = 60 * 60 * 1_000
const { promiseTermMs } = params.minimal
const [racer, heir] = entries.map(({ peer }) => peer) as [string, string]

/** So many views of so many witnesses; a racer is in the second. */
function offerOf(members: readonly string[], witnessCount: number): KnownOffer {
  return {
    drawn: { beacon: BEACON, race: raceOf(snapshot) },
    witnesses: { members, witnessCount, quorum: 1 }
  } as unknown as KnownOffer
}

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
    ...{
      offer: offerOf(['w0', heir], 1),
      state,
      view: 0,
      self: 'w0',
      params: params.minimal,
      standby: undefined
    },
    stateOf: ({ subtask }) => ({ fence: 0, renewed: subtasks[subtask]!.held === true }) as WitnessState,
    openMs: () => openMs
  })
  list.refresh(0)
  const shown = (from: string, nowMs: number): number[] => subtasksOf(list.for(from, nowMs, false))
  return { list, shown }
}

function subtasksOf(shown: ReturnType<LapsedReplicas['for']>): number[] {
  return shown.map(([track]) => track.subtask.index)
}

describe('LapsedReplicas', () => {
  const untouched = { outcomes: ['open'] } as const
  const lapsed = { outcomes: ['open'], held: true } as const

  it('are what somebody held, and what was opened in the place of something given up', () => {
    const { list } = listOf([untouched, lapsed, { outcomes: ['timeout', 'open'] }, { outcomes: ['sealed'] }])
    assert.deepEqual(subtasksOf(list.for(heir, LONG_MS, true)), [1, 2])
  })

  it('are also what an earlier view says, as soon as that was asked', () => {
    const { list } = listOf([untouched, untouched])
    const pages = new Map<string, OpeningsPage>()
    const standby = { pages, lookedAtMs: LONG_MS - 1 }
    const later = new LapsedReplicas({ ...list.init, view: 1, self: heir, standby })
    later.refresh(LONG_MS - 1)
    const at = { replica: 0, generation: 0, fence: 1, openMs: 0, lapsed: true }
    pages.set('w0', { view: 0, closed: false, open: [1, 7].map(subtask => ({ ...at, subtask })) })
    assert.deepEqual(later.for(racer, LONG_MS, false), [])
    standby.lookedAtMs = LONG_MS
    assert.deepEqual(subtasksOf(later.for(racer, LONG_MS + 1, false)), [1])
  })

  it('are each shown to one at a time, and again a while later', () => {
    const { shown } = listOf([lapsed, lapsed])
    const asked = [LONG_MS, LONG_MS, LONG_MS, LONG_MS + promiseTermMs / 8]
    assert.deepEqual(
      asked.map(nowMs => shown(racer, nowMs)),
      [[0], [1], [], [0]]
    )
  })

  it('are shown ever more rarely where tries fail: those who try are not kept from it by others', () => {
    const { list } = listOf([lapsed])
    let fence = 5
    const stateOf = () => ({ fence, renewed: true }) as WitnessState
    const tried = new LapsedReplicas({ ...list.init, stateOf })
    tried.refresh(0)
    const pausesMs = [0, 1, 3, 9].map(triedCount => {
      fence = 5 + triedCount
      let nowMs = LONG_MS * (1 + triedCount)
      for (tried.for(racer, nowMs, false); tried.for(racer, nowMs, false).length === 0; )
        nowMs += promiseTermMs / 8
      return nowMs - LONG_MS * (1 + triedCount)
    })
    assert.deepEqual(
      pausesMs,
      [1, 2, 4, 4].map(parts => (parts * promiseTermMs) / 8)
    )
  })

  const members = ['w0', 'w1', 'w2']
  const shownBy = (nowMs: number, over: Partial<LapsedReplicas['init']> = {}) =>
    members.map(self => {
      const { list } = listOf([lapsed, lapsed])
      const one = new LapsedReplicas({ ...list.init, offer: offerOf(members, 3), ...over, self })
      one.refresh(0)
      const [shown] = one.for(racer, nowMs, false)
      return shown?.[0].subtask.index ?? one.elsewhere(racer, nowMs)
    })

  it('are each shown by one witness at a time, which the others name, and by another one later', () => {
    assert.deepEqual(shownBy(LONG_MS), [0, 1, 'w0'])
    assert.deepEqual(shownBy(LONG_MS + promiseTermMs / 8), ['w1', 0, 1])
  })

  it('are shown by those of a later view that are there', () => {
    const pages = new Map(['w0', 'w1'].map(peer => [peer, {} as OpeningsPage]))
    const standby = { pages, lookedAtMs: 0 }
    assert.deepEqual(shownBy(LONG_MS + promiseTermMs / 8, { standby }).slice(0, 2), [1, 0])
  })

  it('are kept for those whose turn has come', () => {
    assert.deepEqual(listOf([lapsed], 0).shown(racer, LONG_MS), [])
  })

  it('are all shown to who only looks, and to strangers, and stay for the others', () => {
    const { list, shown } = listOf(Array.from({ length: 3 }, () => lapsed))
    for (const [from, looks] of [
      [racer, true],
      ['a stranger', false]
    ] as const)
      assert.deepEqual(subtasksOf(list.for(from, LONG_MS, looks)), [0, 1, 2])
    assert.deepEqual(shown(racer, LONG_MS), [0])
  })
})
