import {
  type Hex,
  type JobId,
  type PeerId,
  RayswarmError,
  type ReplicaKey,
  type SettlementOutcome,
  type SettlementSignature
} from '@rayswarm/interface'
import { membersOf, raceDelayMs, raceWeightOf, viewOfPeer } from '@rayswarm/lease'
import { OFFER_COUNT_MAX } from '@rayswarm/params'
import { decodeMessage, encodeMessage, jobIdOf, type MessageOf, message } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import { convict } from './convict.ts'
import { appointmentOf } from './draws.ts'
import type { Evidences } from './evidences.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { KnownOffer, OfferBook } from './offer-book.ts'
import { askOpenings } from './openings.ts'
import type { Due } from './receipts.ts'
import { Scope } from './scope.ts'
import { etaMsMax } from './speed.ts'
import { Standby } from './standby.ts'
import { verdictsClaims, verdictsOf } from './verdicts.ts'
import { WitnessJob } from './witness-job.ts'
import type { JobRules, Judging, WitnessRole } from './witness-role.ts'

/** Jobs one peer witnesses at once; a further draw is an honour declined: the others are a quorum. */
const WITNESSED_COUNT_MAX = 256

export interface JudgeRoles {
  readonly offers: OfferBook
  readonly witness: WitnessRole
  readonly ledger: LedgerRole
  readonly evidences: Evidences
}

/** Carries jobs that this peer was drawn for to their end, whether their creators are there or not. */
export class JudgeRole implements Judging {
  readonly #jobs = new Map<JobId, WitnessJob>()
  readonly #standbys = new Map<JobId, Standby>()
  /** Jobs that an earlier process of this peer witnessed. */
  readonly #resumed = new Set<JobId>()
  readonly #scope: Scope

  constructor(
    readonly components: RoleComponents,
    readonly roles: JudgeRoles
  ) {
    this.#scope = new Scope(components)
  }

  /** Take up the jobs that an earlier process of this peer witnessed, and those that come. */
  async start(): Promise<void> {
    const { store, context, log } = this.components
    for await (const [key, bytes] of store.list('witnessed/')) {
      const decoded = decodeMessage(bytes, ['offer'], context)
      if (decoded.ok) {
        this.#resumed.add(jobIdOf(decoded.value.body.spec))
        this.roles.offers.resume(decoded.value)
      } else log.warn('stored offer unreadable', { key, fault: decoded.fault })
    }
    this.roles.offers.onOffer(offer => this.#attend(offer))
    for (const offer of this.roles.offers.open()) this.#attend(offer)
  }

  async stop(): Promise<void> {
    await this.#scope.close()
    for (const job of this.#jobs.values()) await job.stop()
  }

  jobs(): readonly WitnessJob[] {
    return [...this.#jobs.values()]
  }

  /** A job we witness, once we remember what we knew of it. */
  #answering(job: JobId): WitnessJob | undefined {
    const witnessed = this.#jobs.get(job)
    return witnessed?.state.isRestored ? witnessed : undefined
  }

  /** What the lease rules must know of a replica of a job we witness; undefined for other jobs. */
  rulesFor(key: ReplicaKey): JobRules | undefined {
    const job = this.#answering(key.job)
    if (job === undefined || job.state.tracks[key.subtask] === undefined) return undefined
    const { beacon, race } = job.init.offer.drawn!
    const { params } = this.components
    return {
      subtaskCount: job.state.tracks.length,
      priceCap: replica => job.priceCap(replica),
      etaMsMax: etaMsMax(job.init.offer, params),
      openSinceMs: job.openSinceMs(key),
      opensInMs: job.opensInMs(key),
      isShown: () => job.judge.isShown(job.state.tracks[key.subtask]!),
      conflict: (replica, holder) => job.conflict(replica, holder),
      race: (node, replica, fence) => {
        const weight = raceWeightOf(race, node)
        return weight && raceDelayMs({ beacon, replica, fence, node }, weight, params)
      }
    }
  }

  async answer(
    question: MessageOf<'openings' | 'cosign'>,
    from: PeerId
  ): Promise<MessageOf<'openings-page' | 'cosign-reply'>> {
    if (question.type === 'cosign') return this.#onCosign(question, from)
    const { job } = question.body
    const standby = this.#standbyFor(job)
    standby?.poke()
    const witnessed = this.#answering(job)
    if (witnessed !== undefined) return witnessed.openings(from, question.body.looks)
    if (standby === undefined) throw new RangeError('not a job we witness')
    return message('openings-page', { open: [], view: standby.actingView, closed: false })
  }

  async onVerification(
    request: MessageOf<'sealed' | 'reveal'>,
    from: PeerId
  ): Promise<MessageOf<'sealed-reply' | 'reveal-reply'> | undefined> {
    const { cert } = request.body
    const job = this.#answering(cert.replica.job)
    if (job === undefined) return undefined
    if (request.type === 'sealed') {
      const open = await job.judge.onSealed(cert, from)
      if (open === undefined) throw new RangeError('not a certificate of this job')
      await this.roles.witness.note(cert)
      return message('sealed-reply', { open, retryAfterMs: this.components.params.sealedPollMs })
    }
    if (cert.holder !== from) throw new RangeError('not its own replica')
    const received = await job.judge.onReveal(cert, request.body.attestation)
    if (received === undefined) throw new RangeError('not an opening of this job')
    return message('reveal-reply', { received })
  }

  /** Another witness asks for our signature: it gets it if we come to the same sum. */
  async #onCosign(request: MessageOf<'cosign'>, from: PeerId): Promise<MessageOf<'cosign-reply'>> {
    const job = this.#answering(request.body.job)
    if (job === undefined || !job.members.includes(from)) throw new RangeError('not ours')
    const sign = async (): Promise<string | undefined> => {
      if (job.endedAtMs === undefined) return undefined
      const due = job.order()
      return isSameSum(due.order, request.body) ? this.#sign(job, due) : undefined
    }
    let signature = await sign()
    if (signature === undefined) {
      await this.roles.evidences.exchange(job.job, from)
      job.judge.retryMissing('all')
      signature = await sign()
    }
    return message('cosign-reply', signature === undefined ? {} : { signature })
  }

  #sign({ job }: WitnessJob, { order, receipts }: Due): Promise<Hex> {
    const { chain, events } = this.components
    events.emit('settlement:signed', { job, receiptsRoot: order.receiptsRoot, receipts })
    return chain.signSettlement(order)
  }

