import type { Bid, Grant, IneligibleReason, JobSpec, PeerId, Signed } from '@rayswarm/interface'
import { match, type OpenReplica, type StandingBid } from '@rayswarm/market'
import { BID_COUNT_MAX } from '@rayswarm/params'

export interface BidAnswer {
  readonly grants: readonly Signed<Grant>[]
  readonly reason?: IneligibleReason
}

interface Waiting extends StandingBid {
  readonly answer: (answer: BidAnswer) => void
}

export interface BidDeskInit {
  readonly spec: JobSpec
  /** Called when a first bid arrives; call `settle` some moments later. */
  readonly onFirst: () => void
}

/** Collects bids for a moment, then matches them together, so that price and score matter and not arrival. */
export class BidDesk {
  #waiting = new Map<PeerId, Waiting>()

  constructor(readonly init: BidDeskInit) {}

  /** Lay a bid on the desk; a peer's later bid replaces its earlier one. */
  lay(bid: Signed<Bid>, scoreBps: number): Promise<BidAnswer> {
    return new Promise(answer => {
      const node = bid.signer
      this.#waiting.get(node)?.answer({ grants: [], reason: 'outbid' })
      this.#waiting.delete(node)
      if (this.#waiting.size >= BID_COUNT_MAX) return answer({ grants: [], reason: 'busy' })
      this.#waiting.set(node, { bid: bid.body, node, scoreBps, places: bid.body.freePlaces, answer })
      if (this.#waiting.size === 1) this.init.onFirst()
    })
  }

  /** Match what lies on the desk with what is open, and answer every bid. Nobody in `caught` gets anything. */
  settle(
    open: readonly OpenReplica[],
    caught: ReadonlySet<PeerId>,
    onGrant: (grant: Grant, bid: Bid) => Signed<Grant>
  ): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    const standing = [...waiting.values()].filter(({ node }) => !caught.has(node))
    const { grants, reasons } = match(this.init.spec, open, standing)
    const given = grants.map(grant => onGrant(grant, waiting.get(grant.holder)!.bid))
    for (const { node, answer } of waiting.values()) {
      const own = given.filter(grant => grant.body.holder === node)
      const reason = reasons.get(node)
      answer({ grants: own, ...(own.length > 0 || reason === undefined ? {} : { reason }) })
    }
  }

  /** Nobody gets anything: the job is over, or its creator stops for a while and must not be taken to have closed it. */
  close(): void {
    for (const { answer } of this.#waiting.values()) answer({ grants: [] })
    this.#waiting.clear()
  }
}
