import { randomInt } from 'node:crypto'
import type { Log, PeerId } from '@rayswarm/interface'
import { PEER_BOOK_COUNT_MAX, REDIAL_MS_MAX, REDIAL_MS_MIN } from '@rayswarm/params'
import type { Contact } from './addresses.ts'

/** Dials of this loop at once. Half of the profile's, so that requests always find a free one. */
const DIALS_MAX = 4
const TICK_MS = 250

interface Attempt {
  failures: number
  dueAtMs: number
  dialling: boolean
}

export interface RedialComponents {
  readonly log: Log
  /** Connect, or reject. */
  readonly dial: (contact: Contact, signal: AbortSignal) => Promise<void>
  readonly isConnected: (peer: PeerId) => boolean
  readonly peerCount: () => number
  /** Monotonic. */
  readonly nowMs: () => number
}

export interface RedialInit {
  readonly bootstrap: readonly Contact[]
  /** Everybody else worth dialling, best first. */
  readonly contacts: () => readonly Contact[]
  readonly wantedPeerCount: number
}

/**
 * Dials bootstrap peers for ever, and known peers while too few are connected.
 *
 * libp2p forgets a lost peer after five tries, so a partition of minutes would never heal.
 */
export class Redial {
  readonly #components: RedialComponents
  readonly #init: RedialInit
  readonly #attempts = new Map<PeerId, Attempt>()
  readonly #stopped = new AbortController()
  readonly #open = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(components: RedialComponents, init: RedialInit) {
    this.#components = components
    this.#init = init
  }

  start(): void {
    this.#tick()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped.abort()
    await Promise.allSettled(this.#open)
  }

  /** A connection to `peer` opened or closed: it starts again with the shortest wait. */
  reset(peer: PeerId): void {
    const attempt = this.#attempts.get(peer)
    if (attempt === undefined || attempt.dialling) return
    this.#attempts.delete(peer)
  }

  #tick(): void {
    for (const contact of this.#init.bootstrap) this.#consider(contact)
    if (this.#components.peerCount() >= this.#init.wantedPeerCount) return
    for (const contact of this.#init.contacts()) {
      if (this.#open.size >= DIALS_MAX) return
      this.#consider(contact)
    }
  }

  #consider(contact: Contact): void {
    if (this.#open.size >= DIALS_MAX || this.#components.isConnected(contact.peer)) return
    const attempt = this.#attempts.get(contact.peer) ?? { failures: 0, dueAtMs: 0, dialling: false }
    if (attempt.dialling || this.#components.nowMs() < attempt.dueAtMs) return
    this.#attempts.delete(contact.peer)
    this.#attempts.set(contact.peer, attempt)
    this.#forgetOldest()
    attempt.dialling = true
    const dial = this.#dial(contact, attempt).finally(() => this.#open.delete(dial))
    this.#open.add(dial)
  }

  async #dial(contact: Contact, attempt: Attempt): Promise<void> {
    try {
      await this.#components.dial(contact, this.#stopped.signal)
      attempt.failures = 0
      attempt.dueAtMs = this.#components.nowMs() + REDIAL_MS_MIN
    } catch (cause) {
      attempt.dueAtMs = this.#components.nowMs() + redialMs(attempt.failures, randomInt(1_000) / 1_000)
      attempt.failures++
      this.#components.log.debug('dial failed', { peer: contact.peer, failures: attempt.failures, cause })
    } finally {
      attempt.dialling = false
    }
  }

  #forgetOldest(): void {
    for (const [peer, attempt] of this.#attempts) {
      if (this.#attempts.size <= 2 * PEER_BOOK_COUNT_MAX) return
      if (!attempt.dialling) this.#attempts.delete(peer)
    }
  }
}

/** Wait after the n-th failure in a row, from half to all of the doubling interval. `unit` is uniform in `[0, 1)`. */
export function redialMs(failures: number, unit: number): number {
  const ceiling = Math.min(REDIAL_MS_MAX, REDIAL_MS_MIN * 2 ** Math.min(failures, 16))
  return Math.max(REDIAL_MS_MIN, ceiling * (0.5 + unit / 2))
}
