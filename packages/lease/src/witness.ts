import type {
  Claim,
  Commit,
  CommitCert,
  CommitVote,
  Grant,
  LeasePromise,
  PeerId,
  Refusal,
  RefusalReason,
  Release,
  Renew,
  RenewAck,
  ReplicaKey,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { BPS, FENCE_JUMP_MAX, GENERATION_COUNT_MAX, type Params } from '@rayswarm/params'
import { verifySigned, type WireContext } from '@rayswarm/wire'
import { judgeCommitCert, judgeLeaseCert, sameCommit, sameReplica } from './certs.ts'
import { ETA_MS_MAX, leaseTermMs, leaseTotalMs } from './timing.ts'

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
  /** When this holder first claimed: its lease's total length counts from here. */
  readonly claimedAtMs: number
  readonly etaMs: number
  readonly progressBps: number
  /** The creator's word this holder claimed with. */
  readonly grant?: Signed<Grant>
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
  progressBps: 0
}

/** What a witness knows about the job when it answers. */
export interface WitnessRules {
  readonly params: Params
  readonly witnesses: WitnessSet
  /** The witness that answers. */
  readonly self: PeerId
  readonly creator: PeerId
  readonly context: WireContext
  readonly subtaskCount: number
  readonly replicaCountMax: number
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

/**
 * Answer a claim: at most one holder per fence, and none while another's lease runs.
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
  if (!isCount(claim.etaMs, ETA_MS_MAX)) return refuse(state, 'out-of-range')
  if (from !== claim.holder) return refuse(state, 'wrong-signer')

  const mine = state.holder === claim.holder
  const repeated = mine && state.fence === claim.fence
  const { fence } = state

  if (state.cert !== undefined) return refuse(state, 'done', { cert: state.cert })
  if (!mine && isLive(state, nowMs)) return refuse(state, 'held', { fence, leftMs: leftMs(state, nowMs) })
  if (claim.fence <= fence && !repeated) return refuse(state, 'stale-fence', { fence })
  if (claim.fence > fence + FENCE_JUMP_MAX) return refuse(state, 'fence-jump', { fence })
  if (!grantHolds(claim, rules)) return refuse(state, 'no-grant')

  // Claiming again must not restart the clock of a lease that got nowhere, until everybody else had a term to claim.
  const graceMs = leaseTermMs(state.etaMs, rules.params)
  const continued = mine && nowMs < state.expiresAtMs + graceMs
  const claimedAtMs = continued ? state.claimedAtMs : nowMs
  const etaMs = continued ? state.etaMs : claim.etaMs
  if (nowMs >= claimedAtMs + leaseTotalMs(etaMs, rules.params)) return refuse(state, 'no-progress', { fence })

  const termMs = rules.params.promiseTermMs
  const { register, grant: known } = state
  const grant = claim.grant ?? (mine ? known : undefined)
  const next: WitnessState = {
    fence: claim.fence,
    holder: claim.holder,
    // A repeated claim may arrive after the first renewal: it must not cut the lease short.
    expiresAtMs: mine ? Math.max(state.expiresAtMs, nowMs + termMs) : nowMs + termMs,
    claimedAtMs,
    etaMs,
    progressBps: repeated ? state.progressBps : 0,
    ...(grant && { grant }),
    ...(register && { register })
  }
  const { replica, holder } = claim
  return step(next, { replica, holder, fence: claim.fence, termMs, ...(register && { register }) })
}

/**
 * Answer a renewal: the holder of the last lease keeps it, lapsed or not, as long as nobody else claimed and it gets on.
 *
 * @see spec/lease.md#renew
 */
export function onRenew(
  state: WitnessState,
  renew: Renew,
  from: PeerId,
  nowMs: number,
  rules: WitnessRules
): Step<RenewAck> {
  const misplaced = outOfPlace(renew.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (!isCount(renew.progressBps, Number(BPS))) return refuse(state, 'out-of-range')
  if (from !== renew.holder) return refuse(state, 'wrong-signer')

  const { fence } = state
  if (state.cert !== undefined) return refuse(state, 'done', { cert: state.cert })
  if (renew.fence < fence) return refuse(state, 'stale-fence', { fence, ...leftOf(state, nowMs) })
  if (renew.fence > fence || renew.holder !== state.holder) return refuse(state, 'not-holder', { fence })

  const untilMs = state.claimedAtMs + leaseTotalMs(state.etaMs, rules.params)
  if (renew.progressBps < state.progressBps || nowMs >= untilMs)
    return refuse(state, 'no-progress', { fence })

  const wantedMs = nowMs + leaseTermMs(state.etaMs, rules.params)
  const expiresAtMs = Math.max(state.expiresAtMs, Math.min(wantedMs, untilMs))
  const next: WitnessState = { ...state, expiresAtMs, progressBps: renew.progressBps }
  return step(next, { replica: renew.replica, fence, termMs: Math.min(wantedMs, untilMs) - nowMs })
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
  _nowMs: number,
  rules: WitnessRules
): Step<Record<string, never>> {
  const misplaced = outOfPlace(release.replica, rules)
  if (misplaced !== undefined) return refuse(state, misplaced)
  if (from !== release.holder) return refuse(state, 'wrong-signer')
  if (release.holder !== state.holder || release.fence !== state.fence) return same(state, {})

  const { fence, register, cert } = state
  return step({ ...VACANT, fence, ...(register && { register }), ...(cert && { cert }) }, {})
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

  const { replica, holder, seal } = body
  const { register, cert, fence } = state
  const vote: CommitVote = { replica, holder, seal }
  if (register !== undefined && sameCommit(register.body, body)) return same(state, vote)
  if (cert !== undefined && !sameCommit(cert, body)) return refuse(state, 'done', { cert })
  if (register !== undefined) return refuse(state, 'register-taken', { fence, ...leftOf(state, nowMs) })

  // Whoever holds the lease now may finish another's commit; nobody else may get in its way.
  const welcome = state.holder === holder || state.holder === from || !isLive(state, nowMs)
  if (!welcome) return refuse(state, 'held', { fence, leftMs: leftMs(state, nowMs) })

  const { lease } = body
  const leased = sameReplica(lease.replica, replica) && lease.holder === holder && lease.fence === body.fence
  // Who was shown a register had to finish that commit instead of making its own.
  const blind = lease.promises.every(promise => promise.body.register === undefined)
  if (!leased || !blind) return refuse(state, 'bad-certificate')
  if (judgeLeaseCert(lease, rules.witnesses, rules.context).action !== 'accept')
    return refuse(state, 'bad-certificate')
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

/** How a replica stands at this witness. */
export function leaseState(
  state: WitnessState | undefined,
  nowMs: number
): 'open' | 'leased' | 'registered' | 'committed' {
  if (state?.cert !== undefined) return 'committed'
  if (state?.register !== undefined) return 'registered'
  return state !== undefined && isLive(state, nowMs) ? 'leased' : 'open'
}

function isLive(state: WitnessState, nowMs: number): boolean {
  return state.holder !== undefined && nowMs < state.expiresAtMs
}

function leftMs(state: WitnessState, nowMs: number): number {
  return Math.max(0, state.expiresAtMs - nowMs)
}

function leftOf(state: WitnessState, nowMs: number): { leftMs?: number } {
  return isLive(state, nowMs) ? { leftMs: leftMs(state, nowMs) } : {}
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max
}

function outOfPlace(replica: ReplicaKey, rules: WitnessRules): RefusalReason | undefined {
  if (replica.job !== rules.witnesses.job) return 'unknown-job'
  if (!rules.witnesses.members.includes(rules.self)) return 'not-witness'
  const inRange =
    isCount(replica.subtask, rules.subtaskCount - 1) &&
    isCount(replica.replica, rules.replicaCountMax - 1) &&
    isCount(replica.generation, GENERATION_COUNT_MAX)
  return inRange ? undefined : 'out-of-range'
}

/** Owner mode takes no claim without the creator's word; elsewhere a grant only has to be true. */
function grantHolds(claim: Claim, rules: WitnessRules): boolean {
  const { members } = rules.witnesses
  const ownerMode = members.length === 1 && members[0] === rules.creator
  const { grant } = claim
  if (grant === undefined) return !ownerMode

  return (
    grant.type === 'grant' &&
    grant.signer === rules.creator &&
    grant.body.holder === claim.holder &&
    sameReplica(grant.body.replica, claim.replica) &&
    verifySigned(grant, rules.context)
  )
}

function step<Reply>(state: WitnessState, value: Reply): Step<Reply> {
  return { state, changed: true, reply: { granted: true, value } }
}

function same<Reply>(state: WitnessState, value: Reply): Step<Reply> {
  return { state, changed: false, reply: { granted: true, value } }
}

function refuse(
  state: WitnessState,
  reason: RefusalReason,
  facts: Omit<Refusal, 'reason'> = {}
): Step<never> {
  return { state, changed: false, reply: { granted: false, refusal: { reason, ...facts } } }
}
