import {
  type Commit,
  type CommitCert,
  type Grant,
  type LeaseCert,
  type LeasePromise,
  type PeerId,
  RayswarmError,
  type Refusal,
  type RefusalReason,
  type ReplicaKey,
  type Signed,
  type WitnessSet
} from '@rayswarm/interface'
import {
  claimBackoffMs,
  commitCertOf,
  isSoundCommit,
  judgeCommitCert,
  leaseCertOf,
  nextFence,
  sameCommit,
  sameReplica,
  voteOf,
  witnessesOf
} from '@rayswarm/lease'
import { LEASE_RENEWALS_PER_TERM, type Params } from '@rayswarm/params'
import { decodeMessage, encodeMessage, type MessageOf, message, signed } from '@rayswarm/wire'
import { firstOf } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { Scope } from './scope.ts'

/** Rounds in which a claim may lose before the node gives the replica up. */
const CLAIM_ROUND_COUNT_MAX = 8
/** Times that one request is sent to witnesses that stay silent. */
const SENT_COUNT_MAX = 3
/** The same for a commit, which is given longer. */
const COMMIT_SENT_COUNT_MAX = 2

type Reply = MessageOf<'promise' | 'renew-ack' | 'release-ack' | 'commit-vote' | 'refusal'>
const REPLIES = ['promise', 'renew-ack', 'release-ack', 'commit-vote', 'refusal'] as const

/** What a node wants a lease of, and by which right. */
export interface LeaseWish {
  readonly replica: ReplicaKey
  /** One more than the last fence heard of. */
  readonly fence: number
  readonly etaMs: number
  /** The creator's word, or our lease in an earlier view; without one the race decides. */
  readonly grant?: Signed<Grant>
  readonly lease?: LeaseCert
}

/** A lease won. For how long is nothing to its holder: it works on until somebody proves a higher fence. */
export interface HeldLease {
  readonly cert: LeaseCert
  /** The execution time that was declared with the claim. */
  readonly etaMs: number
  /** Somebody's commit that must be finished before other work. */
  readonly register?: Signed<Commit>
}

/** So few witnesses answer that no quorum can be had: they may be away for a while, or for good. */
export type Silence = { readonly silent: true }

/** What became of a commit. Whoever voted for it holds it in a register, where somebody else may find and finish it. */
export type Relayed =
  | { readonly cert: CommitCert }
  | { readonly refusal: Refusal; readonly voteCount: number }
  | (Silence & { readonly answeredCount: number })

/** What became of a renewal; undefined when too few witnesses answered. */
export type Renewal = { readonly termMs: number } | Refusal | undefined

