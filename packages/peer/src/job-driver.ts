import type {
  Bid,
  CommitCert,
  Grant,
  JobId,
  JobNotice,
  PeerId,
  Signed,
  SubtaskOutput
} from '@rayswarm/interface'
import { deadlineAtMs, type OpenReplica } from '@rayswarm/market'
import { GENERATION_COUNT_MAX, GRANTS_PER_REPLY_MAX } from '@rayswarm/params'
import { encodeMessage, type MessageOf, message, replicaId, signed } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import { BidDesk } from './bid-desk.ts'
import type { RoleComponents } from './components.ts'
import { convict } from './convict.ts'
import type { Evidences } from './evidences.ts'
import { JobJudge } from './job-judge.ts'
import { JobState, type ReplicaRecord, type SubtaskTrack } from './job-state.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { KnownOffer } from './offer-book.ts'
import { Openings } from './openings.ts'
import { Scope } from './scope.ts'
import { verdictsClaims, verdictsOf } from './verdicts.ts'
import { wakeHolders } from './wake.ts'
import type { WitnessRole } from './witness-role.ts'

export interface JobDriverInit {
  readonly offer: KnownOffer
  /** Called whenever a subtask got its canonical result. */
  readonly onAccepted: (track: SubtaskTrack, output: SubtaskOutput) => Promise<void>
  /** Called once no subtask is running any more, or the deadline has passed. */
  readonly onEnd: (end: 'complete' | 'failed' | 'expired') => void
}

/**
 * The creator's side of one job: grants replicas, compares what comes back, says the verdicts.
 *
 * In owner mode it is the only judge. Where witnesses were drawn it is one judge more: its grants let nodes claim at once, and
 * what it judges from the same evidence is what it settles.
 */
export class JobDriver {
  readonly job: JobId
  readonly state: JobState
  readonly scope: Scope
  readonly #judge: JobJudge
  readonly #desk: BidDesk
  /** Owner mode: we alone witness and judge. */
  readonly #isOnlyJudge: boolean
  readonly #openings: Openings
  readonly #deadlineAtMs: number
  /** Replicas whose verdict is in our feed. */
  readonly #said = new Set<string>()
  /** Decisions that are being made known: the last picture belongs to the job, too. */
  #concludingCount = 0
  #noticeSequence = 0
  #isNoticing = false
  #ended = false

