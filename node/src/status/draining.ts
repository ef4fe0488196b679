import type { Peer } from '@rayswarm/peer'

/** How far a node is with taking no more work. */
export interface DrainStatus {
  /** Executions that were handed back. */
  readonly released: number
  /** Nothing runs any more, or is about to be handed back. */
  readonly done: boolean
}

/** A node that was asked to take no more work. */
export class Draining {
  readonly #node: Pick<NonNullable<Peer['node']>, 'drain'> | undefined
  #begun = false
  #pendingCount = 0
  #releasedCount = 0

  constructor(node: Pick<NonNullable<Peer['node']>, 'drain'> | undefined) {
    this.#node = node
  }

  /** Undefined while the node takes work. */
  get status(): DrainStatus | undefined {
    return this.#begun ? { released: this.#releasedCount, done: this.#pendingCount === 0 } : undefined
  }

  /** Take no more work. Asked again, the shorter time counts. False where there is no node. */
  begin(graceMs: number): boolean {
    if (this.#node === undefined) return false
    this.#begun = true
    this.#pendingCount++
    this.#node
      .drain(graceMs)
      // The node stops: that hands everything back as well.
      .catch(() => 0)
      .then(count => {
        this.#releasedCount += count
        this.#pendingCount--
      })
    return true
  }
}
