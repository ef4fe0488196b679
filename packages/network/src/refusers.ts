import type { PeerId } from '@rayswarm/interface'

/** A peer that could not be connected to is left alone for this long, twice as long each time… */
const WAIT_MS_MIN = 500
/** …up to this. */
const WAIT_MS_MAX = 4_000
/** Peers remembered. */
const PEERS_MAX = 1_000

interface Refuser {
  readonly untilMs: number
  readonly waitMs: number
}

/**
 * Peers that could not be connected to a moment ago. Many requests go to the few that a job depends on; dialling one that has died
 * for each of them would cost more than all the answers of the others.
 */
export class Refusers {
  readonly #peers = new Map<PeerId, Refuser>()

  /** Whether another dial would be in vain, as far as anybody knows. */
  has(peer: PeerId, nowMs: number): boolean {
    return nowMs < (this.#peers.get(peer)?.untilMs ?? 0)
  }

  add(peer: PeerId, nowMs: number): void {
    // Many wait for one dial.
    if (this.has(peer, nowMs)) return
    const waitMs = Math.min(2 * (this.#peers.get(peer)?.waitMs ?? WAIT_MS_MIN / 2), WAIT_MS_MAX)
    this.#peers.delete(peer)
    this.#peers.set(peer, { untilMs: nowMs + waitMs, waitMs })
    const [eldest] = this.#peers.keys()
    if (this.#peers.size > PEERS_MAX && eldest !== undefined) this.#peers.delete(eldest)
  }

  delete(peer: PeerId): void {
    this.#peers.delete(peer)
  }
}
