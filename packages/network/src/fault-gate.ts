import type {
  Connection,
  ConnectionGater,
  CreateListenerOptions,
  DialTransportOptions,
  PeerId as Libp2pPeerId,
  Listener,
  MultiaddrConnection,
  Transport,
  Upgrader
} from '@libp2p/interface'
import { transportSymbol } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@rayswarm/interface'
import { peerOf } from './addresses.ts'
import { FaultyConnection } from './faulty-connection.ts'
import type { TransportFaults } from './transport-faults.ts'

/** Connections closed at our side during a cut and kept open so that the other side does not notice. */
const HELD_MAX = 512
/** When TCP would try again to reach a host that does not answer, after the first time. */
const SYN_RETRIES_MS = [1_000, 3_000, 7_000, 15_000]

interface Held {
  readonly peer: PeerId | undefined
  readonly end: () => void
}

/** Puts the connections of one libp2p node behind the gate of a {@link TransportFaults}. */
export class FaultGate {
  readonly #faults: TransportFaults
  readonly #connections = new Set<FaultyConnection>()
  readonly #held = new Set<Held>()
  readonly #unlisten: () => void

  constructor(faults: TransportFaults) {
    this.#faults = faults
    this.#unlisten = faults.onChange(() => this.#reconsider())
  }

  /** Close what was kept open. */
  stop(): void {
    this.#unlisten()
    for (const { end } of this.#held) end()
    this.#held.clear()
    for (const connection of this.#connections) connection.end()
    this.#connections.clear()
  }

  /** Tells the gate who is at the other end. During a cut nobody gets that far. */
  readonly connectionGater: ConnectionGater = {
    denyInboundEncryptedConnection: (peer, connection) => this.#identify(peer, connection),
    denyOutboundEncryptedConnection: (peer, connection) => this.#identify(peer, connection)
  }

  transport<T>(make: (components: T) => Transport): (components: T) => Transport {
    return components => {
      const inner = make(components)
      return {
        [transportSymbol]: true,
        [Symbol.toStringTag]: inner[Symbol.toStringTag],
        dial: (address, options) => this.#dial(inner, address, options),
        createListener: (options: CreateListenerOptions): Listener =>
          inner.createListener({ ...options, upgrader: this.#upgrader(options.upgrader) }),
        listenFilter: addresses => inner.listenFilter(addresses),
        dialFilter: addresses => inner.dialFilter(addresses)
      }
    }
  }

  #upgrader(upgrader: Upgrader): Upgrader {
    const gated: Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'> = {
      upgradeInbound: (connection: MultiaddrConnection, options: never) =>
        upgrader.upgradeInbound(this.#gated(connection), options),
      upgradeOutbound: (connection: MultiaddrConnection, options: never) =>
        upgrader.upgradeOutbound(this.#gated(connection), options)
    }
    return Object.assign(Object.create(upgrader), gated)
  }

  #gated(inner: MultiaddrConnection): FaultyConnection {
    const connection = new FaultyConnection(inner, this.#faults, this.#limbo)
    this.#connections.add(connection)
    connection.addEventListener('close', () => this.#connections.delete(connection))
    return connection
  }

  #identify(peer: Libp2pPeerId, connection: MultiaddrConnection): boolean {
    if (!(connection instanceof FaultyConnection)) return false
    connection.identify(peer.toString())
    return connection.isCut
  }

  async #dial(inner: Transport, address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const { signal } = options
    const startMs = performance.now()
    for (let tries = 0; this.#isCut(peerOf(address)); tries++) {
      const atMs = startMs + (SYN_RETRIES_MS[tries] ?? Number.POSITIVE_INFINITY)
      await pause(Math.min(atMs - performance.now(), 60_000), signal)
    }
    return inner.dial(address, { ...options, upgrader: this.#upgrader(options.upgrader) })
  }

  #isCut(peer: PeerId | undefined): boolean {
    const { cut = 'none' } = this.#faults.ruleOf(peer)
    return cut !== 'none'
  }

  readonly #limbo = {
    hold: (peer: PeerId | undefined, end: () => void): void => {
      this.#held.add({ peer, end })
      for (const oldest of this.#held) {
        if (this.#held.size <= HELD_MAX) return
        this.#held.delete(oldest)
        oldest.end()
      }
    }
  }

  #reconsider(): void {
    for (const held of this.#held) {
      if (this.#isCut(held.peer)) continue
      this.#held.delete(held)
      held.end()
    }
    for (const connection of [...this.#connections]) connection.reconsider()
  }
}

/** Rejects when `signal` aborts first. */
function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, waitMs)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
