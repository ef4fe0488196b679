import type { PeerId, ReplicaKey, Vacancy } from '@rayswarm/interface'
import { raceDelayMs, raceWeightOf, sortitioned } from '@rayswarm/lease'
import type { Params } from '@rayswarm/params'
import type { KnownOffer } from './offer-book.ts'

/** A replica this node may claim without a grant. */
export interface Chosen {
  readonly replica: ReplicaKey
  /** Last fence heard of. */
  readonly fence: number
}

/** Which open replicas it is our turn to claim, lapsed ones first, then the longest due, and when the next turn comes. */
export interface Turns {
  readonly due: readonly Chosen[]
  /** Undefined if no turn is ahead. */
  readonly nextInMs: number | undefined
}

/** Whether this node is among those that bid for a job now. With a creator for its witness a job is open to all. */
export function mayBid({ job, drawn }: KnownOffer, node: PeerId, elapsedMs: number, params: Params): boolean {
  if (drawn === undefined) return true
  const weight = raceWeightOf(drawn.race, node)
  return weight !== undefined && sortitioned({ beacon: drawn.beacon, job, node }, weight, elapsedMs, params)
}

/** Who a peer is, as far as one and the same party counts once: its operator, where it names one. */
export function operatorOf({ drawn }: KnownOffer, peer: PeerId): string {
  const tag = drawn?.race.racers.get(peer)?.operatorTag
  return tag === undefined || tag === '' ? peer : `operator ${tag}`
}

/** Work out our turns in the race for what a witness says is open. Whoever is not registered has none. */
export function turnsOf(
  offer: KnownOffer,
  node: PeerId,
  vacancies: readonly Vacancy[],
  params: Params
): Turns {
  const { job, drawn } = offer
  const weight = drawn && raceWeightOf(drawn.race, node)
  if (drawn === undefined || weight === undefined) return { due: [], nextInMs: undefined }
  const turns = vacancies
    .map(({ subtask, replica, generation, fence, openMs, lapsed }) => {
      const key = { job, subtask, replica, generation }
      const at = { beacon: drawn.beacon, replica: key, fence: fence + 1, node }
      return { replica: key, fence, lapsed, leftMs: raceDelayMs(at, weight, params) - openMs }
    })
    .sort((a, b) => a.leftMs - b.leftMs)
  const ahead = turns.find(({ leftMs }) => leftMs > 0)
  // What somebody stopped working on holds up results that others have shown, or wait to.
  const due = turns.filter(({ leftMs }) => leftMs <= 0).sort((a, b) => Number(b.lapsed) - Number(a.lapsed))
  return { due: onePerSubtask(due), nextInMs: ahead?.leftMs }
}

/** The first of each subtask: nobody gets two replicas of one. */
function onePerSubtask(due: readonly Chosen[]): readonly Chosen[] {
  const taken = new Set<number>()
  return due.filter(({ replica: { subtask } }) => !taken.has(subtask) && taken.add(subtask))
}
