import type { Claim, LeasePromise, PeerId, Refusal } from '@rayswarm/interface'
import { FENCE_JUMP_MAX } from '@rayswarm/params'
import { verifySigned } from '@rayswarm/wire'
import { judgeLeaseCert, sameReplica } from './certs.ts'
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
import { viewOf } from './views.ts'

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
  if (!leaseHolds(claim, rules)) return refuse(state, 'bad-certificate')
  const unwelcome = outOfTurn(state, claim, nowMs, rules)
  if (unwelcome !== undefined) return refuse(state, unwelcome.reason, unwelcome)

  const { claimedAtMs, etaMs, progressedAtMs } = clockOf(state, claim, nowMs, rules.params)
  const progressBps = repeated ? state.progressBps : 0
  if (nowMs >= endsAtMs({ claimedAtMs, etaMs, progressedAtMs, progressBps }, rules))
    return refuse(state, 'no-progress', { fence })

  const termMs = rules.params.promiseTermMs
  const { replica, holder, grant, lease } = claim
  const { register, renewed } = state
  // What a holder was promised stays so, whatever it shows or hides when it asks again.
  const before = mine ? state.price : undefined
  const price = grant?.body.price ?? lease?.price ?? before ?? rules.priceCap(replica)
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
    price,
    ...(register && { register })
  }
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

/** Who shows a lease of an earlier view must have held that of the same replica. */
function leaseHolds({ replica, holder, lease }: Claim, { witnesses, context }: WitnessRules): boolean {
  if (lease === undefined) return true
  const { generation } = lease.replica
  return (
    lease.holder === holder &&
    sameReplica({ ...lease.replica, generation: replica.generation }, replica) &&
    viewOf(generation) < viewOf(replica.generation) &&
    lease.promises.every(promise => promise.body.register === undefined) &&
    judgeLeaseCert(lease, witnesses, context).action === 'accept'
  )
}

/** Whether the replica is wanted, from this holder, and already. */
function outOfTurn(
  state: WitnessState,
  { replica, holder, fence, grant, lease }: Claim,
  nowMs: number,
  { race, openSinceMs, opensInMs, conflict, params }: WitnessRules
): Refusal | undefined {
  if (race !== undefined && openSinceMs === undefined)
    return opensInMs === undefined
      ? { reason: 'not-open' }
      : { reason: 'too-early', fence: state.fence, leftMs: opensInMs }
  const clash = conflict?.(replica, holder)
  if (clash !== undefined) return { reason: clash }
  if (race === undefined || openSinceMs === undefined) return undefined
  if (grant !== undefined || lease !== undefined) return undefined

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
