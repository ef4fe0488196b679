import type { Connection, DialTransportOptions, Transport } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { Patience } from './patience.ts'

/** The first thing libp2p does once the connection stands. */
export const CONNECTED_EVENT = 'upgrader:encrypt-outbound-connection'

/**
 * A transport that knocks again at this interval while not even the host answers.
 *
 * The kernel knocks after 1 s, 3 s, 7 s and so on, and libp2p has everybody who wants a peer wait for the dial under way:
 * one that began during a partition would be the only one for seconds after its end.
 */
export function keenTransport<T>(
  make: (components: T) => Transport,
  knockIntervalMs: number
): (components: T) => Transport {
  return components => {
    const inner = make(components)
    const dial = inner.dial.bind(inner)
    inner.dial = (address, options) => knock(dial, address, options, knockIntervalMs)
    return inner
  }
}

async function knock(
  dial: Transport['dial'],
  address: Multiaddr,
  options: DialTransportOptions,
  knockIntervalMs: number
): Promise<Connection> {
  for (;;) {
    const patience = new Patience(knockIntervalMs)
    const onProgress: NonNullable<DialTransportOptions['onProgress']> = event => {
      if (event.type === CONNECTED_EVENT) patience.clear()
      options.onProgress?.(event)
    }
    try {
      const signal = AbortSignal.any([options.signal, patience.signal])
      return await dial(address, { ...options, signal, onProgress })
    } catch (error) {
      if (options.signal.aborted || !patience.signal.aborted) throw error
    } finally {
      patience.clear()
    }
  }
}
