import type { Bid, Grant, JobId, JobNotice, Offer, PeerId, Signed, SubtaskOutput } from '@rayswarm/interface'
import { judgeCommitCert } from '@rayswarm/lease'
import { deadlineAtMs } from '@rayswarm/market'
import { GENERATION_COUNT_MAX, GRANTS_PER_REPLY_MAX } from '@rayswarm/params'
import { judge, judgeReveal, mayOpen } from '@rayswarm/verification'
import { encodeMessage, type MessageOf, message, replicaId, signed } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import { BidDesk } from './bid-desk.ts'
import type { RoleComponents } from './components.ts'
import { JobState, type ReplicaRecord, type SubtaskTrack } from './job-state.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { KnownOffer } from './offer-book.ts'
import { fetchResult } from './results.ts'
import { Scope } from './scope.ts'
import { verdictClaims } from './verdict-claims.ts'
import type { WitnessRole } from './witness-role.ts'

export interface JobDriverInit {
  readonly offer: KnownOffer
  /** Called whenever a subtask got its canonical result. */
  readonly onAccepted: (track: SubtaskTrack, output: SubtaskOutput) => Promise<void>
  /** Called once no subtask is running any more, or the deadline has passed. */
  readonly onEnd: (end: 'complete' | 'failed' | 'expired') => void
}

/** The creator's side of one job: grants replicas, compares what comes back, says the verdicts. */
export class JobDriver {
  readonly job: JobId
  readonly state: JobState
  readonly scope: Scope
  readonly #desk: BidDesk
  readonly #deadlineAtMs: number
  /** Nodes whose result lost against a quorum of this job: they get no second chance in it. */
  readonly #caught = new Set<PeerId>()
  /** Replicas whose verdict is in our feed. */
  readonly #said = new Set<string>()
  #noticeSequence = 0
  #ended = false

