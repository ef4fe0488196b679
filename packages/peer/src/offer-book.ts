import type { Admission, Hex, JobId, Offer, Signed, WitnessSet } from '@rayswarm/interface'
import { drawnSet, witnessSet } from '@rayswarm/lease'
import { deadlineAtMs, judgeOffer } from '@rayswarm/market'
import { OFFER_COUNT_MAX } from '@rayswarm/params'
import { IdSet } from '@rayswarm/reconcile'
import { decodeMessage, encodeMessage, fromHex, jobHashOf, jobIdOf, sha256, toHex } from '@rayswarm/wire'
import type { RoleComponents } from './components.ts'
import { type Drawn, Draws } from './draws.ts'
import { Scope } from './scope.ts'
import type { SyncSet } from './sync-role.ts'

/** An offer whose witnesses cannot be drawn is tried again this often; chains take their time to be final. */
const DRAW_ATTEMPT_COUNT_MAX = 200

/** An offer this peer knows of. */
export interface KnownOffer {
  readonly job: JobId
  readonly signed: Signed<Offer>
  readonly witnesses: WitnessSet
  /** How the witnesses were drawn; absent in owner mode. */
  readonly drawn?: Drawn
}

/** An offer whose witnesses are not known yet. */
interface Undrawn {
  readonly signed: Signed<Offer>
  /** Ours to carry to its end, also after its deadline. */
  readonly isTaken: boolean
  attemptCount: number
}

/** An offer with what follows from it. */
export function knownOffer(job: JobId, signed: Signed<Offer>, drawn: Drawn | undefined): KnownOffer {
  const { body } = signed
  if (drawn === undefined) return { job, signed, witnesses: witnessSet(body, job) }
  return { job, signed, drawn, witnesses: drawnSet(body, job, drawn.witnesses) }
}

/** Whether a job's witnesses are drawn; else its creator alone is its witness. */
export function isDrawn({ witness }: Offer): boolean {
  return witness.witnessCount > 1
}

/** A creator signs its offer anew with other addresses, and may change nothing else that others rely on. */
function hasSameTerms(a: Offer, b: Offer): boolean {
  return (
    a.escrow.id === b.escrow.id &&
    a.drawEpoch === b.drawEpoch &&
    a.witness.witnessCount === b.witness.witnessCount &&
    a.witness.quorum === b.witness.quorum
  )
}

/** Open offers, from gossip and from neighbours. The oldest leaves when the book is full. */
export class OfferBook {
  /** The open offers as neighbours reconcile them. */
  readonly set: SyncSet
  /** An offer goes by its job: copies that a restarted creator signed anew are the same item. */
  readonly #ids = new IdSet()
  readonly #jobs = new Map<Hex, JobId>()
  /** No offer in the set ends before this. */
  #nextDeadlineMs = Number.POSITIVE_INFINITY
  readonly #offers = new Map<JobId, KnownOffer>()
  /** Offers that bring no work any more, but are handed on: their creators may come for the results. */
  readonly #retired = new Map<JobId, KnownOffer>()
  readonly #closed = new Set<JobId>()
  /** Digests of gossip heard already: creators repeat their offers, and a repetition must cost next to nothing. */
  readonly #heard = new Set<string>()
  /** Signatures of offers judged already, however they came. */
  readonly #seen = new Set<string>()
  /** Offers whose witnesses are not known yet: the escrow may need another block. */
  readonly #undrawn = new Map<JobId, Undrawn>()
  readonly draws: Draws
  readonly #scope: Scope
  readonly #listeners = new Set<(offer: KnownOffer) => void>()

  constructor(readonly components: RoleComponents) {
    this.#scope = new Scope(components)
    this.draws = new Draws(components)
    const openIds = (): IdSet => this.#openIds()
    this.set = {
      name: 'offers',
      get ids() {
        return openIds()
      },
      read: id => this.#read(id),
      take: item => this.#take(item)
    }
  }

