import type { PeerId, Unsubscribe } from '@rayswarm/interface'
import { inViews, viewOf } from '@rayswarm/lease'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask, firstOf } from './ask.ts'
import { jitterMs, type RoleComponents } from './components.ts'
import { type SealedResult, sealedKey } from './execution.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Scope } from './scope.ts'

/** Polls grow rarer up to this many times the interval: who may open is told so as well. */
const POLL_DOUBLINGS_MAX = 3

/**
 * Opens sealed results: asks the judges whether it may, then reveals, until a quorum of them has it.
 *
 * Nobody is shown anything before a quorum of judges has seen that nobody can copy it any more.
 */
export class Opener {
  readonly #firstView: number
  /** The last view that is asked: one more whenever it had no quorum that answers for long enough. */
  #lastView: number
  /** Since when too few of that view answer. */
  #silentSinceMs: number | undefined

  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer,
    readonly sealed: SealedResult
  ) {
    this.#firstView = this.#lastView = viewOf(sealed.cert.replica.generation)
  }

  /** Polls are cut short when `listen`'s listener is called: somebody says that something was sealed. */
  async open(listen: (wake: () => void) => Unsubscribe): Promise<void> {
    const { chance, params } = this.components
    const open = new Set<PeerId>()
    const received = new Set<PeerId>()
    for (let round = 0; !this.#isQuorum(received); round++) {
      if (round > 0) {
        const wantedMs = params.sealedPollMs * 2 ** Math.min(round - 1, POLL_DOUBLINGS_MAX)
        // Who never hears that it may open must still ask in time.
        await this.scope.sleepOr(jitterMs(Math.min(wantedMs, params.revealTimeoutMs / 2), chance), listen)
      }
      if (!this.#isQuorum(open)) await this.#inquire(open)
      if (this.#isQuorum(open)) await this.#reveal(received)
    }
    await this.components.store.delete(sealedKey(this.sealed))
  }

  async #inquire(open: Set<PeerId>): Promise<void> {
    const inquiry = encodeMessage(message('sealed', { cert: this.sealed.cert }))
    await this.#askEach(open, async judge => {
      const may = await ask(this.components, judge, 'verification', inquiry, ['sealed-reply'], this.#options)
      return may?.body.open
    })
  }

  async #reveal(received: Set<PeerId>): Promise<void> {
    const reveal = encodeMessage(message('reveal', this.sealed))
    const tell = async (judge: PeerId): Promise<boolean | undefined> => {
      const reply = await ask(this.components, judge, 'verification', reveal, ['reveal-reply'], this.#options)
      return reply?.body.received
    }
    await this.#askEach(received, tell)
    // The creator is one judge more, if it is there.
    const { creator } = this.offer.signed.body.spec
    if (this.offer.drawn !== undefined) this.scope.spawn('reveal', async () => void (await tell(creator)))
  }

  /** Ask who has not agreed yet; where too few answer, the next view may have taken over. */
  async #askEach(agreed: Set<PeerId>, fn: (judge: PeerId) => Promise<boolean | undefined>): Promise<void> {
    const { witnesses } = this.offer
    const views = inViews(witnesses.members, witnesses)
    const judges = views.slice(this.#firstView, this.#lastView + 1).flat()
    const answered = new Set(agreed)
    const last = views.slice(this.#lastView, this.#lastView + 1)
    // One that is gone must not keep us from what the others say.
    await firstOf(
      judges
        .filter(judge => !agreed.has(judge))
        .map(async judge => {
          const agrees = await fn(judge)
          if (agrees !== undefined) answered.add(judge)
          if (agrees) agreed.add(judge)
          return this.#isQuorum(agreed) || this.#isQuorum(answered, last)
        })
    )
    if (this.#isQuorum(answered, last)) {
      this.#silentSinceMs = undefined
      return
    }
    const { clock, params } = this.components
    const nowMs = clock.nowMs()
    this.#silentSinceMs ??= nowMs
    // Each time one more view is asked. Were this one only busy, that would make all of them busier.
    if (nowMs < this.#silentSinceMs + params.revealTimeoutMs / 2 || this.#lastView + 1 >= views.length) return
    this.#lastView++
    this.#silentSinceMs = undefined
  }

  /** Whether a quorum of one view is among them. */
  #isQuorum(
    judges: ReadonlySet<PeerId>,
    views = inViews(this.offer.witnesses.members, this.offer.witnesses)
  ): boolean {
    const { quorum } = this.offer.witnesses
    return views.some(members => members.filter(member => judges.has(member)).length >= quorum)
  }

  get #options(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: this.components.params.requestTimeoutMs, signal: this.scope.signal }
  }
}