  constructor(
    readonly components: RoleComponents,
    readonly roles: { readonly witness: WitnessRole; readonly ledger: LedgerRole },
    readonly init: JobDriverInit
  ) {
    const { spec } = init.offer.signed.body
    this.job = init.offer.job
    this.state = new JobState(this.job, spec, split(spec), components.store)
    this.scope = new Scope(components)
    this.#deadlineAtMs = deadlineAtMs(init.offer.signed.body)
    this.#desk = new BidDesk({
      spec,
      onFirst: () => this.scope.after(components.params.matchWindowMs, () => this.#settleBids())
    })
  }

  async start(): Promise<void> {
    const { params } = this.components
    await this.state.restore(this.components.clock.nowMs())
    for (const { body } of this.roles.ledger.own())
      if (body.claim.kind === 'verdict') this.#said.add(replicaId(body.claim.replica))
    for (const track of this.state.tracks) {
      this.#remember(track)
      this.#consider(track)
      if (track.record.state !== 'running') this.scope.spawn('verdict', () => this.#sayVerdicts(track))
    }
    const repeat = async (): Promise<void> => this.#repeatOffer()
    this.scope.spawn('offer', repeat)
    this.scope.every('offer', () => params.offerRepeatMs, repeat)
    this.scope.every(
      'job check',
      () => params.leaseRetryMs,
      async () => this.#check()
    )
    this.#endIfDone()
  }

  async stop(): Promise<void> {
    this.#desk.close()
    await this.scope.close()
    await this.state.saved().catch(cause => this.components.log.warn('job state not kept', { cause }))
  }

  /** Answer a bid; the answer waits for the end of the matching window. */
  async onBid(bid: Signed<Bid>): Promise<MessageOf<'bid-reply'>> {
    const { params } = this.components
    if (this.#ended) return message('bid-reply', { grants: [], retryAfterMs: 0, closed: true })
    if (this.#caught.has(bid.signer))
      return message('bid-reply', {
        grants: [],
        reason: 'reputation-too-low',
        retryAfterMs: params.bidPollMs,
        closed: false
      })
    const again = this.#unclaimed(bid.signer)
    if (again.length > 0)
      return message('bid-reply', { grants: again, retryAfterMs: params.bidPollMs, closed: false })
    const answer = await this.#desk.lay(bid, this.roles.ledger.scoreBps(bid.signer))
    // A grant we forgot in a crash would make its holder's commit nobody's.
    await this.state.saved()
    return message('bid-reply', {
      grants: answer.grants,
      retryAfterMs: params.bidPollMs,
      closed: this.#ended,
      ...(answer.reason === undefined ? {} : { reason: answer.reason })
    })
  }

  /** A holder shows that its replica is closed and asks whether it may open the seal. */
  async onSealed(request: MessageOf<'sealed'>, from: PeerId): Promise<MessageOf<'sealed-reply'>> {
    const { cert } = request.body
    const { params } = this.components
    const found = this.state.find(cert.replica)
    const sound = judgeCommitCert(cert, this.init.offer.witnesses, this.components.context)
    if (found === undefined || cert.holder !== from || sound.action !== 'accept')
      throw new RangeError('not a certificate of this job')
    const { track, record } = found
    // A generation that was given up stays so: its successor may be under way, and only one of them is ever paid.
    const alive = record.outcome === 'open' || record.outcome === 'leased'
    if (alive && !this.#adopt(track, record, cert))
      return message('sealed-reply', { open: false, retryAfterMs: params.sealedPollMs })
    await this.state.saved()
    const over = this.#ended || track.record.state !== 'running'
    const open = over || mayOpen(this.state.spec.verify, this.state.outcomes(track), record.replica)
    return message('sealed-reply', { open, retryAfterMs: params.sealedPollMs })
  }

  /** A holder opens its seal. Once we have said "received", the attestation is ours to keep. */
  async onReveal(request: MessageOf<'reveal'>, from: PeerId): Promise<MessageOf<'reveal-reply'>> {
    const { cert, attestation } = request.body
    const found = this.state.find(cert.replica)
    if (found === undefined || cert.holder !== from) throw new RangeError('not a replica of this job')
    const { track, record } = found
    const sound = judgeReveal(cert, attestation, this.components.context)
    if (sound.action !== 'accept') throw new RangeError(sound.fault)
    if (this.#ended || record.outcome !== 'sealed' || record.cert?.holder !== from)
      return message('reveal-reply', { received: record.outcome !== 'open' })
    const { manifest, account, equivalenceClass } = attestation.body
    const asGranted =
      manifest === this.state.spec.manifest &&
      account === record.grant?.body.account &&
      // Another class would be compared with nobody: the holder is held to the one it bid with.
      equivalenceClass === record.equivalenceClass
    record.attestation = attestation
    record.outcome = asGranted ? 'revealed' : 'mismatch'
    await this.state.save(track)
    this.#consider(track)
    return message('reveal-reply', { received: true })
  }

  /** Grants whose holder may never have heard of them. */
  #unclaimed(node: PeerId): Signed<Grant>[] {
    const grants = this.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => {
        const untouched =
          record.outcome === 'leased' &&
          record.grant?.body.holder === node &&
          this.roles.witness.stateOf(this.state.key(track, record)).holder !== node
        return untouched ? [record.grant!] : []
      })
    )
    return grants.slice(0, GRANTS_PER_REPLY_MAX)
  }

  #settleBids(): void {
    const { clock, context, events } = this.components
    this.#desk.settle(this.state.openReplicas(), (grant, bid) => {
      const granted = signed('grant', grant, context)
      // Matched from our own open replicas a moment ago: it is there.
      const found = this.state.find(grant.replica)!
      found.record.grant = granted
      found.record.grantedAtMs = clock.nowMs()
      // A lapsed holder of another class cannot be judged with the class of this one.
      if (found.record.equivalenceClass !== bid.equivalenceClass) delete found.record.former
      found.record.equivalenceClass = bid.equivalenceClass
      found.record.outcome = 'leased'
      void this.state.save(found.track)
      events.emit('replica:granted', { replica: grant.replica, node: grant.holder })
      return granted
    })
  }

  /** Note that a replica is closed. False when its holder has no grant of ours. */
  #adopt(track: SubtaskTrack, record: ReplicaRecord, cert: MessageOf<'sealed'>['body']['cert']): boolean {
    const grant = grantOf(record, cert.holder)
    if (grant === undefined) return false
    record.cert = cert
    record.grant = grant
    record.outcome = 'sealed'
    void this.state.save(track)
    this.components.events.emit('replica:committed', { replica: cert.replica, node: cert.holder })
    this.#refreshOpenings(track)
    return true
  }

  /** Start the reveal clocks of replicas that may open now, and tell their holders. */
  #refreshOpenings(track: SubtaskTrack): void {
    const outcomes = this.state.outcomes(track)
    let news = false
    for (const record of track.record.replicas) {
      if (record.outcome !== 'sealed' || record.mayOpenAtMs !== undefined) continue
      if (!mayOpen(this.state.spec.verify, outcomes, record.replica)) continue
      record.mayOpenAtMs = this.components.clock.nowMs()
      news = true
    }
    if (news) this.#notice('subtask-sealed', track.subtask.index)
  }

  #fetch(track: SubtaskTrack, record: ReplicaRecord): void {
    if (track.fetching.has(record)) return
    track.fetching.add(record)
    this.scope.spawn('result fetch', async () => {
      const attestation = record.attestation!.body
      const fetched = await fetchResult(this.components, this.scope, track.subtask, attestation)
      track.fetching.delete(record)
      if (this.#ended) return
      if ('output' in fetched) track.outputs.set(record, fetched.output)
      else record.outcome = fetched.outcome
      await this.state.save(track)
      this.#consider(track)
    })
  }

  /** Look at one subtask again: decide it, or open what it still needs. */
  #consider(track: SubtaskTrack): void {
    if (this.#ended || track.record.state !== 'running') return
    const unread = track.record.replicas.filter(r => r.outcome === 'revealed' && !track.outputs.has(r))
    for (const record of unread) this.#fetch(track, record)
    if (unread.length > 0) return
    const judgement = judge(this.state.spec.verify, this.state.outcomes(track))
    if (judgement.state === 'waiting') return this.#refreshOpenings(track)
    if (judgement.state === 'more') {
      for (const { replica, generation } of judgement.replicas)
        track.record.replicas.push({ replica, generation, outcome: 'open' })
      void this.state.save(track)
      this.#refreshOpenings(track)
      return this.#notice('replica-open', track.subtask.index)
    }
    for (const verdict of judgement.verdicts) {
      const found = this.state.find({ job: this.job, subtask: track.subtask.index, ...verdict })
      if (found === undefined) continue
      found.record.verdict = verdict.verdict
      if (verdict.reason !== undefined) found.record.reason = verdict.reason
    }
    const canonical = track.record.replicas.find(
      r => r.verdict === 'accepted' && r.reason === undefined && track.outputs.has(r)
    )
    track.record.state =
      judgement.state === 'decided' && canonical !== undefined ? 'accepted' : ('failed' as const)
    if (canonical !== undefined) track.record.result = canonical.attestation!.body.result
    this.#remember(track)
    this.scope.spawn('verdict', () => this.#conclude(track, canonical && track.outputs.get(canonical)))
  }

  /** Make a decision known. Whatever fails here, the job goes on: pay does not wait for pictures. */
  async #conclude(track: SubtaskTrack, output: SubtaskOutput | undefined): Promise<void> {
    try {
      await this.state.save(track)
      await this.#sayVerdicts(track)
      if (output === undefined) return
      await this.init.onAccepted(track, output)
      this.components.events.emit('subtask:accepted', { job: this.job, subtask: track.subtask.index })
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      this.components.log.warn('subtask not concluded', { subtask: track.subtask.index, cause: error })
      this.components.events.emit('job:failed', { job: this.job, error })
    } finally {
      track.outputs.clear()
      this.#endIfDone()
    }
  }

  #remember(track: SubtaskTrack): void {
    for (const { verdict, grant } of track.record.replicas)
      if (verdict === 'rejected' && grant !== undefined) this.#caught.add(grant.body.holder)
  }

  /** Tell the ledger, once per replica, also when a crash came between deciding and saying. */
  async #sayVerdicts(track: SubtaskTrack): Promise<void> {
    for (const claim of verdictClaims(this.state, track)) {
      const { replica, node, verdict } = claim
      if (this.#said.has(replicaId(replica))) continue
      this.#said.add(replicaId(replica))
      await this.roles.ledger.append(claim)
      const reason = this.state.find(replica)?.record.reason
      this.components.events.emit('replica:judged', {
        replica,
        node,
        verdict,
        ...(reason === undefined ? {} : { reason })
      })
    }
  }

  /** Take back lapsed replicas, end overdue openings, end an overdue job. */
  #check(): void {
    const { clock, params } = this.components
    if (this.#ended) return
    const nowMs = clock.nowMs()
    for (const track of this.state.tracks) {
      if (track.record.state !== 'running') continue
      for (const record of track.record.replicas) {
        if (record.outcome === 'leased') this.#reclaim(track, record, nowMs)
        if (record.outcome === 'sealed' && nowMs > (record.mayOpenAtMs ?? nowMs) + params.revealTimeoutMs) {
          record.outcome = 'timeout'
          void this.state.save(track)
        }
      }
      this.#consider(track)
    }
    if (nowMs > this.#deadlineAtMs) this.#end('expired')
  }

  /** A granted replica goes back to the open ones when its lease lapsed, or was never claimed. */
  #reclaim(track: SubtaskTrack, record: ReplicaRecord, nowMs: number): void {
    const key = this.state.key(track, record)
    const lease = this.roles.witness.leaseState(key)
    if (lease === 'leased') return
    if (lease === 'registered' || lease === 'committed') {
      // Its holder committed and has not told us yet, or never will: the reveal clock runs.
      record.silentSinceMs ??= nowMs
      if (nowMs <= record.silentSinceMs + 2 * this.components.params.revealTimeoutMs) return
      const committer = grantOf(record, this.roles.witness.stateOf(key).register?.signer)
      if (committer !== undefined) record.grant = committer
      record.outcome = 'timeout'
      void this.state.save(track)
      return
    }
    if (nowMs <= (record.grantedAtMs ?? 0) + this.components.params.grantTermMs) return
    const { grant } = record
    record.outcome = 'open'
    if (grant !== undefined) {
      record.former = [...(record.former ?? []), grant].slice(-GENERATION_COUNT_MAX)
      this.components.events.emit('replica:lapsed', { replica: key, node: grant.body.holder })
    }
    delete record.grant
    void this.state.save(track)
    this.#notice('replica-open', track.subtask.index)
  }

  #endIfDone(): void {
    if (this.state.count('running') > 0) return
    this.#end(this.state.count('failed') > 0 ? 'failed' : 'complete')
  }

  #end(end: 'complete' | 'failed' | 'expired'): void {
    if (this.#ended) return
    this.#ended = true
    this.#desk.close()
    this.init.onEnd(end)
  }

  async #repeatOffer(): Promise<void> {
    if (this.#ended) return
    const { network } = this.components
    const offer: Signed<Offer> = this.init.offer.signed
    const recipientCount = await network.publish('offers', encodeMessage(offer))
    if (recipientCount === 0) this.components.log.debug('nobody heard the offer', { job: this.job })
  }

  /** Tell everybody to ask again; loses nothing when nobody hears it. */
  #notice(about: JobNotice['about'], subtask?: number): void {
    const sequence = this.#noticeSequence++
    const body = { job: this.job, about, sequence, ...(subtask === undefined ? {} : { subtask }) }
    this.scope.spawn('notice', async () => {
      await this.components.network.publish('jobs', encodeMessage(message('notice', body)))
    })
  }

  /** The job is settled; its nodes may forget it. */
  async announceClosed(): Promise<void> {
    const body = { job: this.job, about: 'closed' as const, sequence: this.#noticeSequence++ }
    await this.components.network.publish('jobs', encodeMessage(message('notice', body)))
  }
}

/** Our grant to a holder: the present one's or a lapsed one's. */
function grantOf(record: ReplicaRecord, holder: PeerId | undefined): Signed<Grant> | undefined {
  const grants = [...(record.grant === undefined ? [] : [record.grant]), ...(record.former ?? [])]
  return grants.find(grant => grant.body.holder === holder)
}
