import {
  type AssetSource,
  type Cid,
  type JobId,
  type JobSpec,
  type LockTerms,
  type Manifest,
  type Offer,
  type PeerId,
  RayswarmError,
  type Signed,
  type WitnessRule
} from '@rayswarm/interface'
import { deadlineAtMs, quote } from '@rayswarm/market'
import { ADDRESS_COUNT_MAX } from '@rayswarm/params'
import {
  decodeMessage,
  encodeMessage,
  escrowSaltOf,
  jobHashOf,
  jobIdOf,
  type MessageOf,
  signed
} from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import { Appointing } from './appointing.ts'
import type { RoleComponents } from './components.ts'
import { JobRun } from './job-run.ts'
import type { JudgeRoles } from './judge-role.ts'
import { isDrawn, type KnownOffer, knownOffer } from './offer-book.ts'
import type { JobReport } from './report.ts'
import { parseStored } from './stored.ts'

/** Settled jobs a creator remembers, to tell late bidders that they are closed. */
const SETTLED_COUNT_MAX = 100

export interface PublishRequest {
  /** Everything the job reads. */
  readonly sources: readonly AssetSource[]
  /** The job, once its assets are known. */
  readonly spec: (assets: { manifest: Cid; assetsSizeBytes: number; creator: PeerId }) => JobSpec
  /** What the creator is willing to lock; the quote when absent. */
  readonly budget?: bigint
  /** Who grants and closes replicas: ourselves, or a drawn quorum. By what is locked when absent. */
  readonly witness?: WitnessRule
}

/** A job under way. */
export interface PublishedJob {
  readonly job: JobId
  readonly spec: JobSpec
  /** Resolves when the job is settled or refunded; rejects only when this peer stops first. */
  readonly done: Promise<JobReport>
}

/** Publishes jobs, and carries them to their settlement, over restarts. */
export class CreatorRole {
  readonly #runs = new Map<JobId, JobRun>()
  readonly #opening = new Map<JobId, Promise<PublishedJob>>()

  constructor(
    readonly components: RoleComponents,
    readonly roles: JudgeRoles
  ) {}

  /** Take up the jobs that an earlier process of this peer published. */
  async start(): Promise<void> {
    const { clock, store, context } = this.components
    for await (const [key, bytes] of store.list('settled/'))
      if (clock.nowMs() >= parseStored<number>(bytes)) await store.delete(key)
    // Of a job with drawn witnesses nothing is lost with our disk: whoever has our key takes it up where it is.
    this.roles.offers.onOffer(offer => {
      if (this.#isOurs(offer)) void this.#unlessSettled(offer)
    })
    for await (const [key, bytes] of store.list('offer/')) {
      const decoded = decodeMessage(bytes, ['offer'], context)
      if (decoded.ok) await this.#resume(await this.#announced(decoded.value))
      else this.components.log.warn('stored offer unreadable', { key, fault: decoded.fault })
    }
  }

  /** Neighbours hand on our offers until their time is over: what we have is not fetched again with every start. */
  async #unlessSettled(offer: KnownOffer): Promise<void> {
    const { store, log } = this.components
    try {
      if ((await store.get(`settled/${offer.job}`)) === undefined) await this.takeUp(offer.job)
    } catch (cause) {
      log.warn('job not taken up', { job: offer.job, cause })
    }
  }

  /**
   * Take up a job of ours with drawn witnesses whose offer is known, also one that we had settled before. Undefined when there is none
   * such.
   */
  async takeUp(job: JobId): Promise<JobRun | undefined> {
    const known = this.#runs.get(job)
    const offer = this.roles.offers.get(job)
    return known ?? (offer !== undefined && this.#isOurs(offer) ? await this.#run(offer) : undefined)
  }

  #isOurs({ signed, drawn }: KnownOffer): boolean {
    return signed.signer === this.components.network.peerId && drawn !== undefined
  }

