import type { OpeningsPage } from '@rayswarm/interface'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Scope } from './scope.ts'

/** Witnesses asked, one after the other, before the question waits for the next time. */
const ASKED_COUNT_MAX = 3

/** What a job's witnesses say is open. One of them is asked at a time: the answer is a hint. */
export class Openings {
  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly offer: KnownOffer
  ) {}

  async ask(): Promise<OpeningsPage | undefined> {
    const { chance, params } = this.components
    const { job, witnesses } = this.offer
    const { members } = witnesses
    const first = Math.floor(chance.unit() * members.length)
    const question = encodeMessage(message('openings', { job }))
    const options = { timeoutMs: params.leaseRequestTimeoutMs, signal: this.scope.signal }
    for (let i = 0; i < Math.min(ASKED_COUNT_MAX, members.length); i++) {
      const witness = members[(first + i) % members.length]!
      const page = await ask(this.components, witness, 'lease', question, ['openings-page'], options)
      if (page !== undefined || this.scope.closed) return page?.body
    }
    return undefined
  }
}
