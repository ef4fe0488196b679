import type { Admission, JobId, Offer, PeerId, Signed, WitnessSet } from '@rayswarm/interface'
import { drawnSet, witnessSet } from '@rayswarm/lease'
import { deadlineAtMs, judgeOffer } from '@rayswarm/market'
import { OFFER_COUNT_MAX, OFFERS_PAGE_COUNT_MAX } from '@rayswarm/params'
import { decodeMessage, jobIdOf, type MessageOf, message, sha256, toHex, verifySigned } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import { type Drawn, Draws } from './draws.ts'
import { exchangeWithNeighbours } from './neighbours.ts'
import { Scope } from './scope.ts'

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

/** Open offers, from gossip and from neighbours. The oldest leaves when the book is full. */
export class OfferBook {
  readonly #offers = new Map<JobId, KnownOffer>()
  readonly #closed = new Set<JobId>()
  /** Digests of gossip heard already: creators repeat their offers, and a repetition must cost next to nothing. */
  readonly #heard = new Set<string>()
  /** Signatures of offers judged already, however they came. */
  readonly #seen = new Set<string>()
  /** Offers whose witnesses are not known yet: the escrow may need another block. */
  readonly #undrawn = new Map<JobId, { readonly signed: Signed<Offer>; attemptCount: number }>()
  readonly draws: Draws
  readonly #scope: Scope
  readonly #listeners = new Set<(offer: KnownOffer) => void>()

  constructor(readonly components: RoleComponents) {
    this.#scope = new Scope(components)
    this.draws = new Draws(components)
  }

  start(): void {
    this.components.network.subscribe('offers', bytes => this.#onGossip(bytes))
    this.#scope.every(
      'witness draw',
      () => this.components.params.leaseRetryMs,
      async () => {
        for (const [job, { signed }] of [...this.#undrawn]) await this.#draw(job, signed)
      }
    )
    exchangeWithNeighbours('offers exchange', this.#scope, this.components, peer => this.#ask(peer))
  }

  stop(): Promise<void> {
    return this.#scope.close()
  }

  get(job: JobId): KnownOffer | undefined {
    return this.#offers.get(job)
  }

  /** Offers not known to be closed, newest first. */
  open(): KnownOffer[] {
    return [...this.#offers.values()].reverse()
  }

  onOffer(fn: (offer: KnownOffer) => void): void {
    this.#listeners.add(fn)
  }

  /** Forget an offer for good. Only its creator's word closes one. */
  close(job: JobId): void {
    this.#offers.delete(job)
    this.#undrawn.delete(job)
    remember(this.#closed, job)
  }

  /**
   * Judge an offer and, if it is new and sound, keep it. A creator that restarts repeats its offer with its new addresses:
   * the same job and escrow, signed anew.
   */
  add(signed: Signed<Offer>): Admission {
    const mark = toHex(signed.signature)
    if (this.#seen.has(mark)) return { action: 'ignore', fault: 'duplicate' }
    const job = jobIdOf(signed.body.spec)
    if (this.#closed.has(job)) return { action: 'ignore', fault: 'closed' }
    const judged = judgeOffer(signed, this.components.clock.nowMs())
    if (judged.action !== 'accept') return judged
    remember(this.#seen, mark)
    const known = this.#offers.get(job)
    const body = known?.signed.body
    if (body !== undefined && body.escrow.id !== signed.body.escrow.id)
      return { action: 'ignore', fault: 'other-escrow' }
    if (!isDrawn(signed.body)) this.#keep(knownOffer(job, signed, undefined))
    else if (known?.drawn !== undefined) this.#keep(knownOffer(job, signed, known.drawn))
    else {
      this.#undrawn.set(job, { signed, attemptCount: 0 })
      this.#scope.spawn('witness draw', () => this.#draw(job, signed))
    }
    this.#makeRoom()
    return { action: 'accept' }
  }

  /** An offer counts once its witnesses are known: drawn, and named by its escrow. */
  async #draw(job: JobId, signed: Signed<Offer>): Promise<void> {
    const { clock, log } = this.components
    if (clock.nowMs() >= deadlineAtMs(signed.body)) return void this.#undrawn.delete(job)
    const drawn = await this.draws.of(job, signed.body).catch((cause: unknown) => String(cause))
    // A later copy of the offer may have taken its place while the chain was asked.
    const waiting = this.#undrawn.get(job)
    if (waiting === undefined) return
    if (typeof drawn === 'string') {
      log.debug('witnesses not drawn', { job, why: drawn })
      if (++waiting.attemptCount >= DRAW_ATTEMPT_COUNT_MAX) this.#undrawn.delete(job)
      return
    }
    this.#undrawn.delete(job)
    this.#keep(knownOffer(job, waiting.signed, drawn))
  }

  #keep(offer: KnownOffer): void {
    const { job, signed } = offer
    const isNew = !this.#offers.has(job)
    this.#offers.set(job, offer)
    if (!isNew) return
    this.components.events.emit('offer:seen', { job, creator: signed.signer })
    for (const listener of this.#listeners) listener(offer)
  }

  /** Offers cost their sender nothing: the eldest foreign one goes. Our own stay, their witness needs them. */
  #makeRoom(): void {
    for (const job of this.#undrawn.keys()) if (this.#undrawn.size > OFFER_COUNT_MAX) this.#undrawn.delete(job)
    if (this.#offers.size <= OFFER_COUNT_MAX) return
    const self = this.components.network.peerId
    for (const [job, { signed }] of this.#offers)
      if (signed.signer !== self) {
        this.#offers.delete(job)
        return
      }
  }

  /** Answer a neighbour that asks for offers it lacks. */
  answer(query: MessageOf<'offers-query'>): MessageOf<'offers-page'> {
    const known = new Set(query.body.known)
    const nowMs = this.components.clock.nowMs()
    const offers = this.open().filter(({ job, signed: { body } }) => {
      return nowMs < deadlineAtMs(body) && !known.has(job)
    })
    return message('offers-page', { offers: offers.slice(0, OFFERS_PAGE_COUNT_MAX).map(o => o.signed) })
  }

  #onGossip(bytes: Uint8Array): Admission {
    const mark = toHex(sha256(bytes))
    if (this.#heard.has(mark)) return { action: 'ignore', fault: 'duplicate' }
    remember(this.#heard, mark)
    const decoded = decodeMessage(bytes, ['offer'], this.components.context)
    return decoded.ok ? this.add(decoded.value) : { action: 'reject', fault: decoded.fault }
  }

  async #ask(peer: PeerId): Promise<void> {
    const { context, params } = this.components
    const known = [...this.#offers.keys(), ...this.#closed].slice(-OFFER_COUNT_MAX)
    const options = { timeoutMs: params.requestTimeoutMs, signal: this.#scope.signal }
    const query = message('offers-query', { known })
    const page = await ask(this.components, peer, 'market', query, ['offers-page'], options)
    for (const offer of page?.body.offers.slice(0, OFFERS_PAGE_COUNT_MAX) ?? []) {
      if (verifySigned(offer, context)) this.add(offer)
    }
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
