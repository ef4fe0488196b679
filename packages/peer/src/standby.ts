import type { OpeningsPage } from '@rayswarm/interface'
import { membersOf, viewCountOf } from '@rayswarm/lease'
import { deadlineAtMs } from '@rayswarm/market'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import { askOpenings } from './openings.ts'
import type { Scope } from './scope.ts'

/**
 * A witness of a later view. Whoever finds no quorum in the views before asks it for work; it then looks for itself. It is ready when
 * none of them had a quorum for half a lease term, and takes over when a quorum of its own view is ready.
 *
 * @see spec/lease.md#views
 */
export class Standby {
  /** The view that acts, as far as we know: ours once we are ready, the next one where we have no quorum either. */
  #actingView = 0
  #isActing = false
  #looking = false
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #vacantSinceMs: number | undefined
  /** The vacancy that was said to be one. */
  #saidSinceMs: number | undefined
  /** Since when our own view has none. */
  #aloneSinceMs: number | undefined

  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer,
    readonly view: number,
    /** Called once for each time that we may have to take over: what the views before us know has to be fetched. */
    readonly onDoubt: () => void
  ) {}

  get actingView(): number {
    return this.#actingView
  }

  /** Whether we grant leases. */
  get isActing(): boolean {
    return this.#isActing
  }

  /** Since when no earlier view is known to have a quorum; undefined while one has. */
  get vacantSinceMs(): number | undefined {
    return this.#vacantSinceMs
  }

  /** Whether nobody can be paid for the job any more. */
  get isOver(): boolean {
    const { clock, params } = this.components
    return clock.nowMs() >= deadlineAtMs(this.offer.signed.body) + params.refundGraceMs
  }

  /** Somebody asks for work here: time to look, unless we have just done so. */
  poke(): void {
    const { clock, params } = this.components
    const pauseMs = this.#isActing ? params.leaseTermMsMin : params.leaseRetryMs
    if (this.#looking || this.isOver || this.scope.closed || clock.nowMs() < this.#lookedAtMs + pauseMs)
      return
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
    const { quorum } = this.offer.witnesses
    const earlier = await this.#findEarlier()
    if (earlier !== undefined) return this.#leaveTo(earlier)
    const nowMs = clock.nowMs()
    this.#vacantSinceMs ??= nowMs
    const ours = await this.#ask(this.view)
    this.#aloneSinceMs = ours.length + 1 < quorum ? (this.#aloneSinceMs ?? nowMs) : undefined
    const doubtedSinceMs = nowMs - params.leaseTermMsMin / 2
    const isInDoubt = this.#vacantSinceMs <= nowMs - params.leaseTermMsMin / 4
    if (isInDoubt && this.#aloneSinceMs === undefined && this.#saidSinceMs !== this.#vacantSinceMs) {
      this.#saidSinceMs = this.#vacantSinceMs
      this.onDoubt()
    }
    if (this.#vacantSinceMs > doubtedSinceMs) return
    if (this.#aloneSinceMs !== undefined && this.#aloneSinceMs <= doubtedSinceMs) {
      this.#isActing = false
      // Nobody comes after the last: those of the first may be back.
      this.#actingView = (this.view + 1) % viewCountOf(this.offer.witnesses)
      return
    }
    this.#actingView = this.view
    const readyCount = 1 + ours.filter(page => page.view === this.view).length
    if (readyCount >= quorum) this.#isActing = true
  }

  #leaveTo(view: number): void {
    this.#vacantSinceMs = this.#aloneSinceMs = undefined
    this.#isActing = false
    this.#actingView = view
  }

  /** The first earlier view of which a quorum says that it acts. */
  async #findEarlier(): Promise<number | undefined> {
    for (let view = 0; view < this.view; view++) {
      const pages = await this.#ask(view)
      if (pages.filter(page => page.view === view).length >= this.offer.witnesses.quorum) return view
    }
    return undefined
  }

  /** What the witnesses of a view say; ours hear of it that they may be needed. */
  async #ask(view: number): Promise<readonly OpeningsPage[]> {
    const { job, witnesses } = this.offer
    const others = membersOf(witnesses, view).filter(witness => witness !== this.components.network.peerId)
    const pages = await Promise.all(
      others.map(witness => askOpenings(this.components, this.scope, job, witness))
    )
    return pages.filter(page => page !== undefined)
  }
}
