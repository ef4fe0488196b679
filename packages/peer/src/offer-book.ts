import type { Admission, JobId, Offer, PeerId, Signed, WitnessSet } from '@rayswarm/interface'
import { witnessSet } from '@rayswarm/lease'
import { deadlineAtMs, judgeOffer } from '@rayswarm/market'
import { OFFER_COUNT_MAX, OFFERS_PAGE_COUNT_MAX } from '@rayswarm/params'
import { decodeMessage, jobIdOf, type MessageOf, message, sha256, toHex, verifySigned } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import { exchangeWithNeighbours } from './neighbours.ts'
import { Scope } from './scope.ts'

/** An offer this peer knows of. */
export interface KnownOffer {
  readonly job: JobId
  readonly signed: Signed<Offer>
  readonly witnesses: WitnessSet
}

/** An offer with what follows from it. */
export function knownOffer(job: JobId, signed: Signed<Offer>): KnownOffer {
  return { job, signed, witnesses: witnessSet(signed.body, job) }
}

/** Open offers, from gossip and from neighbours. The oldest leaves when the book is full. */
export class OfferBook {
  readonly #offers = new Map<JobId, KnownOffer>()
  readonly #closed = new Set<JobId>()
  /** Digests of gossip heard already: creators repeat their offers, and a repetition must cost next to nothing. */
  readonly #heard = new Set<string>()
  /** Signatures of offers judged already, however they came. */
  readonly #seen = new Set<string>()
  readonly #scope: Scope
  readonly #listeners = new Set<(offer: KnownOffer) => void>()

  constructor(readonly components: RoleComponents) {
    this.#scope = new Scope(components)
  }

  start(): void {
    this.components.network.subscribe('offers', bytes => this.#onGossip(bytes))
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
    this.#offers.set(job, knownOffer(job, signed))
    this.#makeRoom()
    if (known === undefined) {
      this.components.events.emit('offer:seen', { job, creator: signed.signer })
      for (const listener of this.#listeners) listener(this.#offers.get(job)!)
    }
    return { action: 'accept' }
  }

  /** Offers cost their sender nothing: the eldest foreign one goes. Our own stay, their witness needs them. */
  #makeRoom(): void {
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
