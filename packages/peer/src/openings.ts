import type { JobId, OpeningsPage, PeerId } from '@rayswarm/interface'
import { membersOf, viewCountOf } from '@rayswarm/lease'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask, firstOf } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Scope } from './scope.ts'

/** Witnesses asked, one after the other, before the question waits for the next time. */
const ASKED_COUNT_MAX = 3
/** Witnesses asked for lapsed replicas: another node may have been there first. */
const LAPSED_ASKED_COUNT_MAX = 3

/** What one witness says is open; undefined when it does not answer. Who is asked also looks whether its view has to take over. */
export async function askOpenings(
  components: RoleComponents,
  scope: Scope,
  job: JobId,
  witness: PeerId,
  {
    timeoutMs = components.params.leaseRequestTimeoutMs,
    looks = false
  }: { timeoutMs?: number; looks?: boolean } = {}
): Promise<OpeningsPage | undefined> {
  const question = encodeMessage(message('openings', { job, ...(looks && { looks }) }))
  const options = { timeoutMs, signal: scope.signal }
  return (await ask(components, witness, 'lease', question, ['openings-page'], options))?.body
}

/**
 * What a job's witnesses say is open. One answer is enough: it is a hint. Follows the view that acts: to the next
 * one when one is silent, and where a witness points to.
 */
export class Openings {
  #view = 0
  /** When each view was last found to have no quorum for us. */
  readonly #lostAtMs = new Map<number, number>()

  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer
  ) {}

  /** The view asked now. */
  get view(): number {
    return this.#view
  }

  /** The witnesses asked now. */
  get members(): readonly PeerId[] {
    return membersOf(this.offer.witnesses, this.#view)
  }

  /**
   * Asks one witness after the other, and those before may still answer: a busy one is no reason to turn to the next view.
   *
   * @param looks whether only the view that acts matters, and not the work
   */
  async ask(looks = false): Promise<OpeningsPage | undefined> {
    const { components, members, offer, scope, view } = this
    const { leaseRequestTimeoutMs, requestTimeoutMs } = components.params
    // They share the questions.
    const first = Math.floor(components.chance.unit() * members.length)
    const pages: OpeningsPage[] = []
    const answers: Promise<boolean>[] = []
    for (let i = 0; i < Math.min(ASKED_COUNT_MAX, members.length) && pages.length === 0; i++) {
      const witness = members[(first + i) % members.length]!
      const answer = askOpenings(components, scope, offer.job, witness, {
        timeoutMs: requestTimeoutMs,
        looks
      })
      answers.push(answer.then(page => page !== undefined && pages.push(page) > 0))
      await scope.sleepOr(leaseRequestTimeoutMs, next => {
        void firstOf(answers).then(next)
        return () => {}
      })
    }
    await firstOf(answers)
    if (scope.closed) return undefined
    const page = looks ? pages[0] : await this.#withLapsed(pages[0])
    if (page === undefined) {
      this.leave(view)
      return undefined
    }
    if (page.view !== view && !this.#isLost(page.view)) this.#goTo(page.view)
    return page
  }

  /** Whether a view had no quorum for us a moment ago: who is to take over may not know it yet. */
  #isLost(view: number): boolean {
    const { clock, params } = this.components
    const lostAtMs = this.#lostAtMs.get(view)
    return lostAtMs !== undefined && clock.nowMs() < lostAtMs + params.leaseTermMsMin
  }

  /** What somebody stopped working on comes first: one witness shows each at a time, and the others know which. */
  async #withLapsed(page: OpeningsPage | undefined): Promise<OpeningsPage | undefined> {
    const { components, members, offer, scope } = this
    const asked = new Set<PeerId>()
    for (let last = page; asked.size < LAPSED_ASKED_COUNT_MAX; ) {
      const lapsedAt = last?.lapsedAt
      if (lapsedAt === undefined || asked.has(lapsedAt) || !members.includes(lapsedAt)) break
      asked.add(lapsedAt)
      last = await askOpenings(components, scope, offer.job, lapsedAt)
      if (last?.view !== page?.view) break
      if (last?.open.some(({ lapsed }) => lapsed)) return last
    }
    return page
  }

  /** A view does not answer, or does not settle what is done: the next one may have taken over, or has to. */
  leave(view: number): void {
    if (view === this.#view) this.#goTo(view + 1)
  }

  /** A view has no quorum for us: the same, and for a while nobody's word leads us back. */
  lose(view: number): void {
    this.#lostAtMs.set(view, this.components.clock.nowMs())
    this.leave(view)
  }

  /** A view has a quorum for us. */
  find(view: number): void {
    this.#lostAtMs.delete(view)
  }

  #goTo(view: number): void {
    this.#view = view % viewCountOf(this.offer.witnesses)
  }
}
