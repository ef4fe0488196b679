/**
 * @packageDocumentation
 *
 * Who may execute which replica, until when: the rules of a job's witnesses, and the certificates they add up to.
 * Pure functions: a state, a request and the time go in, a new state and the answer come out.
 *
 * @example
 *
 * ```ts
 * import { onClaim, VACANT } from '@rayswarm/lease'
 *
 * const step = onClaim(stored ?? VACANT, claim, from, clock.nowMs(), rules)
 * if (step.changed) await store.put(key, canonical(step.state))
 * return step.reply.granted
 *   ? signed('promise', step.reply.value, context)
 *   : message('refusal', step.reply.refusal)
 * ```
 */
export {
  commitCertOf,
  isSoundCommit,
  judgeCommitCert,
  type LeaseFault,
  leaseCertOf,
  sameCommit,
  sameReplica,
  voteOf
} from './certs.ts'
export { onClaim } from './claim.ts'
export {
  type DrawInit,
  drawableCount,
  drawnSet,
  drawWitnesses,
  witnessRuleFor
} from './draw.ts'
export { judgeEquivocation, proofsOf } from './equivocation.ts'
export {
  type Racer,
  type RaceTable,
  type RaceWeight,
  raceDelayMs,
  raceOf,
  raceWeightOf,
  sortitioned
} from './race.ts'
export { type CertKind, certKey, judgeCertRecord } from './records.ts'
export {
  hasLapsed,
  leaseState,
  openForMs,
  renewedAtMs,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState
} from './state.ts'
export {
  claimBackoffMs,
  ETA_MS_MAX,
  nextFence,
  witnessSet
} from './timing.ts'
export {
  firstGenerationOf,
  inViews,
  membersOf,
  viewCountOf,
  viewOf,
  viewOfPeer,
  witnessesOf
} from './views.ts'
export { onCert, onCommit, onRelease, onRenew } from './witness.ts'
