import type { JobId, Offer, Refusal, WitnessSet } from '@rayswarm/interface'
import { FENCE_JUMP_MAX, LEASE_ETA_FACTOR_MAX, type Params } from '@rayswarm/params'

/** Longest execution a claim may declare: what takes longer belongs in smaller subtasks. */
export const ETA_MS_MAX = 24 * 60 * 60 * 1_000

/** A lease lasts this part of the declared execution time, so that a crash costs at most about that much. */
const TERMS_PER_ETA = 4

/** Part of its total that a lease may last without any progress, and without further progress. */
const STALL_PART_FIRST = 2
const STALL_PART = 3

/** After this many lost claims the back-off grows no further. */
const BACKOFF_DOUBLINGS_MAX = 7

/**
 * Who witnesses a job. Owner mode: its creator alone.
 *
 * @see spec/lease.md#witnesses
 */
export function witnessSet(offer: Offer, job: JobId): WitnessSet {
  return { job, members: [offer.spec.creator], witnessCount: 1, quorum: 1 }
}

/** How long a renewal lasts, for an execution declared to take `etaMs`. */
export function leaseTermMs(etaMs: number, params: Params): number {
  const wantedMs = Math.floor(etaMs / TERMS_PER_ETA)
  return Math.min(Math.max(wantedMs, params.leaseTermMsMin), params.leaseTermMsMax)
}

/** The most time one holder may hold one replica, however often it renews. */
export function leaseTotalMs(etaMs: number, params: Params): number {
  return LEASE_ETA_FACTOR_MAX * Math.max(etaMs, params.leaseTermMsMin)
}

/** How long a lease may go without getting further: half of its total before the first progress, then a third of it. */
export function stallMs(totalMs: number, progressBps: number): number {
  return Math.floor(totalMs / (progressBps === 0 ? STALL_PART_FIRST : STALL_PART))
}

/**
 * The fence to claim with next, after these refusals.
 *
 * One lying witness may name any fence, so the answer never runs further ahead than an honest witness accepts. Witnesses that fell
 * behind further than that are led up first, from one of them as chance will have it: who lies about its fence is not followed
 * every time.
 *
 * @param unit uniform in `[0, 1)`
 */
export function nextFence(known: number, refusals: readonly Refusal[], unit: number): number {
  const highest = Math.max(known, ...refusals.map(({ fence }) => fence ?? 0))
  const next = [Math.min(highest + 1, known + FENCE_JUMP_MAX)]
  for (const { reason, fence = 0 } of refusals) {
    const within = fence + FENCE_JUMP_MAX
    if (reason === 'fence-jump' && within < known) next.push(within)
  }
  return next[Math.floor(unit * next.length)]!
}

/** How long to wait after the `attempt`-th lost claim (counted from 0); `unit` is uniform in `[0, 1)`. */
export function claimBackoffMs(attempt: number, unit: number, params: Params): number {
  const doublings = Math.min(attempt, BACKOFF_DOUBLINGS_MAX)
  return Math.floor(unit * params.claimBackoffMs * 2 ** doublings)
}
