import type {
  Grant,
  IneligibleReason,
  JobId,
  JobNotice,
  PeerId,
  Probe,
  ReceiptClaim,
  ReplicaKey,
  Runner,
  Signed
} from '@rayswarm/interface'
import { GRANTS_PER_REPLY_MAX, OFFER_COUNT_MAX, SEALED_COUNT_MAX } from '@rayswarm/params'
import { encodeMessage, replicaId, signed, verifySigned } from '@rayswarm/wire'
import { ask } from './ask.ts'
import { jitterMs, type RoleComponents } from './components.ts'
import { Execution, parseSealed, type SealedResult } from './execution.ts'
import type { LedgerRole } from './ledger-role.ts'
import { NodeJob } from './node-job.ts'
import type { KnownOffer, OfferBook } from './offer-book.ts'
import { Opener } from './opener.ts'
import { Places } from './places.ts'
import { type Chosen, mayBid, turnsOf } from './race.ts'
import { Scope } from './scope.ts'
import { etaMsMax, Speed } from './speed.ts'
import { parseStored } from './stored.ts'
import { type NodeSettings, willingFor } from './willing.ts'

/** Offers that are no work for us are looked at again, less and less often. */
const DECLINE_DOUBLINGS_MAX = 6
/** A job whose executions failed this often in a row is left alone for a while. */
const FAILURE_COUNT_MAX = 3

/** Executes subtasks: finds offers, bids, claims, executes, seals, opens, gets paid. */
export class NodeRole {
  readonly #jobs = new Map<JobId, NodeJob>()
  readonly #scope: Scope
  #engines: { runner: Runner; probe: Probe }[] = []
  #runningCount = 0
  readonly #places: Places
  #bidding = false
  #draining = false
  readonly #speed = new Speed()

  constructor(
    readonly components: RoleComponents,
    readonly settings: NodeSettings,
    readonly offers: OfferBook,
    readonly ledger: LedgerRole
  ) {
    this.#scope = new Scope(components)
    this.#places = new Places(
      settings.memoryBytes,
      () => settings.concurrency ?? Math.max(0, ...this.#engines.map(e => e.probe.concurrency))
    )
  }

  /** Probe the engines, then look for work. Answers what was found. */
  async start(): Promise<readonly Probe[]> {
    for (const runner of this.components.runners) {
      const probe = await runner.probe()
      if ('unavailable' in probe)
        this.components.log.warn('engine unavailable', { engine: runner.engine, why: probe.unavailable })
      else this.#engines.push({ runner, probe })
    }
    this.offers.onOffer(offer => this.#attend(offer))
    this.ledger.onEntry(entry => {
      if (entry.body.claim.kind === 'job-receipt') this.#onReceipt(entry.body.author, entry.body.claim)
    })
    for (const offer of this.offers.open()) this.#attend(offer)
    await this.#sweep()
    await this.#resumeSealed()
    this.#scope.every(
      'work search',
      () => jitterMs(this.components.params.bidPollMs, this.components.chance),
      async () => this.#seek()
    )
    this.#seek()
    return this.#engines.map(engine => engine.probe)
  }

