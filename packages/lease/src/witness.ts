import type {
  Commit,
  CommitCert,
  CommitVote,
  PeerId,
  Release,
  Renew,
  RenewAck,
  Signed
} from '@rayswarm/interface'
import { BPS } from '@rayswarm/params'
import { verifySigned } from '@rayswarm/wire'
import { isLeased, judgeCommitCert, judgeLeaseCert, sameCommit, sameReplica, voteOf } from './certs.ts'
import {
  clockOf,
  endsAtMs,
  isCount,
  isLive,
  leftMs,
  leftOf,
  outOfPlace,
  refuse,
  type Step,
  same,
  step,
  VACANT,
  type WitnessRules,
  type WitnessState
} from './state.ts'
import { ETA_MS_MAX, leaseTermMs } from './timing.ts'

/**
 * Answer a renewal: the holder of the last lease keeps it, lapsed or not, as long as nobody else claimed and it gets on.
 *
 * @see spec/lease.md#renew
 */
export function onRenew(
  known: WitnessState,
  renew: Renew,
  from: PeerId,
  nowMs: number,
  rules: WitnessRules
): Step<RenewAck> {
  const misplaced = outOfPlace(renew.replica, rules)
  if (misplaced !== undefined) return refuse(known, misplaced)
  if (!isCount(renew.progressBps, Number(BPS))) return refuse(known, 'out-of-range')
  if (from !== renew.holder) return refuse(known, 'wrong-signer')
  if (known.cert !== undefined) return refuse(known, 'done', { cert: known.cert })

  const { fence } = known
  const state = adopted(known, renew, nowMs, rules)
  if (renew.fence < fence) return refuse(known, 'stale-fence', { fence, ...leftOf(known, nowMs) })
  if (renew.fence !== state.fence || renew.holder !== state.holder)
    return refuse(known, 'not-holder', { fence })

  const { progressBps } = renew
  if (progressBps < state.progressBps) return refuse(known, 'no-progress', { fence })
  const progressedAtMs = progressBps > state.progressBps ? nowMs : state.progressedAtMs
  const untilMs = endsAtMs({ ...state, progressBps, progressedAtMs }, rules)
  if (nowMs >= untilMs) return refuse(known, 'no-progress', { fence })

  const wantedMs = nowMs + leaseTermMs(state.etaMs, rules.params)
  const expiresAtMs = Math.max(state.expiresAtMs, Math.min(wantedMs, untilMs))
  const next: WitnessState = {
    ...state,
    expiresAtMs,
    progressBps,
    progressedAtMs,
    waitedMs: 0,
    renewed: true
  }
  return step(next, {
    replica: renew.replica,
    fence: renew.fence,
    termMs: Math.min(wantedMs, untilMs) - nowMs
  })
}

/**
 * The lease as a quorum promised it, if the renewal proves one that this witness knows nothing of: it refused the claim, or never
 * heard it. Without this it would go on telling everybody that the replica is open. Whoever's lease runs here has lost its quorum.
 */
function adopted(state: WitnessState, renew: Renew, nowMs: number, rules: WitnessRules): WitnessState {
  const { fence, holder, lease, replica } = renew
  if (lease === undefined || fence <= state.fence) return state
  const { cert } = lease
  const isIts = sameReplica(cert.replica, replica) && cert.holder === holder && cert.fence === fence
  if (!isIts || !isCount(lease.etaMs, Math.min(ETA_MS_MAX, rules.etaMsMax ?? ETA_MS_MAX))) return state
  if (judgeLeaseCert(cert, rules.witnesses, rules.context).action !== 'accept') return state
  const started = { holder, etaMs: lease.etaMs }
  const { claimedAtMs, etaMs, progressedAtMs } = clockOf(state, started, nowMs, rules.params)
  const { register } = state
  const { price } = cert
  return {
    ...VACANT,
    fence,
    holder,
    price,
    claimedAtMs,
    etaMs,
    progressedAtMs,
    ...(register && { register })
  }
}

/**
 * Answer a release. What is not held is released already, so this never refuses a holder.
 *
 * @see spec/lease.md#release
 */
export function onRelease(
  state: WitnessState,
  release: Release,
  from: PeerId,
  nowMs: number,
  rules: WitnessRules
): Step<Record<string, never>> {
  const misplaced = outOfPlace(release.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (from !== release.holder) return refuse(state, 'wrong-signer')
  if (release.holder !== state.holder || release.fence !== state.fence) return same(state, {})

  const { holder: _holder, price: _price, ...rest } = state
  const expiresAtMs = Math.min(nowMs, state.expiresAtMs)
  return step({ ...rest, expiresAtMs, progressBps: 0, releasedBy: release.holder }, {})
}

/**
 * Answer a commit: write the register once, and vote for what stands in it and for nothing else, ever.
 *
 * @see spec/lease.md#commit
 */
export function onCommit(
  state: WitnessState,
  commit: Signed<Commit>,
  from: PeerId,
  nowMs: number,
  rules: WitnessRules
): Step<CommitVote> {
  const { body } = commit
  const misplaced = outOfPlace(body.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (body.seal.length !== 32) return refuse(state, 'out-of-range')
  if (commit.type !== 'commit' || commit.signer !== body.holder) return refuse(state, 'wrong-signer')

  const vote = voteOf(body)
  const { holder } = body
  const { register, cert, fence } = state
  if (register !== undefined && sameCommit(voteOf(register.body), vote)) return same(state, vote)
  if (cert !== undefined && !sameCommit(cert, vote)) return refuse(state, 'done', { cert })
  if (register !== undefined) return refuse(state, 'register-taken', { fence, ...leftOf(state, nowMs) })

  // Whoever holds the lease now may finish another's commit; nobody else may get in its way.
  const welcome = state.holder === holder || state.holder === from || !isLive(state, nowMs)
  if (!welcome) return refuse(state, 'held', { fence, leftMs: leftMs(state, nowMs) })
  if (rules.isShown?.()) return refuse(state, 'not-open', { fence })

  if (!isLeased(body, rules.witnesses, rules.context)) return refuse(state, 'bad-certificate')
  if (!verifySigned(commit, rules.context)) return refuse(state, 'wrong-signer')

  return step({ ...state, register: commit }, vote)
}

/**
 * Take note of a commit certificate. A valid one closes the replica here, whatever this witness voted for.
 *
 * @see spec/lease.md#done
 */
export function onCert(
  state: WitnessState,
  cert: CommitCert,
  rules: WitnessRules
): Step<Record<string, never>> {
  const misplaced = outOfPlace(cert.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (state.cert !== undefined) {
    return sameCommit(state.cert, cert) ? same(state, {}) : refuse(state, 'done', { cert: state.cert })
  }
  if (judgeCommitCert(cert, rules.witnesses, rules.context).action !== 'accept')
    return refuse(state, 'bad-certificate')
  return step({ ...state, cert }, {})
}
