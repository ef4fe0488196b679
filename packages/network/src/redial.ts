import { randomInt } from 'node:crypto'
import type { Log, PeerId } from '@rayswarm/interface'
import { PEER_BOOK_COUNT_MAX, REDIAL_MS_MAX, REDIAL_MS_MIN } from '@rayswarm/params'
import type { Contact } from './addresses.ts'
import { Deadline } from './deadline.ts'
import { type DialFailure, dialFailure } from './dial-failure.ts'
import { Patience } from './patience.ts'

/** Dials of this loop at once. Well below the profile's, so that requests always find a free one. */
const DIALS_MAX = 3
/** Dials to peers that fell silent, at once, beside those. They cost next to nothing and take long. */
const LOST_DIALS_MAX = 3
/** Silent addresses of one peer that a dial gets past. */
const ADDRESSES_DIALLED = 2
const TICK_MS = 250
/** Of so many short attempts in a row one takes its time: the other side may be slow, or have several addresses. */
const LONG_ATTEMPT_EVERY = 8

interface Attempt {
  failures: number
  dueAtMs: number
  startedAtMs: number
  dialling: boolean
  /** It does not answer since then, as if cut off. A host that refuses is there, and its peer is not. */
  silentSinceMs: number | undefined
}

export interface RedialComponents {
  readonly log: Log
  /** Connect, or reject. Calls `onAnswer` as soon as anything came back. */
  readonly dial: (contact: Contact, signal: AbortSignal, onAnswer: () => void) => Promise<void>
  readonly connected: () => ReadonlySet<PeerId>
  /** Monotonic. */
  readonly nowMs: () => number
  /** What came of a dial. */
  readonly onFailure?: (peer: PeerId, failure: DialFailure) => void
}

export interface RedialInit {
  /** Dialled however many others are connected. */
  readonly bootstrap: readonly Contact[]
  /** Everybody else worth dialling, best first. */
  readonly contacts: () => readonly Contact[]
  readonly wantedPeerCount: number
  readonly settings: RedialSettings
}

/** How keenly peers are dialled that do not answer. */
export interface RedialSettings {
  readonly dialTimeoutMs: number
  /** A dial to a peer that fell silent: what it takes to set up a connection, so that a new try follows soon. */
  readonly lostAttemptMs: number
  /** Wait after it… */
  readonly lostWaitMsMin: number
  /** …which grows to an eighth of the silence so far, up to this. */
  readonly lostWaitMsMax: number
  /** One known peer out of touch is dialled at this interval even when enough are connected: it may be the way to others. */
  readonly sampleIntervalMs: number
  /** With so many peers nobody is dialled for its own sake. */
  readonly peerCountMax: number
}

/**
 * Dials bootstrap peers and those that fell silent for ever, known peers while too few are connected, and now and then one
 * of the others.
 *
 * libp2p forgets a lost peer after five tries, so a partition of minutes would never heal.
 */
export class Redial {
  readonly #components: RedialComponents
  readonly #init: RedialInit
  readonly #attempts = new Map<PeerId, Attempt>()
  /** Fell silent while connected, and when. */
  readonly #lost = new Map<PeerId, number>()
  readonly #stopped = new AbortController()
  readonly #open = new Set<Promise<void>>()
  readonly #openCount = { lost: 0, known: 0 }
  #sampleDueAtMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(components: RedialComponents, init: RedialInit) {
    this.#components = components
    this.#init = init
    this.#sampleDueAtMs = components.nowMs() + init.settings.sampleIntervalMs
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
    if (this.#components.connected().has(peer)) this.#lost.delete(peer)
    const attempt = this.#attempts.get(peer)
    if (attempt === undefined || attempt.dialling) return
    this.#attempts.delete(peer)
  }