  async stop(): Promise<void> {
    await this.#scope.close()
    for (const job of this.#jobs.values()) await job.close()
  }

  /**
   * Take no more work and hand back what is not finished within `graceMs`. Answers how many executions were handed back.
   *
   * Sealed results go on waiting to be opened: they are paid work.
   */
  async drain(graceMs: number): Promise<number> {
    const { clock, params } = this.components
    this.#draining = true
    const untilMs = clock.nowMs() + graceMs
    while (this.#runningCount > 0 && clock.nowMs() < untilMs)
      await this.#scope.sleep(Math.min(params.leaseRetryMs, untilMs - clock.nowMs()))
    const releasedCount = this.#runningCount
    await Promise.all([...this.#jobs.values()].map(job => job.executions.close()))
    return releasedCount
  }

  /** Sealed results that no quorum of judges has seen opened yet. */
  get sealedCount(): number {
    return [...this.#jobs.values()].reduce((sum, job) => sum + job.sealedCount, 0)
  }

  get runningCount(): number {
    return this.#runningCount
  }

  /** Why each open offer gets no bid from us right now. */
  declined(): ReadonlyMap<JobId, IneligibleReason> {
    const reasons = [...this.#jobs.values()].flatMap(job =>
      job.reason === undefined ? [] : ([[job.offer.job, job.reason]] as const)
    )
    return new Map(reasons)
  }

  /** Somebody says that a job has news. */
  onNotice(notice: JobNotice): void {
    const job = this.#jobs.get(notice.job)
    if (job === undefined) return
    if (notice.about === 'subtask-sealed') job.wake()
    else {
      job.bidAtMs = job.askCreatorAtMs = 0
      this.#seek()
    }
  }

  /** Places for one job: as many as its memory leaves free. */
  #placesFor(job: NodeJob): number {
    return Math.min(this.#places.freeFor(job.offer.signed.body.spec.memoryBytes), GRANTS_PER_REPLY_MAX)
  }

  #attend(offer: KnownOffer): void {
    if (this.#jobs.has(offer.job) || offer.signed.signer === this.components.network.peerId) return
    const job = new NodeJob(this.components, offer)
    this.#jobs.set(offer.job, job)
    this.#forgetOldest()
    this.#scope.after(job.bidAtMs - job.sinceMs, () => this.#seek())
  }

  /** Offers cost their sender nothing, so we remember only so many; what we work on stays. */
  #forgetOldest(): void {
    if (this.#jobs.size <= OFFER_COUNT_MAX) return
    for (const job of this.#jobs.values())
      if (!job.busy) return this.#scope.spawn('job close', () => this.#close(job))
  }

  /** Bid for the dearest job that is due, one at a time, so that no place is promised twice. */
  #seek(): void {
    if (this.#bidding || this.#draining || this.#places.free <= 0 || this.#scope.closed) return
    const nowMs = this.components.clock.nowMs()
    const due = [...this.#jobs.values()]
      .filter(job => !job.retired && job.bidAtMs <= nowMs && job.pendingCount < SEALED_COUNT_MAX)
      .sort((a, b) => compare(b.priceMax, a.priceMax))[0]
    if (due === undefined) return
    this.#bidding = true
    due.bidding = true
    this.#scope.spawn('bid', async () => {
      try {
        await this.#bid(due)
      } finally {
        this.#bidding = due.bidding = false
        this.#seek()
      }
    })
  }

  async #bid(job: NodeJob): Promise<void> {
    const { chance, clock, context, network, params } = this.components
    const creator = job.offer.signed.signer
    job.bidAtMs = clock.nowMs() + jitterMs(params.bidPollMs, chance)
    const probes = this.#engines.map(engine => engine.probe)
    const { settings, ledger } = this
    const judged = await willingFor(this.components, job, { settings, probes, ledger })
    if ('reason' in judged) {
      job.bidAtMs =
        clock.nowMs() + params.bidPollMs * 2 ** Math.min(job.declineCount++, DECLINE_DOUBLINGS_MAX)
      const isOver = judged.reason === 'deadline-passed' || judged.reason === 'offer-closed'
      if (isOver && !job.isOwed) this.#scope.spawn('job close', () => this.#close(job))
      return this.#decline(job, judged.reason)
    }
    job.declineCount = 0
    if (this.#placesFor(job) <= 0) return this.#decline(job, 'busy')
    const waitedMs = clock.nowMs() - job.sinceMs
    if (job.isCreatorSilent || !mayBid(job.offer, network.peerId, waitedMs, params))
      return this.#race(job, judged.probe)
    await network.learn(creator, this.offers.get(job.offer.job)?.signed.body.addresses ?? [])
    const bid = signed(
      'bid',
      {
        job: job.offer.job,
        account: this.settings.account,
        equivalenceClass: judged.probe.equivalenceClass,
        pricePerMegaUnit: this.settings.pricePerMegaUnitMin,
        freePlaces: this.#placesFor(job),
        memoryBytes: this.settings.memoryBytes
      },
      context
    )
    const options = { timeoutMs: params.requestTimeoutMs, signal: this.#scope.signal }
    const answer = await ask(this.components, creator, 'market', encodeMessage(bid), ['bid-reply'], options)
    if (answer === undefined) {
      // Where witnesses were drawn, the job goes on without its creator; it is asked again, less and less often.
      job.silenceCount++
      job.askCreatorAtMs =
        clock.nowMs() + params.bidPollMs * 2 ** Math.min(job.silenceCount, DECLINE_DOUBLINGS_MAX)
      return this.#race(job, judged.probe)
    }
    const reply = answer.body
    job.silenceCount = 0
    // Where witnesses were drawn it is over once they settled: those who take over may need us, and the results we keep.
    if (reply.closed && job.offer.drawn === undefined) return job.retire()
    const grants = reply.grants.filter(grant => this.#isOurs(job, grant)).slice(0, this.#placesFor(job))
    for (const grant of grants)
      this.#execute(job, { replica: grant.body.replica, fence: 0, grant }, judged.probe)
    if (grants.length === 0 && job.offer.drawn !== undefined) {
      if (reply.reason !== undefined) this.#decline(job, reply.reason)
      return this.#race(job, judged.probe)
    }
    if (grants.length > 0) {
      job.reason = undefined
      // There may be more where these came from, for the places that are left.
      job.bidAtMs = clock.nowMs()
    } else {
      job.bidAtMs = clock.nowMs() + jitterMs(reply.retryAfterMs, chance)
      if (reply.reason !== undefined) this.#decline(job, reply.reason)
    }
  }

  /** Claim what it is our turn to claim without a grant. */
  async #race(job: NodeJob, probe: Probe): Promise<void> {
    const { chance, clock, network, params } = this.components
    job.bidAtMs = clock.nowMs() + jitterMs(params.bidPollMs, chance)
    if (job.offer.drawn === undefined) return
    const page = await job.openings.ask()
    if (page === undefined) return
    if (page.closed) {
      job.openings.leave(page.view)
      return this.#checkPaid(job)
    }
    const open = page.open.filter(({ subtask }) => !job.hasPart(subtask))
    const { due, nextInMs } = turnsOf(job.offer, network.peerId, open, params)
    for (const choice of due.slice(0, this.#placesFor(job))) this.#execute(job, choice, probe)
    // Whoever we asked may be about to take over.
    const soonMs = page.view === job.openings.view ? nextInMs : params.leaseTermMsMin / 4
    job.bidAtMs = Math.min(job.bidAtMs, clock.nowMs() + (soonMs ?? Number.POSITIVE_INFINITY))
  }

  #decline(job: NodeJob, reason: IneligibleReason): void {
    if (job.reason !== reason) this.components.events.emit('offer:declined', { job: job.offer.job, reason })
    job.reason = reason
  }

  /** Grants are the creator's word; anything else in a reply is ignored. */
  #isOurs(job: NodeJob, grant: Signed<Grant>): boolean {
    const { replica, holder, account } = grant.body
    return (
      grant.type === 'grant' &&
      grant.signer === job.offer.signed.signer &&
      job.isFree(replica) &&
      holder === this.components.network.peerId &&
      account === this.settings.account &&
      verifySigned(grant, this.components.context)
    )
  }

  #execute(job: NodeJob, claim: { grant?: Signed<Grant> } & Chosen, probe: Probe): void {
    const { events, params } = this.components
    const { replica } = claim
    const subtask = job.subtasks[replica.subtask]!
    const runner = this.#engines.find(engine => engine.probe === probe)!.runner
    const id = replicaId(replica)
    const init = {
      offer: job.offer,
      ...claim,
      account: this.settings.account,
      subtask,
      probe,
      // The first guess is slow, and a claim that declares too much is refused.
      etaMs: Math.min(this.#speed.etaMs(subtask.workUnits), etaMsMax(job.offer, params)),
      openings: job.openings,
      session: () => job.session(runner),
      onStranded: () => {
        leave()
        this.#seek()
      }
    }
    // A closed job runs nothing any more: the place would be taken for ever.
    if (job.executions.closed || this.#draining) return
    job.running.add(id)
    this.#runningCount++
    const leave = this.#places.take(job.offer.signed.body.spec.memoryBytes)
    job.executions.spawn('execution', async () => {
      try {
        const ended = await new Execution(this.components, job.executions, init).run()
        if (ended.end === 'sealed') {
          job.noteSealed(replica.subtask)
          events.emit('execution:finished', { replica, elapsedMs: ended.elapsedMs })
          this.#speed.measure(subtask.workUnits, ended.elapsedMs)
          job.failureCount = job.refusalCount = 0
          await this.#open(job, ended.sealed)
          job.bidAtMs = 0
        } else if (ended.end === 'refused') job.onRefusal(ended.refusal)
        else job.onSilence(replica)
      } catch (cause) {
        if (!job.executions.closed) this.#onFailure(job, replica, cause)
      } finally {
        job.running.delete(id)
        this.#runningCount--
        leave()
        this.#seek()
      }
    })
  }

  #onFailure(job: NodeJob, replica: ReplicaKey, cause: unknown): void {
    const { clock, events, log, params } = this.components
    const error = cause instanceof Error ? cause : new Error(String(cause))
    job.failureCount++
    events.emit('execution:failed', { replica, error })
    log.warn('execution failed', { job: job.offer.job, subtask: replica.subtask, cause: error })
    if (job.failureCount >= FAILURE_COUNT_MAX)
      job.bidAtMs = clock.nowMs() + params.bidPollMs * 2 ** Math.min(job.failureCount, 8)
  }

  /** Waiting for the opening costs no place: it goes on beside the next execution. */
  async #open(job: NodeJob, sealed: SealedResult): Promise<void> {
    const { result } = sealed.attestation.body
    await job.keep(result).catch(cause => this.components.log.warn('result not noted', { result, cause }))
    job.sealedCount++
    const opener = new Opener(this.components, job.scope, job.offer, sealed)
    job.scope.spawn('opening', () =>
      opener
        .open(wake => job.onWake(wake))
        .finally(() => {
          job.sealedCount--
        })
    )
  }

  /** Drop what was kept for jobs that ended while we were away. */
  async #sweep(): Promise<void> {
    const { assets, clock, log, store } = this.components
    for await (const [key, bytes] of store.list('kept/')) {
      if (clock.nowMs() < parseStored<number>(bytes)) continue
      const [, job, cid = ''] = key.split('/')
      await assets.unpin(cid).catch(cause => log.warn('not unpinned', { cid, cause }))
      await store.delete(key)
      for await (const [sealed] of store.list(`sealed/${job}/`)) await store.delete(sealed)
    }
  }

  async #resumeSealed(): Promise<void> {
    for await (const [, bytes] of this.components.store.list('sealed/')) {
      const sealed = parseSealed(bytes)
      const job = this.#jobs.get(sealed.cert.replica.job)
      if (job !== undefined) await this.#open(job, sealed)
      else
        this.offers.onOffer(offer => {
          const known = this.#jobs.get(offer.job)
          if (offer.job === sealed.cert.replica.job && known !== undefined)
            this.#scope.spawn('opening', () => this.#open(known, sealed))
        })
    }
  }

  #onReceipt(author: PeerId, receipt: ReceiptClaim): void {
    const job = this.#jobs.get(receipt.job)
    const { signed, witnesses } = job?.offer ?? {}
    if (job === undefined || (author !== signed?.signer && !witnesses?.members.includes(author))) return
    this.#scope.spawn('payment check', () => this.#checkPaid(job))
  }

  /** Close a job whose money has moved. */
  async #checkPaid(job: NodeJob): Promise<void> {
    const { chain, events } = this.components
    // A creator's word closes its own job; one witness alone may lie.
    if (job.offer.drawn !== undefined) {
      const { state } = await chain.escrow(job.offer.signed.body.escrow)
      if (state === 'locked') return
    }
    const amount = await chain.creditOf(this.settings.account)
    events.emit('node:paid', { job: job.offer.job, amount })
    await this.#close(job)
  }

  async #close(job: NodeJob): Promise<void> {
    this.#jobs.delete(job.offer.job)
    this.offers.retire(job.offer.job)
    await job.close()
    await job.forget()
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
