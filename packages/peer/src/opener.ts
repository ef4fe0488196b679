import type { PeerId, Unsubscribe } from '@rayswarm/interface'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask } from './ask.ts'
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
  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer
  ) {}

  /** Polls are cut short when `listen`'s listener is called: somebody says that something was sealed. */
  async open(sealed: SealedResult, listen: (wake: () => void) => Unsubscribe): Promise<void> {
    const { chance, params } = this.components
    const { quorum } = this.offer.witnesses
    const open = new Set<PeerId>()
    const received = new Set<PeerId>()
    for (let round = 0; received.size < quorum; round++) {
      if (round > 0) {
        const wantedMs = params.sealedPollMs * 2 ** Math.min(round - 1, POLL_DOUBLINGS_MAX)
        // Who never hears that it may open must still ask in time.
        await this.scope.sleepOr(jitterMs(Math.min(wantedMs, params.revealTimeoutMs / 2), chance), listen)
      }
      if (open.size < quorum) await this.#inquire(sealed, open)
      if (open.size >= quorum) await this.#reveal(sealed, received)
    }
    await this.components.store.delete(sealedKey(sealed))
  }

  async #inquire({ cert }: SealedResult, open: Set<PeerId>): Promise<void> {
    const inquiry = encodeMessage(message('sealed', { cert }))
    await this.#askEach(open, async judge => {
      const may = await ask(this.components, judge, 'verification', inquiry, ['sealed-reply'], this.#options)
      return may?.body.open === true
    })
  }

  async #reveal({ cert, attestation }: SealedResult, received: Set<PeerId>): Promise<void> {
    const reveal = encodeMessage(message('reveal', { cert, attestation }))
    const tell = async (judge: PeerId): Promise<boolean> => {
      const reply = await ask(this.components, judge, 'verification', reveal, ['reveal-reply'], this.#options)
      return reply?.body.received === true
    }
    await this.#askEach(received, tell)
    // The creator is one judge more, if it is there.
    const { creator } = this.offer.signed.body.spec
    if (this.offer.drawn !== undefined) this.scope.spawn('reveal', async () => void (await tell(creator)))
  }

  async #askEach(done: Set<PeerId>, fn: (judge: PeerId) => Promise<boolean>): Promise<void> {
    await Promise.all(
      this.offer.witnesses.members
        .filter(judge => !done.has(judge))
        .map(async judge => {
          if (await fn(judge)) done.add(judge)
        })
    )
  }

  get #options(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: this.components.params.requestTimeoutMs, signal: this.scope.signal }
  }
}