  /** Our place among the witnesses of a later view; made when it is first asked for. */
  #standbyFor(job: JobId): Standby | undefined {
    const known = this.#standbys.get(job)
    if (known !== undefined) return known
    const offer = this.roles.offers.get(job)
    const view = offer?.drawn && viewOfPeer(offer.witnesses, this.components.network.peerId)
    if (offer === undefined || !view) return undefined
    const prepare = (): void => this.#prepare(offer, view)
    const standby = new Standby(this.components, this.#scope, offer, view, prepare)
    this.#standbys.set(job, standby)
    for (const [job, other] of this.#standbys)
      if (other.isOver || (this.#standbys.size > OFFER_COUNT_MAX && !this.#jobs.has(job)))
        this.#standbys.delete(job)
    return standby
  }

  #attend(offer: KnownOffer): void {
    const view = offer.drawn && viewOfPeer(offer.witnesses, this.components.network.peerId)
    if (view === undefined) return
    // Who took over, or was about to, goes on after a restart: only it knows what it promised.
    if (view === 0 || this.#resumed.has(offer.job)) this.#witness(offer, view)
  }

  /** The views before ours may be gone. They may have been so before, and have come back. */
  #prepare(offer: KnownOffer, view: number): void {
    const known = this.#answering(offer.job)
    if (known === undefined) return this.#witness(offer, view)
    known.scope.spawn('evidence of earlier views', () => known.prepare())
  }

  #witness(offer: KnownOffer, view: number): void {
    const { log, params, store, events } = this.components
    const { job, witnesses, signed } = offer
    if (this.#jobs.has(job)) return
    if (this.#jobs.size >= WITNESSED_COUNT_MAX) return log.warn('witnesses too many jobs already', { job })
    const { evidences, witness } = this.roles
    const witnessed = new WitnessJob(this.components, {
      offer,
      view,
      standby: this.#standbyFor(job),
      evidences,
      onEquivocation: proofs => convict(this.components, this.#scope, this.roles.ledger, proofs),
      // At once, so that both go to the disk together.
      onClosed: cert => this.#scope.spawn('closed replica', () => witness.note(cert)),
      stateOf: key => witness.stateOf(key),
      commitAskedAtMs: key => witness.commitAskedAtMs(key)
    })
    this.#jobs.set(job, witnessed)
    this.#scope.spawn('witnessed job', async () => {
      await this.#scope.persevere('witnessed job', params.leaseRetryMs, async () => {
        await store.put(`witnessed/${job}`, encodeMessage(signed))
        await witnessed.start()
      })
      const { witnessCount, quorum } = witnesses
      events.emit('witness:drawn', { job, view, witnessCount, quorum })
      await this.#keepAssets(witnessed)
    })
    this.#scope.spawn('settlement turn', () => this.#takeTurns(witnessed))
  }

