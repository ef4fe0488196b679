import type { Claim, LeasePromise, PeerId, Refusal } from '@rayswarm/interface'
import { FENCE_JUMP_MAX } from '@rayswarm/params'
import { verifySigned } from '@rayswarm/wire'
import { sameReplica } from './certs.ts'
import { RACE_JUMP_GAPS } from './race.ts'
import {
  clockOf,
  endsAtMs,
  isCount,
  isLive,
  isOwnerMode,
  leftMs,
  openForMs,
  outOfPlace,
  refuse,
  type Step,
  step,
  type WitnessRules,
  type WitnessState
} from './state.ts'
import { ETA_MS_MAX } from './timing.ts'

/**
 * Answer a claim: at most one holder per fence, none while another's lease runs, and none before its turn.
 *
 * @see spec/lease.md#claim
 */
export function onClaim(
  state: WitnessState,
  claim: Claim,
  from: PeerId,
  nowMs: number,
  rules: WitnessRules
): Step<LeasePromise> {
  const misplaced = outOfPlace(claim.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (!isCount(claim.fence, Number.MAX_SAFE_INTEGER) || claim.fence === 0)
    return refuse(state, 'out-of-range')
  if (!isCount(claim.etaMs, Math.min(ETA_MS_MAX, rules.etaMsMax ?? ETA_MS_MAX)))
    return refuse(state, 'out-of-range')
  if (from !== claim.holder) return refuse(state, 'wrong-signer')

  const mine = state.holder === claim.holder
  const repeated = mine && state.fence === claim.fence
  const { fence } = state

  if (state.cert !== undefined) return refuse(state, 'done', { cert: state.cert })
  if (!mine && isLive(state, nowMs)) return refuse(state, 'held', { fence, leftMs: leftMs(state, nowMs) })
  if (claim.fence <= fence && !repeated) return refuse(state, 'stale-fence', { fence })
  if (claim.fence > fence + FENCE_JUMP_MAX) return refuse(state, 'fence-jump', { fence })
  if (!grantHolds(claim, rules)) return refuse(state, 'no-grant')
  const unwelcome = outOfTurn(state, claim, nowMs, rules)
  if (unwelcome !== undefined) return refuse(state, unwelcome.reason, unwelcome)

  const { claimedAtMs, etaMs, progressedAtMs } = clockOf(state, claim, nowMs, rules.params)
  const progressBps = repeated ? state.progressBps : 0
  if (nowMs >= endsAtMs({ claimedAtMs, etaMs, progressedAtMs, progressBps }, rules))
    return refuse(state, 'no-progress', { fence })

  const termMs = rules.params.promiseTermMs
  const { register, grant: known, renewed } = state
  const grant = claim.grant ?? (mine ? known : undefined)
  const next: WitnessState = {
    fence: claim.fence,
    holder: claim.holder,
    // A repeated claim may arrive after the first renewal: it must not cut the lease short.
    expiresAtMs: mine ? Math.max(state.expiresAtMs, nowMs + termMs) : nowMs + termMs,
    claimedAtMs,
    etaMs,
    progressBps,
    progressedAtMs,
    waitedMs: openForMs(state, rules.openSinceMs ?? nowMs, nowMs) ?? state.waitedMs,
    ...(renewed && { renewed }),
    ...(grant && { grant }),
    ...(register && { register })
  }
  const { replica, holder } = claim
  const price = grant?.body.price ?? rules.priceCap(replica)
  return step(next, { replica, holder, fence: claim.fence, price, termMs, ...(register && { register }) })
}

/** Owner mode takes no claim without the creator's word; elsewhere a grant only has to be true. */
function grantHolds(claim: Claim, rules: WitnessRules): boolean {
  const { grant } = claim
  if (grant === undefined) return !isOwnerMode(rules)

  return (
    grant.type === 'grant' &&
    grant.signer === rules.creator &&
    grant.body.holder === claim.holder &&
    sameReplica(grant.body.replica, claim.replica) &&
    verifySigned(grant, rules.context)
  )
}

/** Whether the replica is wanted, from this holder, and already. */
function outOfTurn(
  state: WitnessState,
  { replica, holder, fence, grant }: Claim,
  nowMs: number,
  { race, openSinceMs, conflict, params }: WitnessRules
): Refusal | undefined {
  if (race !== undefined && openSinceMs === undefined) return { reason: 'not-open' }
  const clash = conflict?.(replica, holder)
  if (clash !== undefined) return { reason: clash }
  if (race === undefined || openSinceMs === undefined || grant !== undefined) return undefined

  // Who holds it, or did last and comes with the same fence, had its turn.
  if (state.holder === holder && (isLive(state, nowMs) || state.fence === fence)) return undefined
  const turnMs = race(holder, replica, fence)
  if (turnMs === undefined) return { reason: 'not-registered' }

  // Every fence has its own race. Looking for a fence with an early turn must cost more than it gains.
  const jumpMs = (fence - state.fence - 1) * RACE_JUMP_GAPS * params.raceGapMs
  const waitedMs = openForMs(state, openSinceMs, nowMs) ?? 0
  const left = turnMs + jumpMs - waitedMs
  return left > 0 ? { reason: 'too-early', fence: state.fence, leftMs: left } : undefined
}
