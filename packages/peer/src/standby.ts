import type { OpeningsPage } from '@rayswarm/interface'
import { membersOf } from '@rayswarm/lease'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Scope } from './scope.ts'

/**
 * A witness of a later view. Whoever finds no quorum in the views before asks it for work; it then looks for itself, and takes over
 * when none of them had a quorum for half a lease term, and its own has one.
 *
 * @see spec/lease.md#views
 */
export class Standby {
  #isActing = false
  #looking = false
  #lookedAtMs = Number.NEGATIVE_INFINITY
  /** Since when no earlier view is known to have a quorum. */
  #vacantSinceMs: number | undefined

  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer,
    readonly view: number,
    readonly onActing: () => void
  ) {}

  /** Whether no earlier view has a quorum, and ours has. */
  get isActing(): boolean {
    return this.#isActing
  }

  /** Somebody asks for work here: time to look, unless we have just done so. */
  poke(): void {
    const { clock, params } = this.components
    const pauseMs = this.#isActing ? params.leaseTermMsMin : params.leaseRetryMs
    if (this.#looking || this.scope.closed || clock.nowMs() < this.#lookedAtMs + pauseMs) return
    this.#looking = true
    this.scope.spawn('look at earlier views', () =>
      this.#look().finally(() => {
        this.#looking = false
        this.#lookedAtMs = clock.nowMs()
        // Once in doubt it makes sure, whether it is asked again or not.
        if (this.#vacantSinceMs !== undefined && !this.#isActing)
          this.scope.after(params.leaseRetryMs, () => this.poke())
      })
    )
  }

  async #look(): Promise<void> {
    const { clock, params } = this.components
    if (!(await this.#isVacant())) {
      this.#vacantSinceMs = undefined
      this.#isActing = false
      return
    }
    this.#vacantSinceMs ??= clock.nowMs()
    if (this.#isActing || clock.nowMs() < this.#vacantSinceMs + params.leaseTermMsMin / 2) return
    this.#isActing = true
    this.onActing()
  }

  /** Whether no quorum of an earlier view says that it acts, and one of ours could. */
  async #isVacant(): Promise<boolean> {
    const { quorum } = this.offer.witnesses
    for (let view = 0; view < this.view; view++) {
      const pages = await this.#ask(view)
      if (pages.filter(page => page.view === view).length >= quorum) return false
    }
    return (await this.#ask(this.view)).length + 1 >= quorum
  }

  /** What the witnesses of a view say; ours hear of it that they may be needed. */
  async #ask(view: number): Promise<readonly OpeningsPage[]> {
    const { network, params } = this.components
    const { job, witnesses } = this.offer
    const question = encodeMessage(message('openings', { job }))
    const options = { timeoutMs: params.leaseRequestTimeoutMs, signal: this.scope.signal }
    const pages = await Promise.all(
      membersOf(witnesses, view)
        .filter(witness => witness !== network.peerId)
        .map(witness => ask(this.components, witness, 'lease', question, ['openings-page'], options))
    )
    return pages.flatMap(page => page?.body ?? [])
  }
}
