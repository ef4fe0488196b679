import type {
  Amount,
  Commit,
  CommitCert,
  PeerId,
  Refusal,
  RefusalReason,
  ReplicaKey,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { GENERATION_MAX, type Params } from '@rayswarm/params'
import type { WireContext } from '@rayswarm/wire'
import { leaseTermMs, leaseTotalMs, stallMs } from './timing.ts'
import { witnessesOf } from './views.ts'

/**
 * What one witness remembers about one generation of one replica. Store it before replying.
 *
 * It only ever grows: `fence` never decreases, `register` and `cert` are written once.
 *
 * @see spec/lease.md#state
 */
export interface WitnessState {
  readonly fence: number
  /** Of the last lease, lapsed or not; absent before the first claim and after a release. */
  readonly holder?: PeerId
  readonly expiresAtMs: number
  /** When this holder first claimed: its lease's total length counts from here, also over a release. */
  readonly claimedAtMs: number
  readonly etaMs: number
  readonly progressBps: number
  /** When the progress last grew; when it was claimed, before that. */
  readonly progressedAtMs: number
  /** How long the replica had been open when it was claimed; 0 once the lease was renewed: a mere try takes nobody's waiting time. */
  readonly waitedMs: number
  /** Some lease of it was renewed: somebody worked on it. Tries of others since then do not change that. */
  readonly renewed?: true
  /** Who released the last lease. */
  readonly releasedBy?: PeerId
  /** Gross price that the holder was promised. */
  readonly price?: Amount
  /** The one commit this witness votes for, ever. */
  readonly register?: Signed<Commit>
  /** Proof that the replica is closed. */
  readonly cert?: CommitCert
}

/** A replica nobody has claimed yet. */
export const VACANT: WitnessState = {
  fence: 0,
  expiresAtMs: 0,
  claimedAtMs: 0,
  etaMs: 0,
  progressBps: 0,
  progressedAtMs: 0,
  waitedMs: 0
}

/** What a witness knows about the job when it answers. */
export interface WitnessRules {
  readonly params: Params
  readonly witnesses: WitnessSet
  /** The witness that answers. */
  readonly self: PeerId
  readonly creator: PeerId
  readonly context: WireContext
  /** Gross price of a replica that is claimed without a grant. */
  readonly priceCap: (replica: ReplicaKey) => Amount
  readonly subtaskCount: number
  readonly replicaCountMax: number
  /** Longest execution a claim for this job may declare; `ETA_MS_MAX` if absent. */
  readonly etaMsMax?: number | undefined

  /**
   * How long the replica must have been open before `holder` may claim it without a grant; undefined for who is not registered.
   * Absent in owner mode. With it, `openSinceMs` counts.
   */
  readonly race?: ((holder: PeerId, replica: ReplicaKey, fence: number) => number | undefined) | undefined
  /** Since when this witness knows the replica as wanted; undefined while it is not. */
  readonly openSinceMs?: number | undefined
  /** In how long the witness may lease what is not open to it now; undefined for never. */
  readonly opensInMs?: number | undefined
  /** Whether enough of the subtask may be opened to decide it: what is sealed from now on could be a copy. */
  readonly isShown?: (() => boolean) | undefined
  /** Why this holder, of all, may not have this replica. */
  readonly conflict?:
    | ((replica: ReplicaKey, holder: PeerId) => 'same-holder' | 'caught' | undefined)
    | undefined
}

/** An answer, and the state to store before giving it. */
export interface Step<Reply> {
  readonly state: WitnessState
  /** False if the state is the one that is stored already. */
  readonly changed: boolean
  readonly reply:
    | { readonly granted: true; readonly value: Reply }
    | { readonly granted: false; readonly refusal: Refusal }
}

/** How a replica stands at this witness. */
export function leaseState(
  state: WitnessState | undefined,
  nowMs: number
): 'open' | 'leased' | 'registered' | 'committed' {
  if (state?.cert !== undefined) return 'committed'
  if (state?.register !== undefined) return 'registered'
  return state !== undefined && isLive(state, nowMs) ? 'leased' : 'open'
}

/**
 * For how long a replica has been open at this witness; undefined while somebody holds it, or once it is closed.
 *
 * @param openSinceMs since when it is wanted
 */
export function openForMs(
  state: WitnessState | undefined,
  openSinceMs: number,
  nowMs: number
): number | undefined {
  if (state === undefined) return Math.max(0, nowMs - openSinceMs)
  if (state.cert !== undefined || isLive(state, nowMs)) return undefined
  return state.waitedMs + Math.max(0, nowMs - Math.max(openSinceMs, state.expiresAtMs))
}

export function isOwnerMode({ witnesses: { members }, creator }: WitnessRules): boolean {
  return members.length === 1 && members[0] === creator
}

/** When a lease ends for good, however often it is renewed: its total is used up, or it got nowhere for too long. */
export function endsAtMs(
  state: Pick<WitnessState, 'claimedAtMs' | 'etaMs' | 'progressBps' | 'progressedAtMs'>,
  rules: WitnessRules
): number {
  const totalMs = leaseTotalMs(state.etaMs, rules.params)
  const untilMs = state.claimedAtMs + totalMs
  // In owner mode the creator chose the holder: it may trust who reports nothing on the way.
  if (isOwnerMode(rules)) return untilMs
  return Math.min(untilMs, state.progressedAtMs + stallMs(totalMs, state.progressBps))
}

/**
 * The clock of a lease that starts now. Neither another fence nor a release restarts that of a holder that got nowhere, until
 * everybody else had a term to claim.
 */
export function clockOf(
  state: WitnessState,
  { holder, etaMs }: { readonly holder: PeerId; readonly etaMs: number },
  nowMs: number,
  params: Params
): Pick<WitnessState, 'claimedAtMs' | 'etaMs' | 'progressedAtMs'> {
  const isItsOwn = state.holder === holder || state.releasedBy === holder
  const continued = isItsOwn && nowMs < state.expiresAtMs + leaseTermMs(state.etaMs, params)
  return continued ? state : { claimedAtMs: nowMs, etaMs, progressedAtMs: nowMs }
}

/** When the last lease was renewed, as far as its end tells. */
export function renewedAtMs({ expiresAtMs, etaMs }: WitnessState, params: Params): number {
  return expiresAtMs - leaseTermMs(etaMs, params)
}

/** Whether somebody was given a replica and neither finished it nor handed it back: no lease of it runs any more. */
export function hasLapsed(state: WitnessState, nowMs: number): boolean {
  const wasHeld = state.renewed === true || state.holder !== undefined
  return wasHeld && state.cert === undefined && !isLive(state, nowMs)
}

export function isLive(state: WitnessState, nowMs: number): boolean {
  return state.holder !== undefined && nowMs < state.expiresAtMs
}

export function leftMs(state: WitnessState, nowMs: number): number {
  return Math.max(0, state.expiresAtMs - nowMs)
}

export function leftOf(state: WitnessState, nowMs: number): { leftMs?: number } {
  return isLive(state, nowMs) ? { leftMs: leftMs(state, nowMs) } : {}
}

export function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max
}

export function outOfPlace(replica: ReplicaKey, rules: WitnessRules): RefusalReason | undefined {
  if (replica.job !== rules.witnesses.job) return 'unknown-job'
  if (!witnessesOf(rules.witnesses, replica).includes(rules.self)) return 'not-witness'
  const inRange =
    isCount(replica.subtask, rules.subtaskCount - 1) &&
    isCount(replica.replica, rules.replicaCountMax - 1) &&
    isCount(replica.generation, GENERATION_MAX)
  return inRange ? undefined : 'out-of-range'
}

export function step<Reply>(state: WitnessState, value: Reply): Step<Reply> {
  return { state, changed: true, reply: { granted: true, value } }
}

export function same<Reply>(state: WitnessState, value: Reply): Step<Reply> {
  return { state, changed: false, reply: { granted: true, value } }
}

export function refuse(
  state: WitnessState,
  reason: RefusalReason,
  facts: Omit<Refusal, 'reason'> = {}
): Step<never> {
  return { state, changed: false, reply: { granted: false, refusal: { reason, ...facts } } }
}
