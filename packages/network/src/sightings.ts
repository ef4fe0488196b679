import type { PeerId } from '@rayswarm/interface'
import { PEER_BOOK_COUNT_MAX } from '@rayswarm/params'
import type { Sighting } from './health.ts'

interface Entry {
  connected: boolean
  heardAtMs: number | undefined
  silentSinceMs: number | undefined
}

/** When each peer was last heard of, and since when it does not answer. The one changed longest ago is forgotten first. */
export class Sightings {
  readonly #entries = new Map<PeerId, Entry>()
  readonly #nowMs: () => number

  /** @param nowMs monotonic */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  all(): Iterable<Sighting> {
    return this.#entries.values()
  }

  connected(peer: PeerId): void {
    const entry = this.#touch(peer)
    entry.connected = true
    entry.heardAtMs = this.#nowMs()
    entry.silentSinceMs = undefined
  }

  /** Its last connection closed. One that said so, or was told so, is gone; one that fell silent was noted before. */
  disconnected(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.connected = false
    if (entry.silentSinceMs === undefined) this.#entries.delete(peer)
  }

  /** It did not answer, over its connection or to a dial. Of strangers nothing else was to be expected. */
  silent(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    if (entry.silentSinceMs === undefined || (entry.heardAtMs ?? 0) > entry.silentSinceMs)
      entry.silentSinceMs = this.#nowMs()
  }

  /** Its host answered, but not the peer. */
  gone(peer: PeerId): void {
    if (this.#entries.get(peer)?.connected !== true) this.#entries.delete(peer)
  }

  /** Somebody passed on a message of its. Strangers do not count: anybody can invent any number of them. */
  heard(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.heardAtMs = this.#nowMs()
  }

  /** It ought to be there: the registry says so, or it was met shortly before this process started. */
  expect(peer: PeerId): void {
    if (!this.#entries.has(peer)) this.#touch(peer)
  }

  #touch(peer: PeerId): Entry {
    const entry = this.#entries.get(peer) ?? {
      connected: false,
      heardAtMs: undefined,
      silentSinceMs: undefined
    }
    this.#entries.delete(peer)
    this.#entries.set(peer, entry)
    for (const [oldest, { connected }] of this.#entries) {
      if (this.#entries.size <= 2 * PEER_BOOK_COUNT_MAX) break
      if (!connected) this.#entries.delete(oldest)
    }
    return entry
  }
}
