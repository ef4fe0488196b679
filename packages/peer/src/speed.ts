import { ETA_MS_MAX } from '@rayswarm/lease'
import type { Params } from '@rayswarm/params'
import type { KnownOffer } from './offer-book.ts'

/** Speed assumed before the first execution was measured: slow, because a lease ends when its time is used up. */
const UNITS_PER_MS_GUESS = 50
/** No execution is declared shorter: a busy machine must not lose its lease over a moment's stall. */
const ETA_MS_MIN = 10_000
/** Where witnesses were drawn a claim may declare at most this part of the job's whole time. */
const ETA_PART = 8
/** Weight of the latest execution in the average. */
const LATEST_PART = 0.3

/** Longest execution that a claim for this job may declare. */
export function etaMsMax({ drawn, signed }: KnownOffer, params: Params): number {
  if (drawn === undefined) return ETA_MS_MAX
  const partMs = Math.floor(signed.body.spec.deadlineAfterMs / ETA_PART)
  return Math.min(ETA_MS_MAX, Math.max(params.leaseTermMsMax, partMs))
}

/** How fast this node executes, as far as it has measured. */
export class Speed {
  #unitsPerMs: number | undefined

  /** How long an execution will take. */
  etaMs(workUnits: number): number {
    return Math.max(ETA_MS_MIN, Math.ceil(workUnits / (this.#unitsPerMs ?? UNITS_PER_MS_GUESS)))
  }

  measure(workUnits: number, elapsedMs: number): void {
    const rate = workUnits / Math.max(1, elapsedMs)
    const known = this.#unitsPerMs ?? rate
    this.#unitsPerMs = known * (1 - LATEST_PART) + rate * LATEST_PART
  }
}
