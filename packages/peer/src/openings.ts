import type { JobId, OpeningsPage, PeerId } from '@rayswarm/interface'
import { membersOf, viewCountOf } from '@rayswarm/lease'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask, firstOf } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Scope } from './scope.ts'

/** Witnesses asked, one after the other, before the question waits for the next time. */
const ASKED_COUNT_MAX = 3

/** What one witness says is open; undefined when it does not answer. Who is asked also looks whether its view has to take over. */
export async function askOpenings(
  components: RoleComponents,
  scope: Scope,
  job: JobId,
  witness: PeerId,
  timeoutMs = components.params.leaseRequestTimeoutMs
): Promise<OpeningsPage | undefined> {
  const question = encodeMessage(message('openings', { job }))
  const options = { timeoutMs, signal: scope.signal }
  return (await ask(components, witness, 'lease', question, ['openings-page'], options))?.body
}

/**
 * What a job's witnesses say is open. One answer is enough: it is a hint. Follows the view that acts: to the next
 * one when one is silent, and where a witness points to.
 */
export class Openings {
  #view = 0
  /** Whether that view is known to act: then its witnesses share the questions. Else one of them is enough to make them look. */
  #isActing = true

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

  /** Asks one witness after the other, and those before may still answer: a busy one is no reason to turn to the next view. */
  async ask(): Promise<OpeningsPage | undefined> {
    const { components, members, offer, scope, view } = this
    const { leaseRequestTimeoutMs, requestTimeoutMs } = components.params
    const first = this.#isActing ? Math.floor(components.chance.unit() * members.length) : 0
    const pages: OpeningsPage[] = []
    const answers: Promise<boolean>[] = []
    for (let i = 0; i < Math.min(ASKED_COUNT_MAX, members.length) && pages.length === 0; i++) {
      const witness = members[(first + i) % members.length]!
      const answer = askOpenings(components, scope, offer.job, witness, requestTimeoutMs)
      answers.push(answer.then(page => page !== undefined && pages.push(page) > 0))
      await scope.sleepOr(leaseRequestTimeoutMs, next => {
        void firstOf(answers).then(next)
        return () => {}
      })
    }
    await firstOf(answers)
    if (scope.closed) return undefined
    const page = pages[0]
    if (page === undefined) {
      this.leave(view)
      return undefined
    }
    if (page.view !== view) this.#goTo(page.view)
    else if (view === this.#view) this.#isActing = true
    return page
  }

  /** A view has no quorum, or does not settle what is done: the next one may have taken over, or has to. */
  leave(view: number): void {
    if (view === this.#view) this.#goTo(view + 1)
  }

  #goTo(view: number): void {
    this.#isActing = false
    this.#view = view % viewCountOf(this.offer.witnesses)
  }
}
