import type { PeerId, WitnessRule, WitnessSet } from '@rayswarm/interface'
import { GENERATION_COUNT_MAX } from '@rayswarm/params'

/** The view whose witnesses grant and close a generation. @see spec/lease.md#views */
export function viewOf(generation: number): number {
  return Math.floor(generation / (GENERATION_COUNT_MAX + 1))
}

/** The first generation of a view. */
export function firstGenerationOf(view: number): number {
  return view * (GENERATION_COUNT_MAX + 1)
}

export function viewCountOf({ members, witnessCount }: WitnessSet): number {
  return Math.floor(members.length / witnessCount)
}

/** What stands for each witness in draw order, view by view. */
export function inViews<T>(
  members: readonly T[],
  { witnessCount }: Pick<WitnessRule, 'witnessCount'>
): T[][] {
  return Array.from({ length: Math.floor(members.length / witnessCount) }, (_, view) =>
    members.slice(view * witnessCount, (view + 1) * witnessCount)
  )
}

/** The witnesses of one view, in draw order. */
export function membersOf({ members, witnessCount }: WitnessSet, view: number): readonly PeerId[] {
  return members.slice(view * witnessCount, (view + 1) * witnessCount)
}

/** The witnesses of one generation, in draw order: nobody else has a say in it. */
export function witnessesOf(
  witnesses: WitnessSet,
  { generation }: { readonly generation: number }
): readonly PeerId[] {
  return membersOf(witnesses, viewOf(generation))
}

/** The view that a peer witnesses; undefined for who is none of the witnesses. */
export function viewOfPeer({ members, witnessCount }: WitnessSet, peer: PeerId): number | undefined {
  const place = members.indexOf(peer)
  return place < 0 ? undefined : Math.floor(place / witnessCount)
}