/** The holder's side of the lease protocol: asks all witnesses, counts to the quorum. */
export class WitnessQuorum {
  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly witnesses: WitnessSet
  ) {}

  /** Win the lease, or say why not after so many rounds, each of which waits longer. */
  async claim(
    wish: LeaseWish,
    roundCountMax = CLAIM_ROUND_COUNT_MAX
  ): Promise<{ held: HeldLease } | { refusal: Refusal } | Silence> {
    const { chance, params, context, network } = this.components
    const { replica, etaMs, grant, lease } = wish
    let { fence } = wish
    let last: Refusal = { reason: 'overloaded' }
    for (let round = 0; round < roundCountMax; round++) {
      const holder = network.peerId
      const request = encodeMessage(
        message('claim', { replica, holder, fence, etaMs, ...(grant && { grant }), ...(lease && { lease }) })
      )
      const promises: Signed<LeasePromise>[] = []
      const refusals: Refusal[] = []
      const silentCount = await this.#ask(replica, request, reply => {
        if (reply.type === 'promise' && this.#isCredible(reply.body, replica)) promises.push(reply)
        if (reply.type === 'refusal') refusals.push(reply.body)
        return promises.length >= this.witnesses.quorum || this.#isHopeless(refusals, replica)
      })
      const cert = leaseCertOf(promises, this.witnesses, context)
      if (cert !== undefined) {
        const register = promises.find(p => p.body.register !== undefined)?.body.register
        return { held: { cert, etaMs, ...(register && { register }) } }
      }
      const earlyMs = round + 1 < roundCountMax ? waitOf(refusals, params) : undefined
      if (earlyMs !== undefined && this.#isTooMany(refusals.length + silentCount)) {
        // Who promised keeps it for us: the others only count a little less time, or saw the last holder a little longer.
        await this.scope.sleep(earlyMs)
        continue
      }
      if (promises.length > 0) await this.release(replica, fence)
      await this.#tellClosed(refusals, promises)
      last = refusals.find(isFinal) ?? refusals[0] ?? last
      if (this.#isHopeless(refusals, replica)) return { refusal: last }
      if (this.#isTooMany(silentCount)) return { silent: true }
      fence = nextFence(fence, refusals, chance.unit())
      await this.scope.sleep(claimBackoffMs(round, chance.unit(), params))
    }
    return { refusal: last }
  }

  /**
   * One witness says that the replica is closed, others promised it: they may have missed the certificate, and its holder may be gone.
   * Without it they would never agree to the next generation.
   */
  async #tellClosed(refusals: readonly Refusal[], promises: readonly Signed<LeasePromise>[]): Promise<void> {
    const cert = refusals.find(refusal => refusal.cert !== undefined)?.cert
    if (cert === undefined) return
    await this.tell(
      cert,
      promises.map(({ signer }) => signer)
    )
  }

  /** Show a certificate to witnesses whose holder may be gone. */
  async tell(cert: CommitCert, witnesses = witnessesOf(this.witnesses, cert.replica)): Promise<void> {
    const { network, params } = this.components
    const sealed = encodeMessage(message('sealed', { cert }))
    const options = { timeoutMs: params.leaseRequestTimeoutMs, signal: this.scope.signal }
    await Promise.allSettled(
      witnesses.map(witness => network.request(witness, 'verification', sealed, options))
    )
  }

  /** A promise that shows a commit which cannot stand in a register is a liar's: finishing that commit would be in vain. */
  #isCredible({ register }: LeasePromise, replica: ReplicaKey): boolean {
    return (
      register === undefined ||
      (sameReplica(register.body.replica, replica) &&
        isSoundCommit(register, this.witnesses, this.components.context))
    )
  }

  /**
   * Extend the lease. Answers the new term, a refusal, or undefined when too few witnesses answered.
   *
   * @param prove show the certificate, for witnesses that did not promise the lease themselves
   */
  async renew({ cert, etaMs }: HeldLease, progressBps: number, prove: boolean): Promise<Renewal> {
    const { replica, holder, fence } = cert
    const lease = prove ? { lease: { cert, etaMs } } : {}
    const request = encodeMessage(message('renew', { replica, holder, fence, progressBps, ...lease }))
    const { leaseRequestTimeoutMs, leaseTermMsMin } = this.components.params
    const terms: number[] = []
    const refusals: Refusal[] = []
    await this.#ask(
      replica,
      request,
      reply => {
        if (reply.type === 'renew-ack') terms.push(reply.body.termMs)
        if (reply.type === 'refusal') refusals.push(reply.body)
        return terms.length >= this.witnesses.quorum
      },
      // The next one must still find the lease alive.
      {
        sentCountMax: 1,
        timeoutMs: Math.min(leaseRequestTimeoutMs, leaseTermMsMin / LEASE_RENEWALS_PER_TERM)
      }
    )
    if (terms.length >= this.witnesses.quorum) return { termMs: Math.min(...terms) }
    // One witness may lie: a lease is lost when so many say so that no quorum is left for it.
    const lost = refusals.filter(refusal => (refusal.fence ?? 0) > fence || refusal.reason === 'done')
    if (this.#isHopeless(lost, replica, () => true)) return lost[0]
    // Some refuse for other reasons: one of these is the answer, not a fence that too few have heard of.
    if (!this.#isHopeless(refusals, replica, () => true)) return undefined
    return refusals.find(refusal => !lost.includes(refusal))
  }

  /** Whether so many witnesses refuse for good that no quorum is left, or one proves that the replica is closed. */
  #isHopeless(refusals: readonly Refusal[], replica: ReplicaKey, counts = isFinal): boolean {
    return this.#isTooMany(refusals.filter(counts).length) || this.#closingOf(refusals, replica) !== undefined
  }

  /** Proof, by one of those who refuse, that the replica is closed. */
  #closingOf(refusals: readonly Refusal[], replica: ReplicaKey): CommitCert | undefined {
    return refusals.find(
      ({ cert }) =>
        cert !== undefined &&
        sameReplica(cert.replica, replica) &&
        judgeCommitCert(cert, this.witnesses, this.components.context).action === 'accept'
    )?.cert
  }

  /** Whether so many witnesses say no, or nothing, that no quorum is left. */
  #isTooMany(count: number): boolean {
    return count > this.witnesses.witnessCount - this.witnesses.quorum
  }

  /** Hand the lease back; best effort, and also when the peer is stopping: that is what it is for. */
  async release(replica: ReplicaKey, fence: number): Promise<void> {
    const { network, params } = this.components
    const request = encodeMessage(message('release', { replica, holder: network.peerId, fence }))
    const options = { timeoutMs: params.leaseRequestTimeoutMs }
    await Promise.allSettled(
      witnessesOf(this.witnesses, replica).map(witness => network.request(witness, 'lease', request, options))
    )
  }

  /** Close the replica with our seal. */
  async commit(lease: LeaseCert, seal: Uint8Array): Promise<Relayed> {
    const { replica, holder, fence } = lease
    const body: Commit = { replica, holder, fence, seal, lease }
    return this.relay(signed('commit', body, this.components.context))
  }

  /**
   * Close the replica with somebody's commit, ours or one found in a register. One witness may lie, or have started a moment ago:
   * nothing is refused before no quorum is left.
   */
  async relay(commit: Signed<Commit>): Promise<Relayed> {
    const { context } = this.components
    const request = encodeMessage(commit)
    const votes: MessageOf<'commit-vote'>[] = []
    const refusals: Refusal[] = []
    const enough = (reply: Reply): boolean => {
      if (reply.type === 'commit-vote') votes.push(reply)
      if (reply.type === 'refusal') refusals.push(reply.body)
      return votes.length >= this.witnesses.quorum
    }
    // Nobody waits for the replica meanwhile: witnesses that are busy get the time they need, instead of the same again.
    const timeoutMs = this.components.params.requestTimeoutMs
    await this.#ask(commit.body.replica, request, enough, { timeoutMs, sentCountMax: COMMIT_SENT_COUNT_MAX })
    const cert = commitCertOf(votes, this.witnesses, context)
    if (cert !== undefined) return { cert }
    const closing = this.#closingOf(refusals, commit.body.replica)
    if (closing !== undefined)
      return sameCommit(closing, voteOf(commit.body))
        ? { cert: closing }
        : { refusal: { reason: 'done', cert: closing }, voteCount: 0 }
    const lasting = refusals.filter(({ reason }) => !PASSING.has(reason))
    return this.#isTooMany(lasting.length)
      ? { refusal: lasting[0]!, voteCount: votes.length }
      : { silent: true, answeredCount: votes.length + refusals.length }
  }

  /**
   * Send one request to every witness of a replica, again to the silent ones, until `enough` says so or all have answered. Answers
   * how many stayed silent.
   */
  async #ask(
    replica: ReplicaKey,
    request: Uint8Array,
    enough: (reply: Reply) => boolean,
    { sentCountMax = SENT_COUNT_MAX, timeoutMs = this.components.params.leaseRequestTimeoutMs } = {}
  ): Promise<number> {
    const { network, params, context } = this.components
    const silent = new Set<PeerId>(witnessesOf(this.witnesses, replica))
    let done = false
    for (let round = 0; round < sentCountMax && silent.size > 0 && !done; round++) {
      if (round > 0) await this.scope.sleep(params.leaseRetryMs)
      const options = { timeoutMs, signal: this.scope.signal }
      await firstOf(
        [...silent].map(async witness => {
          const bytes = await network.request(witness, 'lease', request, options).catch(() => undefined)
          const decoded = bytes && decodeMessage(bytes, REPLIES, context)
          if (done || !decoded?.ok || !isFrom(decoded.value, witness)) return false
          silent.delete(witness)
          done = enough(decoded.value)
          return done
        })
      )
      if (this.scope.closed) throw new RayswarmError('ERR_ABORTED', 'the peer is stopping')
    }
    return silent.size
  }
}