  async #resume(offer: Signed<Offer>): Promise<void> {
    this.roles.offers.resume(offer)
    // A drawn offer runs once it is known by whom it is witnessed.
    if (!isDrawn(offer.body)) await this.#run(knownOffer(jobIdOf(offer.body.spec), offer, undefined))
  }

  async stop(): Promise<void> {
    for (const run of this.#runs.values()) await run.stop()
  }

  get(job: JobId): JobRun | undefined {
    return this.#runs.get(job)
  }

  jobs(): readonly JobRun[] {
    return [...this.#runs.values()]
  }

  /**
   * Import the assets, lock the budget, offer the job.
   *
   * @throws {RayswarmError} `ERR_BUDGET_BELOW_QUOTE`, `ERR_BALANCE_TOO_LOW` before anything is locked, and the errors of
   * `Assets.add`, `Chain.lock`
   */
  async publish(request: PublishRequest): Promise<PublishedJob> {
    const { assets, network } = this.components
    const imported = await assets.add(request.sources)
    const spec = request.spec({
      manifest: imported.cid,
      assetsSizeBytes: sizeOf(imported.manifest),
      creator: network.peerId
    })
    const job = jobIdOf(spec)
    const known = this.#runs.get(job)
    if (known !== undefined) return known.published
    const opening = this.#opening.get(job) ?? this.#open(job, spec, request)
    this.#opening.set(job, opening)
    return opening.finally(() => this.#opening.delete(job))
  }

  /** Lock and offer. One at a time per job: two would grant the same replicas. */
  async #open(job: JobId, spec: JobSpec, request: PublishRequest): Promise<PublishedJob> {
    const { chain, clock, context, network, params } = this.components
    const { budget } = quote(spec, split(spec))
    const amount = request.budget ?? budget
    if (amount < budget)
      throw new RayswarmError('ERR_BUDGET_BELOW_QUOTE', `budget ${amount} is below the quote ${budget}`, {
        thing: 'budget',
        value: String(amount),
        remedy: `Lock at least ${budget} base units, or lower the price cap, the samples or the frames.`
      })
    const terms: LockTerms = {
      jobHash: jobHashOf(job),
      salt: escrowSaltOf(job),
      amount,
      refundAfterS: Math.ceil((spec.deadlineAfterMs + params.refundGraceMs) / 1_000)
    }
    const { ref } = await chain.lock(terms)
    // The lock may be an earlier one, of a process that crashed before it could offer: its time runs already.
    const { refundableAtS, state } = await chain.escrow(ref)
    if (state !== 'locked')
      throw new RayswarmError('ERR_JOB_INVALID', `job ${job} was published before; its escrow is ${state}`, {
        thing: 'job',
        value: job,
        remedy: 'Publish the same work again under another nonce.'
      })
    const createdAtMs = Math.min(clock.nowMs(), refundableAtS * 1_000 - spec.deadlineAfterMs)
    const witnessing = await new Appointing(this.components, this.roles.offers.draws).appoint(
      { job, spec, escrow: ref, locked: amount },
      request.witness
    )
    const { drawn, ...rule } = witnessing
    const offer: Signed<Offer> = signed(
      'offer',
      {
        spec,
        escrow: ref,
        escrowSalt: terms.salt,
        account: chain.account,
        ...rule,
        addresses: network.addresses().slice(0, ADDRESS_COUNT_MAX),
        createdAtMs
      },
      context
    )
    await this.components.store.put(`offer/${job}`, encodeMessage(offer))
    this.roles.offers.add(offer)
    const run = this.#runs.get(job) ?? (await this.#run(knownOffer(job, offer, drawn)))
    this.components.events.emit('job:published', {
      job,
      spec,
      subtaskCount: run.driver.state.tracks.length,
      locked: amount
    })
    return run.published
  }

  /** The stored offer with the addresses this process listens on. */
  async #announced(stored: Signed<Offer>): Promise<Signed<Offer>> {
    const { clock, context, network, store } = this.components
    const addresses = network.addresses().slice(0, ADDRESS_COUNT_MAX)
    const unchanged = addresses.join() === stored.body.addresses.join()
    if (unchanged) return stored
    // The deadline counts from the first offer.
    if (clock.nowMs() >= deadlineAtMs(stored.body)) return stored
    const offer = signed('offer', { ...stored.body, addresses }, context)
    await store.put(`offer/${jobIdOf(stored.body.spec)}`, encodeMessage(offer))
    return offer
  }

  async #run(offer: KnownOffer): Promise<JobRun> {
    const run = new JobRun(this.components, this.roles, offer)
    this.#runs.set(offer.job, run)
    this.#forgetOldest()
    await run.start()
    return run
  }

  /** Settled jobs answer late bids for a while. */
  #forgetOldest(): void {
    const settled = this.jobs().filter(run => run.report !== undefined)
    for (const run of settled.slice(0, Math.max(0, settled.length - SETTLED_COUNT_MAX)))
      this.#runs.delete(run.job) // its driver stopped when it was settled
  }

  async onBid(bid: MessageOf<'bid'>, from: PeerId): Promise<MessageOf<'bid-reply'>> {
    if (bid.signer !== from) throw new RangeError("somebody else's bid")
    return this.#answering(bid.body.job).driver.onBid(bid)
  }

  async onVerification(
    request: MessageOf<'sealed' | 'reveal'>,
    from: PeerId
  ): Promise<MessageOf<'sealed-reply' | 'reveal-reply'>> {
    const { driver } = this.#answering(request.body.cert.replica.job)
    return request.type === 'sealed' ? driver.onSealed(request, from) : driver.onReveal(request, from)
  }

  #answering(job: JobId): JobRun {
    const run = this.#runs.get(job)
    if (run?.driver.state.isRestored !== true) throw new RangeError('not a job of ours')
    return run
  }
}

function sizeOf(manifest: Manifest): number {
  return manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
}
