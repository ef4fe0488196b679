import type { PeerId, ReplicaKey } from '@rayswarm/interface'
import { hasLapsed, raceDelayMs, raceWeightOf, type WitnessState } from '@rayswarm/lease'
import { OPENINGS_PAGE_COUNT_MAX, type Params } from '@rayswarm/params'
import type { JobState, ReplicaRecord, SubtaskTrack } from './job-state.ts'
import type { KnownOffer } from './offer-book.ts'

/** Lapsed replicas shown first to one who asks. */
const SHOWN_COUNT_MAX = 2
/** A witness shows each for this part of `promiseTermMs`, about as long as a claim takes. */
const SHOWN_PARTS = 4

export interface LapsedInit {
  readonly offer: KnownOffer
  readonly state: JobState
  readonly params: Params
  /** The witnesses of the next view. */
  readonly heirs: readonly PeerId[]
  /** Our place among the witnesses of our view. */
  readonly rank: number
  /** What this witness remembers of a replica. */
  readonly stateOf: (key: ReplicaKey) => WitnessState
  /** For how long nobody has held a replica that is wanted; undefined while somebody does. */
  readonly openMs: (key: ReplicaKey, record: ReplicaRecord, nowMs: number) => number | undefined
}

type Lapsed = readonly [SubtaskTrack, ReplicaRecord]

/** The replicas of a job that somebody worked on and stopped, and what was opened in their place: results of others wait for them. */
export class LapsedReplicas {
  #list: readonly Lapsed[] = []
  /** When each was last shown first: who asks next need not reach for the same. */
  readonly #shownAtMs = new WeakMap<ReplicaRecord, number>()
  /** Subtasks that lapsed under an earlier view, as its witnesses say. */
  readonly #orphans = new Set<number>()

  constructor(readonly init: LapsedInit) {}

  /** Somebody worked on a subtask for an earlier view, and stopped. */
  note(subtask: number): void {
    if (this.init.state.tracks[subtask] !== undefined) this.#orphans.add(subtask)
  }

  /** Look through the job again. */
  refresh(nowMs: number): void {
    const { state } = this.init
    const list: Lapsed[] = []
    for (const track of state.tracks) {
      if (track.record.state !== 'running') continue
      for (const record of track.record.replicas)
        if (list.length < OPENINGS_PAGE_COUNT_MAX && this.#isLapsed(track, record, nowMs))
          list.push([track, record])
    }
    this.#list = list
  }

  /** A few of them for whoever asks now: such as it may claim at once, and other ones than just before. */
  for(from: PeerId, nowMs: number): readonly Lapsed[] {
    const { heirs, offer, params, state } = this.init
    const { drawn } = offer
    const weight = drawn && raceWeightOf(drawn.race, from)
    // Who may not claim takes nothing from those who may; who takes over from us has to know them all.
    if (drawn === undefined || weight === undefined || heirs.includes(from)) return this.#list
    const shownMs = params.promiseTermMs / SHOWN_PARTS
    const isTurn = ([track, record]: Lapsed): boolean => {
      const key = state.key(track, record)
      const openMs = this.init.openMs(key, record, nowMs)
      if (openMs === undefined || !this.#isOursToShow(key, openMs, shownMs)) return false
      if (nowMs < (this.#shownAtMs.get(record) ?? 0) + shownMs) return false
      const at = { beacon: drawn.beacon, replica: key, fence: this.init.stateOf(key).fence + 1, node: from }
      return raceDelayMs(at, weight, params) <= openMs
    }
    const shown = this.#list.filter(isTurn).slice(0, SHOWN_COUNT_MAX)
    for (const [, record] of shown) this.#shownAtMs.set(record, nowMs)
    return shown
  }

  /** The witnesses take turns with each: two nodes that reach for the same keep each other from it. */
  #isOursToShow({ subtask }: ReplicaKey, openMs: number, shownMs: number): boolean {
    const { offer, rank } = this.init
    return (subtask + Math.floor(openMs / shownMs)) % offer.witnesses.witnessCount === rank
  }

  #isLapsed(track: SubtaskTrack, record: ReplicaRecord, nowMs: number): boolean {
    const { openMs, state, stateOf } = this.init
    if (record.outcome !== 'open') return false
    const key = state.key(track, record)
    if (hasLapsed(stateOf(key), nowMs)) return true
    // What was opened in the place of another one has kept others waiting as well.
    const isSuccessor =
      this.#orphans.has(track.subtask.index) ||
      track.record.replicas.some(other => other !== record && other.outcome !== 'open')
    return isSuccessor && record.openSinceMs !== undefined && openMs(key, record, nowMs) !== undefined
  }
}