  start(): void {
    this.components.network.subscribe('offers', bytes => this.#onGossip(bytes))
  }

  stop(): Promise<void> {
    return this.#scope.close()
  }

  get(job: JobId): KnownOffer | undefined {
    return this.#offers.get(job) ?? this.#retired.get(job)
  }

  /** Offers not known to be closed, newest first. */
  open(): KnownOffer[] {
    return [...this.#offers.values()].reverse()
  }

  onOffer(fn: (offer: KnownOffer) => void): void {
    this.#listeners.add(fn)
  }

  /**
   * The job is over. An offer with drawn witnesses is still handed on until its time is over: a creator that lost everything but its
   * key finds its job by it.
   */
  retire(job: JobId): void {
    const offer = this.#offers.get(job)
    if (offer?.drawn === undefined || this.components.clock.nowMs() >= deadlineAtMs(offer.signed.body))
      return this.close(job)
    this.#offers.delete(job)
    this.#retired.set(job, offer)
    for (const eldest of this.#retired.keys()) {
      if (this.#retired.size <= OFFER_COUNT_MAX) return
      this.#drop(eldest)
    }
  }

  /** Forget an offer for good. Only its creator's word closes one. */
  close(job: JobId): void {
    this.#drop(job)
    this.#undrawn.delete(job)
    remember(this.#closed, job)
  }

  /**
   * Judge an offer and, if it is new and sound, keep it. A creator that restarts repeats its offer with its new addresses:
   * the same job and escrow, signed anew.
   */
  add(signed: Signed<Offer>): Admission {
    return this.#admit(signed, false)
  }

  /** Take up an offer of our own disk again. After its deadline nothing of it is executed, but its money is still to be moved. */
  resume(signed: Signed<Offer>): void {
    this.#admit(signed, true)
  }

  #admit(signed: Signed<Offer>, isTaken: boolean): Admission {
    const mark = toHex(signed.signature)
    if (this.#seen.has(mark)) return { action: 'ignore', fault: 'duplicate' }
    const job = jobIdOf(signed.body.spec)
    if (this.#closed.has(job) || this.#retired.has(job)) return { action: 'ignore', fault: 'closed' }
    const judged = judgeOffer(signed, this.components.clock.nowMs())
    const isLate = judged.action === 'ignore' && judged.fault === 'deadline-passed'
    if (judged.action !== 'accept' && !(isTaken && isLate)) return judged
    remember(this.#seen, mark)
    const known = this.#offers.get(job)
    if (known !== undefined && !hasSameTerms(known.signed.body, signed.body))
      return { action: 'ignore', fault: 'other-terms' }
    if (known === undefined) this.components.events.emit('offer:received', { job, creator: signed.signer })
    if (known !== undefined || !isDrawn(signed.body)) this.#keep(knownOffer(job, signed, known?.drawn))
    else {
      const undrawn = { signed, isTaken, attemptCount: 0 }
      this.#undrawn.set(job, undrawn)
      this.#scope.spawn('witness draw', () => this.#draw(job, undrawn))
    }
    this.#makeRoom()
    return { action: 'accept' }
  }

  /** An offer counts once its witnesses are known: drawn, and named by its escrow. A later copy has a draw of its own. */
  async #draw(job: JobId, undrawn: Undrawn): Promise<void> {
    const { clock, log, params } = this.components
    const { signed, isTaken } = undrawn
    while (this.#undrawn.get(job) === undrawn) {
      if (!isTaken && clock.nowMs() >= deadlineAtMs(signed.body)) return void this.#undrawn.delete(job)
      if (undrawn.attemptCount++ >= DRAW_ATTEMPT_COUNT_MAX) return this.#giveUp(job)
      const drawn = await this.draws.of(job, signed.body).catch((cause: unknown) => String(cause))
      // It may have been closed, or replaced, while the chain was asked.
      if (this.#undrawn.get(job) !== undrawn) return
      if (typeof drawn !== 'string') {
        this.#undrawn.delete(job)
        return this.#keep(knownOffer(job, signed, drawn))
      }
      log.debug('witnesses not drawn', { job, why: drawn })
      await this.#scope.sleep(params.leaseRetryMs)
    }
  }

  /** Forget an offer whose witnesses could not be drawn. Who could draw them may hand it to us again. */
  #giveUp(job: JobId): void {
    const waiting = this.#undrawn.get(job)
    if (waiting !== undefined) this.#seen.delete(toHex(waiting.signed.signature))
    this.#undrawn.delete(job)
  }

  #keep(offer: KnownOffer): void {
    const { job, signed } = offer
    const isNew = !this.#offers.has(job)
    this.#offers.set(job, offer)
    if (!isNew) return
    const hash = jobHashOf(job)
    this.#ids.add(fromHex(hash))
    this.#jobs.set(hash, job)
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineAtMs(signed.body))
    this.components.events.emit('offer:seen', { job, creator: signed.signer })
    for (const listener of this.#listeners) listener(offer)
  }

  /** Offers cost their sender nothing: the eldest goes. Our own and those we witness stay: leases are judged by them. */
  #makeRoom(): void {
    for (const job of this.#undrawn.keys()) if (this.#undrawn.size > OFFER_COUNT_MAX) this.#giveUp(job)
    if (this.#offers.size <= OFFER_COUNT_MAX) return
    const self = this.components.network.peerId
    for (const [job, { signed, witnesses }] of this.#offers)
      if (signed.signer !== self && !witnesses.members.includes(self)) return this.#drop(job)
  }

  #drop(job: JobId): void {
    this.#offers.delete(job)
    this.#retired.delete(job)
    const hash = jobHashOf(job)
    this.#ids.delete(fromHex(hash))
    this.#jobs.delete(hash)
  }

  /** Nobody is handed an offer that is over; those of jobs that are under way here are kept all the same. */
  #openIds(): IdSet {
    const nowMs = this.components.clock.nowMs()
    if (nowMs < this.#nextDeadlineMs) return this.#ids
    this.#nextDeadlineMs = Number.POSITIVE_INFINITY
    for (const [job, { signed }] of [...this.#offers, ...this.#retired]) {
      const endsAtMs = deadlineAtMs(signed.body)
      if (nowMs >= endsAtMs && this.#retired.has(job)) this.close(job)
      else if (nowMs >= endsAtMs) this.#ids.delete(fromHex(jobHashOf(job)))
      else this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, endsAtMs)
    }
    return this.#ids
  }

  #read(id: Uint8Array): Uint8Array | undefined {
    const job = this.#jobs.get(toHex(id))
    const known = job === undefined ? undefined : this.get(job)
    return known && encodeMessage(known.signed)
  }

  #take(item: Uint8Array): Admission {
    const decoded = decodeMessage(item, ['offer'], this.components.context)
    if (!decoded.ok) return { action: 'reject', fault: decoded.fault }
    const job = jobIdOf(decoded.value.body.spec)
    // Which of two copies is the newer one, only its creator says, by gossip.
    const known = this.get(job) !== undefined || this.#undrawn.has(job)
    return known ? { action: 'ignore', fault: 'duplicate' } : this.add(decoded.value)
  }

  #onGossip(bytes: Uint8Array): Admission {
    const mark = toHex(sha256(bytes))
    if (this.#heard.has(mark)) return { action: 'ignore', fault: 'duplicate' }
    remember(this.#heard, mark)
    const decoded = decodeMessage(bytes, ['offer'], this.components.context)
    return decoded.ok ? this.add(decoded.value) : { action: 'reject', fault: decoded.fault }
  }
}

function remember(set: Set<string>, item: string): void {
  set.add(item)
  if (set.size > OFFER_COUNT_MAX) set.delete(first(set))
}

function first<T>(items: Iterable<T>): T {
  for (const item of items) return item
  throw new RangeError('nothing there')
}
