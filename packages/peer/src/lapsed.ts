import type { PeerId, ReplicaKey } from '@rayswarm/interface'
import { hasLapsed, membersOf, raceDelayMs, raceWeightOf, type WitnessState } from '@rayswarm/lease'
import { OPENINGS_PAGE_COUNT_MAX, type Params } from '@rayswarm/params'
import type { JobState, ReplicaRecord, SubtaskTrack } from './job-state.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Standby } from './standby.ts'

/** A witness shows each for this part of `promiseTermMs`: until all have heard of the claim that follows. */
const SHOWN_PARTS = 8
/** After each try that failed twice as long, up to this many times: whoever tries must not be kept from it by the next. */
const SHOWN_DOUBLINGS_MAX = 2

export interface LapsedInit {
  readonly offer: KnownOffer
  readonly state: JobState
  readonly params: Params
  /** The view we witness for. */
  readonly view: number
  readonly self: PeerId
  /** Tells what lapsed under the view before ours. */
  readonly standby: Pick<Standby, 'lookedAtMs' | 'pages'> | undefined
  /** What this witness remembers of a replica. */
  readonly stateOf: (key: ReplicaKey) => WitnessState
  /** For how long nobody has held a replica that is wanted; undefined while somebody does. */
  readonly openMs: (key: ReplicaKey, record: ReplicaRecord, nowMs: number) => number | undefined
}

type Lapsed = readonly [SubtaskTrack, ReplicaRecord]

/** The replicas of a job that somebody worked on and stopped, and what was opened in their place: results of others wait for them. */
export class LapsedReplicas {
  #list: readonly Lapsed[] = []
  /** When each was last shown: who asks next need not reach for the same. */
  readonly #shownAtMs = new WeakMap<ReplicaRecord, number>()
  /** The fence of each when it was first found here. */
  readonly #firstFence = new WeakMap<ReplicaRecord, number>()
  /** Subtasks that lapsed under an earlier view, as its witnesses say. */
  readonly #orphans = new Set<number>()
  #askedCount = 0
  #refreshedAtMs = 0

  constructor(readonly init: LapsedInit) {}

  /** Look through the job again. */
  refresh(nowMs: number): void {
    const { offer, standby, state, view } = this.init
    this.#refreshedAtMs = nowMs
    for (const witness of membersOf(offer.witnesses, view - 1))
      for (const { lapsed, subtask } of standby?.pages.get(witness)?.open ?? [])
        if (lapsed && state.tracks[subtask] !== undefined) this.#orphans.add(subtask)
    const list: Lapsed[] = []
    for (const track of state.tracks) {
      if (track.record.state !== 'running') continue
      for (const record of track.record.replicas)
        if (list.length < OPENINGS_PAGE_COUNT_MAX && this.#isLapsed(track, record, nowMs))
          list.push([track, record])
    }
    this.#list = list
    for (const [track, record] of list)
      if (!this.#firstFence.has(record))
        this.#firstFence.set(record, this.init.stateOf(state.key(track, record)).fence)
  }

  /** One of them for whoever asks now: such as it may claim at once, and another one than just before. All for who only looks. */
  for(from: PeerId, nowMs: number, looks: boolean): readonly Lapsed[] {
    const { offer, params, standby } = this.init
    // Who takes over has to know soon, and so do those who ask it.
    const isStale = looks && nowMs >= this.#refreshedAtMs + params.leaseRetryMs / 2
    if (isStale || (standby?.lookedAtMs ?? 0) > this.#refreshedAtMs) this.refresh(nowMs)
    const isRacer = offer.drawn !== undefined && raceWeightOf(offer.drawn.race, from) !== undefined
    // Who may not claim, or does not want to, takes nothing from those who may.
    if (looks || !isRacer) return this.#list
    const shown = this.#list.find(lapsed => {
      if (nowMs < (this.#shownAtMs.get(lapsed[1]) ?? 0) + this.#shownMs(lapsed)) return false
      return this.#shower(lapsed, from, nowMs) === this.init.self
    })
    if (shown === undefined) return []
    this.#shownAtMs.set(shown[1], nowMs)
    return [shown]
  }

  /** Another witness that may show one of them to who asks us; not the same to all who ask. */
  elsewhere(from: PeerId, nowMs: number): PeerId | undefined {
    const start = this.#askedCount++ % Math.max(1, this.#list.length)
    for (const lapsed of [...this.#list.slice(start), ...this.#list.slice(0, start)]) {
      const shower = this.#shower(lapsed, from, nowMs)
      if (shower !== undefined && shower !== this.init.self) return shower
    }
    return undefined
  }

  /** For how long one witness shows it to one node. */
  #shownMs([track, record]: Lapsed): number {
    const { params, state, stateOf } = this.init
    const { fence } = stateOf(state.key(track, record))
    const triedCount = fence - (this.#firstFence.get(record) ?? fence)
    return (params.promiseTermMs / SHOWN_PARTS) * 2 ** Math.min(triedCount, SHOWN_DOUBLINGS_MAX)
  }

  /**
   * Which witness shows one of them now, if `from` may claim it. They take turns with each, by the time of day: two nodes that reach
   * for the same keep each other from it.
   */
  #shower(lapsed: Lapsed, from: PeerId, nowMs: number): PeerId | undefined {
    const [track, record] = lapsed
    const { offer, openMs, params, self, standby, state, stateOf, view } = this.init
    const weight = offer.drawn && raceWeightOf(offer.drawn.race, from)
    const key = state.key(track, record)
    const waitedMs = openMs(key, record, nowMs)
    if (offer.drawn === undefined || weight === undefined || waitedMs === undefined) return undefined
    const at = { beacon: offer.drawn.beacon, replica: key, fence: stateOf(key).fence + 1, node: from }
    if (raceDelayMs(at, weight, params) > waitedMs) return undefined
    // In a view that took over some are known to be gone.
    const members = membersOf(offer.witnesses, view).filter(
      member => standby === undefined || member === self || standby.pages.has(member)
    )
    return members[(key.subtask + Math.floor(nowMs / this.#shownMs(lapsed))) % members.length]
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