  constructor(
    readonly components: RoleComponents,
    readonly roles: {
      readonly witness: WitnessRole
      readonly ledger: LedgerRole
      readonly evidences: Evidences
    },
    readonly init: JobDriverInit
  ) {
    const { offer } = init
    const { spec } = offer.signed.body
    const isOnlyJudge = offer.drawn === undefined
    this.#isOnlyJudge = isOnlyJudge
    this.job = offer.job
    this.state = new JobState(offer, split(spec), components.store)
    this.scope = new Scope(components)
    this.#deadlineAtMs = deadlineAtMs(offer.signed.body)
    this.#openings = new Openings(components, this.scope, offer)
    this.#judge = new JobJudge(components, {
      offer,
      state: this.state,
      scope: this.scope,
      revisable: !isOnlyJudge,
      view: 0,
      keep: 'memory',
      adopt: (record, cert) => !isOnlyJudge || adoptGranted(record, cert),
      isAsGranted: (record, { manifest, account, equivalenceClass }) =>
        manifest === spec.manifest &&
        (!isOnlyJudge ||
          // Another class would be compared with nobody: the holder is held to the one it bid with.
          (account === record.grant?.body.account && equivalenceClass === record.equivalenceClass)),
      onOpened: () => this.#noticeOpen(),
      onMayOpen: (track, holders) => wakeHolders(components, this.scope, this.job, track, holders),
      onEvidence: (cert, attestation) => this.roles.evidences.add(this.job, cert, attestation),
      onEquivocation: proofs => convict(components, this.scope, roles.ledger, proofs),
      onDecided: (track, output) => this.scope.spawn('verdict', () => this.#conclude(track, output))
    })
    this.#desk = new BidDesk({
      spec,
      onFirst: () =>
        this.scope.after(components.params.matchWindowMs, () =>
          this.scope.spawn('match', () => this.#settleBids())
        )
    })
  }

  async start(): Promise<void> {
    const { params } = this.components
    await this.state.restore(this.components.clock.nowMs())
    for (const { body } of this.roles.ledger.own())
      if (body.claim.kind === 'verdicts')
        for (const { replica } of body.claim.verdicts) this.#said.add(replicaId(replica))
    this.roles.evidences.open(this.init.offer, this.state, this.#judge)
    this.#judge.start()
    for (const track of this.state.tracks)
      if (track.record.state !== 'running') this.scope.spawn('verdict', () => this.#sayVerdicts(track))
    const repeat = async (): Promise<void> => this.#repeatOffer()
    this.scope.spawn('offer', repeat)
    this.scope.every('offer', () => params.offerRepeatMs, repeat)
    this.scope.every(
      'job check',
      () => params.leaseRetryMs,
      async () => {
        this.#check()
        await this.state.saved()
      }
    )
    if (!this.#isOnlyJudge) {
      const exchange = (): Promise<void> => this.roles.evidences.exchange(this.job)
      this.scope.every('evidence exchange', () => params.sealedPollMs, exchange)
      // As rarely as witnesses do: each attempt may take long.
      const retry = async (): Promise<void> => this.#judge.retryMissing('running')
      this.scope.every('missing results', () => params.syncIntervalMs, retry)
    }
    this.#endIfDone()
  }

  async stop(): Promise<void> {
    this.#desk.close()
    await this.scope.close()
    this.roles.evidences.close(this.job)
    await this.state.saved().catch(cause => this.components.log.warn('job state not kept', { cause }))
  }

  /** Who knows what this job came to. */
  get witnesses(): readonly PeerId[] {
    return this.#judge.witnesses
  }

  /** Answer a bid; the answer waits for the end of the matching window. */
  async onBid(bid: Signed<Bid>): Promise<MessageOf<'bid-reply'>> {
    const { params } = this.components
    if (this.#ended) return message('bid-reply', { grants: [], retryAfterMs: 0, closed: true })
    if (this.#judge.caught.has(bid.signer))
      return message('bid-reply', {
        grants: [],
        reason: 'reputation-too-low',
        retryAfterMs: params.bidPollMs,
        closed: false
      })
    const again = this.#unclaimed(bid.signer)
    const answer =
      again.length > 0 ? { grants: again } : await this.#desk.lay(bid, this.roles.ledger.scoreBps(bid.signer))
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
    const open = await this.#judge.onSealed(request.body.cert, from)
    if (open === undefined) throw new RangeError('not a certificate of this job')
    return message('sealed-reply', {
      open: open || this.#ended,
      retryAfterMs: this.components.params.sealedPollMs
    })
  }

  /** A holder opens its seal. Once we have said "received", the attestation is ours to keep. */
  async onReveal(request: MessageOf<'reveal'>, from: PeerId): Promise<MessageOf<'reveal-reply'>> {
    const { cert, attestation } = request.body
    if (cert.holder !== from) throw new RangeError('not its own replica')
    if (this.#ended) return message('reveal-reply', { received: true })
    const received = await this.#judge.onReveal(cert, attestation)
    if (received === undefined) throw new RangeError('not an opening of this job')
    return message('reveal-reply', { received })
  }

  /** Grants whose holder may never have heard of them. Where others witness, nobody here knows whether they were claimed. */
  #unclaimed(node: PeerId): Signed<Grant>[] {
    if (!this.#isOnlyJudge) return []
    const isUnclaimed = (track: SubtaskTrack, record: ReplicaRecord): boolean =>
      record.outcome === 'leased' &&
      record.grant?.body.holder === node &&
      this.roles.witness.stateOf(this.state.key(track, record)).holder !== node
    const grants = this.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => (isUnclaimed(track, record) ? [record.grant!] : []))
    )
    return grants.slice(0, GRANTS_PER_REPLY_MAX)
  }

  async #settleBids(): Promise<void> {
    const { clock, context, events } = this.components
    const open = this.#isOnlyJudge ? this.state.openReplicas() : await this.#openElsewhere()
    this.#desk.settle(open, this.#judge.caught, (grant, bid) => {
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

  /** Nothing is left to execute, and the money has not moved: whoever has to take over hears of it. */
  async seekWitnesses(): Promise<void> {
    const page = await this.#openings.ask(true)
    if (page !== undefined) this.#openings.leave(page.view)
  }

  /** What is open at the witnesses and not granted by us a moment ago. */
  async #openElsewhere(): Promise<readonly OpenReplica[]> {
    const page = await this.#openings.ask(true)
    const vacant = new Set(page?.open.map(vacancy => this.state.find({ job: this.job, ...vacancy })?.record))
    return this.state.openReplicas(record => vacant.has(record))
  }

  /** Make a decision known. Whatever fails here, the job goes on: pay does not wait for pictures. */
  async #conclude(track: SubtaskTrack, output: SubtaskOutput | undefined): Promise<void> {
    this.#concludingCount++
    try {
      const { leaseRetryMs } = this.components.params
      void this.state.save(track)
      await this.scope.persevere('job state', leaseRetryMs, () => this.state.saved())
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
      this.#concludingCount--
      this.#endIfDone()
    }
  }

  /** Tell the ledger, once per replica, also when a crash came between deciding and saying. */
  async #sayVerdicts(track: SubtaskTrack): Promise<void> {
    const verdicts = verdictsOf(this.state, track).filter(
      ({ replica }) => !this.#said.has(replicaId(replica))
    )
    for (const { replica } of verdicts) this.#said.add(replicaId(replica))
    // Where several judge, a verdict is final once they have settled, and who settled says it.
    if (this.#isOnlyJudge) await this.roles.ledger.say(verdictsClaims(verdicts))
    for (const { replica, node, verdict } of verdicts) {
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
    const { clock } = this.components
    if (this.#ended) return
    const nowMs = clock.nowMs()
    for (const track of this.state.tracks) {
      if (track.record.state !== 'running') continue
      for (const record of track.record.replicas)
        if (record.outcome === 'leased') this.#reclaim(track, record, nowMs)
      // Witnesses see to it that others' silence ends; we are only one judge more.
      if (!this.#isOnlyJudge) continue
      this.#judge.checkOverdue(track, nowMs)
      this.#judge.consider(track)
    }
    if (nowMs > this.#deadlineAtMs) this.#end('expired')
  }

  /** A granted replica goes back to the open ones when its lease lapsed, or was never claimed. */
  #reclaim(track: SubtaskTrack, record: ReplicaRecord, nowMs: number): void {
    const key = this.state.key(track, record)
    const lease = this.#isOnlyJudge ? this.roles.witness.leaseState(key) : 'open'
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
    delete record.grant
    if (!this.#isOnlyJudge) return
    if (grant !== undefined) {
      record.former = [...(record.former ?? []), grant].slice(-GENERATION_COUNT_MAX)
      this.components.events.emit('replica:lapsed', { replica: key, node: grant.body.holder })
    }
    void this.state.save(track)
    this.#noticeOpen()
  }

  #endIfDone(): void {
    if (this.#concludingCount > 0 || this.state.count('running') > 0) return
    this.#end(this.state.count('failed') > 0 ? 'failed' : 'complete')
  }

  #end(end: 'complete' | 'failed' | 'expired'): void {
    if (this.#ended) return
    this.#ended = true
    this.#desk.close()
    if (this.#isOnlyJudge) this.#judge.close()
    this.init.onEnd(end)
  }

  async #repeatOffer(): Promise<void> {
    if (this.#ended) return
    const { network } = this.components
    const recipientCount = await network.publish('offers', encodeMessage(this.init.offer.signed))
    if (recipientCount === 0) this.components.log.debug('nobody heard the offer', { job: this.job })
  }

  /** Tell everybody to ask again, once for all that opens in a moment; loses nothing when nobody hears it. */
  #noticeOpen(): void {
    if (this.#isNoticing) return
    this.#isNoticing = true
    this.scope.after(this.components.params.leaseRetryMs, () => {
      this.#isNoticing = false
      this.scope.spawn('notice', () => this.#announce('replica-open'))
    })
  }

  /** The job is settled; its nodes may forget it. */
  async announceClosed(): Promise<void> {
    await this.#announce('closed')
  }

  async #announce(about: JobNotice['about']): Promise<void> {
    const notice = message('notice', { job: this.job, about, sequence: this.#noticeSequence++ })
    await this.components.network.publish('jobs', encodeMessage(notice))
  }
}

/** Owner mode: a commit counts for whoever has a grant of ours, the present one or one that lapsed. */
function adoptGranted(record: ReplicaRecord, cert: CommitCert): boolean {
  const grant = grantOf(record, cert.holder)
  if (grant === undefined) return false
  record.grant = grant
  return true
}

/** Our grant to a holder: the present one's or a lapsed one's. */
function grantOf(record: ReplicaRecord, holder: PeerId | undefined): Signed<Grant> | undefined {
  const grants = [...(record.grant === undefined ? [] : [record.grant]), ...(record.former ?? [])]
  return grants.find(grant => grant.body.holder === holder)
}
