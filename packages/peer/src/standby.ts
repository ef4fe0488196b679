import type { OpeningsPage, PeerId, Timer } from '@rayswarm/interface'
import { membersOf, viewCountOf } from '@rayswarm/lease'
import { deadlineAtMs } from '@rayswarm/market'
import { firstOf } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import { askOpenings } from './openings.ts'
import type { Scope } from './scope.ts'

/**
 * A witness of a later view. Whoever finds no quorum in the views before asks it for work; it then looks for itself, and takes over
 * when none of them had a quorum for half a lease term. Where too few of its own view find so, they lease nothing to anybody.
 *
 * @see spec/lease.md#views
 */
export class Standby {
  /** The view that acts, as far as we know: ours once we are ready, the next one where we have no quorum either. */
  #actingView = 0
  #actingSinceMs = 0
  #looking = false
  #timer: Timer | undefined
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #vacantSinceMs: number | undefined
  /** The vacancy that was said to be one. */
  #saidSinceMs: number | undefined
  /** Since when our own view has none. */
  #aloneSinceMs: number | undefined
  readonly #pages = new Map<PeerId, OpeningsPage>()

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
    return this.#actingView === this.view
  }

  /** In how long we may grant leases; undefined while we do not expect to. */
  get actsInMs(): number | undefined {
    const { clock, params } = this.components
    if (this.isActing || this.#vacantSinceMs === undefined || this.#aloneSinceMs !== undefined)
      return undefined
    return Math.max(this.#vacantSinceMs + params.leaseTermMsMin / 2 - clock.nowMs(), params.leaseRetryMs)
  }

  /** Since when no earlier view is known to have a quorum; undefined while one has. */
  get vacantSinceMs(): number | undefined {
    return this.#vacantSinceMs
  }

  /** When we looked last. */
  get lookedAtMs(): number {
    return this.#lookedAtMs
  }

  /** What each witness of ours and earlier views answered last; without those that did not. */
  get pages(): ReadonlyMap<PeerId, OpeningsPage> {
    return this.#pages
  }

  /** Whether nobody can be paid for the job any more. */
  get isOver(): boolean {
    const { clock, params } = this.components
    return clock.nowMs() >= deadlineAtMs(this.offer.signed.body) + params.refundGraceMs
  }

  /** Somebody asks for work here: time to look, unless we have just done so. */
  poke(): void {
    const { clock, params } = this.components
    const pauseMs = this.isActing ? params.leaseTermMsMin : params.leaseRetryMs
    if (clock.nowMs() >= this.#lookedAtMs + pauseMs) this.#begin()
  }

  #begin(): void {
    if (this.#looking || this.isOver || this.scope.closed) return
    this.#looking = true
    this.scope.spawn('look at earlier views', () =>
      this.#look().finally(() => {
        this.#looking = false
        this.#lookedAtMs = this.components.clock.nowMs()
        const pauseMs = this.#pauseMs()
        this.#timer?.cancel()
        if (pauseMs !== undefined) this.#timer = this.scope.after(pauseMs, () => this.#begin())
      })
    )
  }

  /** When to look again without being asked; undefined for not at all. */
  #pauseMs(): number | undefined {
    const { clock, params } = this.components
    if (this.#vacantSinceMs === undefined) return undefined
    const nowMs = clock.nowMs()
    // Leases of the view before end within a term, and are ours to give again.
    if (this.isActing && nowMs >= this.#actingSinceMs + params.leaseTermMsMin) return undefined
    // In doubt it makes sure, and as soon as it may be sure.
    const leftMs = this.#vacantSinceMs + params.leaseTermMsMin / 2 - nowMs
    return leftMs > 0 ? Math.min(leftMs, params.leaseRetryMs) : params.leaseRetryMs
  }

  async #look(): Promise<void> {
    const { clock, params } = this.components
    const earlier = await this.#findEarlier()
    if (earlier !== undefined) return this.#leaveTo(earlier)
    this.#vacantSinceMs ??= clock.nowMs()
    const isQuorumThere = await this.#isQuorumOf(this.view, () => true)
    const nowMs = clock.nowMs()
    this.#aloneSinceMs = isQuorumThere ? undefined : (this.#aloneSinceMs ?? nowMs)
    const doubtedSinceMs = nowMs - params.leaseTermMsMin / 2
    const isInDoubt = this.#vacantSinceMs <= nowMs - params.leaseTermMsMin / 4
    if (isInDoubt && this.#aloneSinceMs === undefined && this.#saidSinceMs !== this.#vacantSinceMs) {
      this.#saidSinceMs = this.#vacantSinceMs
      this.onDoubt()
    }
    if (this.#vacantSinceMs > doubtedSinceMs) return
    const isAlone = this.#aloneSinceMs !== undefined && this.#aloneSinceMs <= doubtedSinceMs
    if (this.#aloneSinceMs !== undefined && !isAlone) return
    if (!isAlone && !this.isActing) this.#actingSinceMs = nowMs
    // Nobody comes after the last: those of the first may be back.
    this.#actingView = isAlone ? (this.view + 1) % viewCountOf(this.offer.witnesses) : this.view
  }

  #leaveTo(view: number): void {
    this.#vacantSinceMs = this.#aloneSinceMs = undefined
    this.#actingView = view
  }

  /** The first earlier view of which a quorum says that it acts. */
  async #findEarlier(): Promise<number | undefined> {
    for (let view = 0; view < this.view; view++)
      if (await this.#isQuorumOf(view, page => page.view === view)) return view
    return undefined
  }

  /**
   * Whether a quorum of a view's witnesses answers so, ourselves with ours. Those of our own view hear of it that they may be needed. It
   * is known before the slowest has answered.
   */
  async #isQuorumOf(view: number, counts: (page: OpeningsPage) => boolean): Promise<boolean> {
    const { job, witnesses } = this.offer
    const { quorum, witnessCount } = witnesses
    const own = this.components.network.peerId
    const others = membersOf(witnesses, view).filter(witness => witness !== own)
    let yesCount = witnessCount - others.length
    let noCount = 0
    const ask = async (witness: PeerId): Promise<boolean> => {
      const page = await askOpenings(this.components, this.scope, job, witness, { looks: true })
      if (page === undefined) this.#pages.delete(witness)
      else this.#pages.set(witness, page)
      if (page !== undefined && counts(page)) yesCount++
      else noCount++
      return yesCount >= quorum || noCount > witnessCount - quorum
    }
    await firstOf(others.map(ask))
    return yesCount >= quorum
  }
}