/** How long to wait for the witnesses for which a claim comes too early; undefined when it is not only that, or too long. */
function waitOf(refusals: readonly Refusal[], { promiseTermMs }: Params): number | undefined {
  const isEarly = refusals.length > 0 && refusals.every(({ reason }) => EARLY.has(reason))
  const waitMs = Math.max(0, ...refusals.map(({ leftMs = 0 }) => leftMs))
  return isEarly && waitMs < promiseTermMs / 2 ? waitMs : undefined
}

/** Refusals that time alone turns. */
const EARLY: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['too-early', 'held'])

/** Signed replies must be the answering witness's own. */
function isFrom(reply: Reply, witness: PeerId): boolean {
  return !('signer' in reply) || reply.signer === witness
}

/** Refusals of witnesses that know too little of the job as yet, or have too much to do. */
export const PASSING: ReadonlySet<RefusalReason> = new Set<RefusalReason>(['overloaded', 'unknown-job'])

const FINAL: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'caught',
  'done',
  'held',
  'no-grant',
  'not-open',
  'not-registered',
  'not-witness',
  'out-of-range',
  'same-holder',
  'too-early',
  'wrong-signer'
])

/** Refusals that no retry can turn, or none soon enough. */
function isFinal(refusal: Refusal): boolean {
  return FINAL.has(refusal.reason)
}