  /** The creator may leave: its scene must not leave with it. */
  async #keepAssets({ job, judge, state, scope }: WitnessJob): Promise<void> {
    const { assets, log, params } = this.components
    const { manifest, assetsSizeBytes, creator } = state.spec
    while (!scope.closed) {
      try {
        const checkout = await assets.checkout(manifest, {
          providers: [creator, ...judge.witnesses],
          sizeBytesMax: assetsSizeBytes,
          timeoutMs: params.assetsTimeoutMs,
          signal: scope.signal
        })
        // The files are not needed, only the blocks.
        return await checkout.release()
      } catch (cause) {
        log.warn('assets of a witnessed job not kept', { job, cause })
        await scope.sleep(params.offerRepeatMs)
      }
    }
  }

  async #takeTurns(job: WitnessJob): Promise<void> {
    const { log, params } = this.components
    while (this.#jobs.has(job.job)) {
      await this.#scope.sleep(params.settleTurnMs / 4)
      await this.#takeTurn(job).catch(cause =>
        log.warn('settlement by witnesses failed', { job: job.job, cause })
      )
    }
  }

  /** Settle in the creator's place when our turn has come; tidy up once the money has moved. */
  async #takeTurn(job: WitnessJob): Promise<void> {
    const { clock, params } = this.components
    const nowMs = clock.nowMs()
    const { endedAtMs } = job
    if (endedAtMs === undefined) return
    const { state } = await job.escrow()
    if (state !== 'locked') return this.#end(job)
    if (nowMs >= endedAtMs + job.turn * params.settleTurnMs) await this.#settle(job)
  }

  async #settle(job: WitnessJob): Promise<void> {
    const { chain, events, network, params } = this.components
    const due = job.order()
    const { order } = due
    const { drawn, signed, witnesses } = job.init.offer
    const { quorum } = witnesses
    const { members } = job
    const appointment = appointmentOf(drawn!, signed.body)
    const accounts = appointment.views[job.init.view]!
    const own = {
      account: accounts[job.rank]!,
      signature: await this.#sign(job, due)
    }
    const signatures: SettlementSignature[] = [own]
    const { payouts, receiptsRoot } = order
    const question = encodeMessage(message('cosign', { job: job.job, payouts, receiptsRoot }))
    const options = { timeoutMs: params.resultTimeoutMs, signal: this.#scope.signal }
    await Promise.all(
      members.map(async (member, rank) => {
        if (member === network.peerId) return
        const answer = await ask(this.components, member, 'lease', question, ['cosign-reply'], options)
        const { signature } = answer?.body ?? {}
        const account = accounts[rank]!
        if (signature !== undefined && chain.verifySettlement(order, { account, signature }))
          signatures.push({ account, signature })
      })
    )
    if (signatures.length < quorum) {
      // Somebody knows more or less than we do.
      for (const member of members)
        if (member !== network.peerId) await this.roles.evidences.exchange(job.job, member)
      job.judge.retryMissing('all')
      // Too few of us may be left: the next view sees for itself.
      for (const member of membersOf(witnesses, job.init.view + 1))
        this.#scope.spawn('knock', async () => {
          await askOpenings(this.components, this.#scope, job.job, member)
        })
      throw new RayswarmError(
        'ERR_TIMEOUT',
        `${signatures.length} of ${quorum} witnesses agree on the settlement`,
        { thing: 'job', value: job.job, remedy: 'None: the next turn tries again with more evidence.' }
      )
    }
    const outcome = await chain.settleByWitnesses(order, appointment, signatures)
    events.emit('job:settled', { job: job.job, outcome })
    await this.#say(job, outcome)
  }

  /** What the creator would have told the ledger. */
  async #say(job: WitnessJob, { receiptsRoot, txHash, paid }: SettlementOutcome): Promise<void> {
    const { ledger } = this.roles
    const escrow = job.init.offer.signed.body.escrow.id
    const verdicts = job.state.tracks.flatMap(track => verdictsOf(job.state, track))
    await ledger.say([
      { kind: 'job-receipt', job: job.job, escrow, receiptsRoot, txHash, paid },
      ...verdictsClaims(verdicts)
    ])
  }

  /** The money has moved. Results stay until the job's time is over: the creator may come for them. */
  async #end(job: WitnessJob): Promise<void> {
    const { clock, params, store } = this.components
    if (clock.nowMs() < job.deadlineAtMs + params.refundGraceMs) return
    this.#jobs.delete(job.job)
    await job.stop()
    this.#scope.spawn('job clean-up', () =>
      this.#scope.persevere('job clean-up', params.syncIntervalMs, async () => {
        await job.forget()
        await this.roles.witness.forget(job.job)
        await store.delete(`witnessed/${job.job}`)
        this.roles.offers.close(job.job)
      })
    )
  }
}

function isSameSum(
  a: Pick<MessageOf<'cosign'>['body'], 'payouts' | 'receiptsRoot'>,
  b: Pick<MessageOf<'cosign'>['body'], 'payouts' | 'receiptsRoot'>
): boolean {
  return (
    a.receiptsRoot === b.receiptsRoot &&
    a.payouts.length === b.payouts.length &&
    a.payouts.every(
      ({ account, gross }, i) => account === b.payouts[i]!.account && gross === b.payouts[i]!.gross
    )
  )
}
