import type { Connection, MultiaddrConnection } from '@libp2p/interface'
import type { Log, PeerId } from '@rayswarm/interface'

export interface HeartbeatComponents {
  readonly log: Log
  readonly connections: () => readonly Connection[]
  /** Resolves when the other end of the connection answered. Without an end of its own: a late answer is one too. */
  readonly ping: (connection: Connection) => Promise<unknown>
  /** Call `fn` whenever anything comes in. */
  readonly onTraffic: (connection: Connection, fn: () => void) => void
  /** Nothing can be told to the peer by gossip, though it takes part. */
  readonly isDeaf: (peer: PeerId) => boolean
  /** The peer's connections are about to be closed: it did not answer. */
  readonly onSilent: (peer: PeerId) => void
}

export interface HeartbeatInit {
  readonly intervalMs: number
  /** Beats without an answer after which a connection is dead. */
  readonly missedMax: number
}

/** A gossip stream may take so many beats to open. It is bound to one connection, and opened once. */
const DEAF_BEATS_MAX = 10

interface Beat {
  heard: boolean
  waiting: boolean
  missed: number
  deaf: number
}

/**
 * Closes connections whose other end fell silent, which TCP would notice after many minutes.
 *
 * Counts its own beats, not milliseconds: whoever was frozen itself gives the others as much time as it had.
 */
export class Heartbeat {
  readonly #components: HeartbeatComponents
  readonly #init: HeartbeatInit
  readonly #beats = new WeakMap<Connection, Beat>()
  #timer: NodeJS.Timeout | undefined

  constructor(components: HeartbeatComponents, init: HeartbeatInit) {
    this.#components = components
    this.#init = init
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#init.intervalMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const silent = new Set<PeerId>()
    const ended = new Set<PeerId>()
    const connections = this.#components.connections()
    for (const connection of connections) {
      if (connection.status !== 'open') continue
      const peer = connection.remotePeer.toString()
      const beat = this.#beats.get(connection) ?? this.#watch(connection)
      if (!this.#answers(connection, beat)) silent.add(peer)
      beat.deaf = this.#components.isDeaf(peer) ? beat.deaf + 1 : 0
      if (beat.deaf >= DEAF_BEATS_MAX) ended.add(peer)
    }
    for (const peer of silent) this.#components.onSilent(peer)
    if (silent.size === 0 && ended.size === 0) return
    // All of a peer's connections: what runs over them is bound to one, and would not move to another.
    for (const connection of connections) {
      const peer = connection.remotePeer.toString()
      if (silent.has(peer) || ended.has(peer)) connection.abort(new Error('no answer'))
    }
  }

  #watch(connection: Connection): Beat {
    const beat = { heard: true, waiting: false, missed: 0, deaf: 0 }
    this.#beats.set(connection, beat)
    this.#components.onTraffic(connection, () => {
      beat.heard = true
    })
    return beat
  }

  /** Asks when nothing else was heard: of two ends, one asks and the other hears that it does. */
  #answers(connection: Connection, beat: Beat): boolean {
    if (beat.heard) {
      beat.heard = false
      beat.missed = 0
      return true
    }
    if (beat.waiting) return ++beat.missed < this.#init.missedMax
    beat.waiting = true
    beat.missed = 0
    this.#components
      .ping(connection)
      .then(() => {
        beat.waiting = false
      })
      // Not able to ask is no answer either: unless it closes on its own, it is closed as dead.
      .catch(cause => this.#components.log.debug('heartbeat failed', { cause }))
    return true
  }
}

/** Everything that arrives over the connection, before it is deciphered. */
export const onTrafficOf: HeartbeatComponents['onTraffic'] = (connection, fn) => {
  const { maConn } = connection as unknown as { maConn?: MultiaddrConnection }
  maConn?.addEventListener('message', fn)
}

/** Asks over the multiplexer, in twelve bytes, and over a stream where it cannot. */
export function pingOver(ping: (connection: Connection) => Promise<unknown>): HeartbeatComponents['ping'] {
  return async connection => {
    const { muxer } = connection as unknown as { muxer?: { ping?: () => Promise<number> } }
    return muxer?.ping === undefined ? ping(connection) : muxer.ping()
  }
}
