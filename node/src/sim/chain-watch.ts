import type { Account, Amount, Chain, SettlementOrder, SettlementOutcome } from '@rayswarm/interface'
import type { MemoryChain } from '@rayswarm/simulation'

/** What ended a job: who gets what from its escrow. */
export interface Settled {
  readonly order: SettlementOrder
  readonly outcome: SettlementOutcome
  readonly locked: Amount
}

/** A world's chain, with an eye on what ends the job. */
export class ChainWatch {
  readonly #chain: MemoryChain
  settled: Settled | undefined
  /** The escrow went back to its creator after its time. */
  refunded = false

  constructor(chain: MemoryChain) {
    this.#chain = chain
  }

  /** The chain as `account` sees it. `onSettled` is called when a settlement of this account's is the one that counts. */
  viewOf(account: Account, onSettled: (settled: Settled) => void): Chain {
    const view = this.#chain.viewOf(account)
    const note = async (order: SettlementOrder, outcome: SettlementOutcome): Promise<SettlementOutcome> => {
      // Settling again answers the first settlement's outcome.
      if (this.settled === undefined) {
        const { locked } = await view.escrow(order.escrow)
        this.settled = { order, outcome, locked }
        onSettled(this.settled)
      }
      return outcome
    }
    return {
      ...view,
      settle: async (order, signature) => note(order, await view.settle(order, signature)),
      settleByWitnesses: async (order, appointment, signatures) =>
        note(order, await view.settleByWitnesses(order, appointment, signatures)),
      refund: async ref => {
        const refund = await view.refund(ref)
        this.refunded = true
        return refund
      }
    }
  }
}