  /** `peer` fell silent: whatever took it away may end at any moment. */
  lost(peer: PeerId): void {
    this.#lost.delete(peer)
    this.#lost.set(peer, this.#components.nowMs())
    for (const oldest of this.#lost.keys()) {
      if (this.#lost.size <= PEER_BOOK_COUNT_MAX) return
      this.#lost.delete(oldest)
    }
  }

  #tick(): void {
    const { bootstrap, wantedPeerCount, settings } = this.#init
    const nowMs = this.#components.nowMs()
    const connected = this.#components.connected()
    const away = this.#init.contacts().filter(({ peer }) => !connected.has(peer))
    if (this.#lost.size > 0)
      for (const contact of this.#inTurn(away.filter(({ peer }) => this.#lost.has(peer))))
        this.#consider(contact, 'lost')
    for (const contact of this.#inTurn(bootstrap.filter(({ peer }) => !connected.has(peer))))
      this.#consider(contact, 'known')

    if (connected.size < wantedPeerCount) {
      for (const contact of this.#inTurn(away)) {
        if (connected.size + this.#expectedCount(nowMs) >= wantedPeerCount) break
        this.#consider(contact, 'known')
      }
    } else if (nowMs >= this.#sampleDueAtMs && connected.size < settings.peerCountMax) {
      this.#sampleDueAtMs = nowMs + settings.sampleIntervalMs
      const sample = away[away.length === 0 ? 0 : randomInt(away.length)]
      if (sample !== undefined) this.#consider(sample, 'known')
    }
  }

  /** Dials that may well become connections: those that take longer mostly do not. */
  #expectedCount(nowMs: number): number {
    const sinceMs = nowMs - this.#init.settings.lostAttemptMs
    return [...this.#attempts.values()].filter(a => a.dialling && a.startedAtMs >= sinceMs).length
  }

  /** The one dialled longest ago first: no row of dead peers may stand before one that would answer. */
  #inTurn(contacts: readonly Contact[]): Contact[] {
    const startedAtMs = ({ peer }: Contact): number => this.#attempts.get(peer)?.startedAtMs ?? -1
    return [...contacts].sort((a, b) => startedAtMs(a) - startedAtMs(b))
  }

  #consider(contact: Contact, lane: 'lost' | 'known'): void {
    const { peer } = contact
    if (this.#openCount[lane] >= (lane === 'lost' ? LOST_DIALS_MAX : DIALS_MAX)) return
    const nowMs = this.#components.nowMs()
    const attempt: Attempt = this.#attempts.get(peer) ?? {
      failures: 0,
      dueAtMs: 0,
      startedAtMs: 0,
      dialling: false,
      silentSinceMs: this.#lost.get(peer)
    }
    if (attempt.dialling || nowMs < attempt.dueAtMs) return
    this.#attempts.delete(peer)
    this.#attempts.set(peer, attempt)
    this.#forgetOldest()
    attempt.dialling = true
    attempt.startedAtMs = nowMs
    this.#openCount[lane]++
    const dial = this.#dial(contact, attempt).finally(() => {
      this.#openCount[lane]--
      this.#open.delete(dial)
    })
    this.#open.add(dial)
  }

  async #dial(contact: Contact, attempt: Attempt): Promise<void> {
    const { settings } = this.#init
    const brief = attempt.silentSinceMs !== undefined && (attempt.failures + 1) % LONG_ATTEMPT_EVERY !== 0
    const patience = new Patience(brief ? settings.lostAttemptMs : undefined)
    const deadline = new Deadline(ADDRESSES_DIALLED * settings.dialTimeoutMs, [
      this.#stopped.signal,
      patience.signal
    ])
    try {
      await this.#components.dial(contact, deadline.signal, () => patience.clear())
      attempt.failures = 0
      attempt.silentSinceMs = undefined
      attempt.dueAtMs = this.#components.nowMs() + REDIAL_MS_MIN
    } catch (cause) {
      const silent = deadline.expired || patience.signal.aborted
      if (!this.#stopped.signal.aborted) this.#failed(contact.peer, attempt, dialFailure(cause, silent))
      this.#components.log.debug('dial failed', { peer: contact.peer, failures: attempt.failures, cause })
    } finally {
      deadline.clear()
      patience.clear()
      attempt.dialling = false
    }
  }

  #failed(peer: PeerId, attempt: Attempt, failure: DialFailure): void {
    const nowMs = this.#components.nowMs()
    const unit = randomInt(1_000) / 1_000
    if (failure === 'silent') {
      attempt.silentSinceMs ??= nowMs
      attempt.dueAtMs = nowMs + lostWaitMs(nowMs - attempt.silentSinceMs, this.#init.settings)
    } else {
      this.#lost.delete(peer)
      attempt.silentSinceMs = undefined
      attempt.dueAtMs = nowMs + redialMs(attempt.failures, unit)
    }
    attempt.failures++
    this.#components.onFailure?.(peer, failure)
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

/** Wait before a peer silent for so long is tried again: what a partition lasted is what its healing may cost, divided. */
export function lostWaitMs(
  silentMs: number,
  { lostWaitMsMin, lostWaitMsMax }: Pick<RedialSettings, 'lostWaitMsMin' | 'lostWaitMsMax'>
): number {
  return Math.min(lostWaitMsMax, Math.max(lostWaitMsMin, silentMs / 8))
}
