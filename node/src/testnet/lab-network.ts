import { randomBytes, randomInt } from 'node:crypto'
import { type Network, type PeerId, type Protocol, RayswarmError, type Topic } from '@rayswarm/interface'
import { decodeMessage, type WireContext } from '@rayswarm/wire'
import type { ByzantineKind } from './faults.ts'

/** How long a mute peer keeps others waiting. */
const SILENCE_MS = 10_000
const FLOOD_INTERVAL_MS = 200
const FLOOD_NEIGHBOURS = 3
const FLOOD_TIMEOUT_MS = 1_000
const FLOOD_SIZE_BYTES_MAX = 3_000
/** Messages a flooding peer plays back. */
const REMEMBERED_MAX = 64
const MUTE_PROTOCOLS: readonly Protocol[] = ['lease', 'verification', 'sync']
const FLOODED_PROTOCOLS: readonly Protocol[] = ['market', 'lease', 'verification', 'sync']
const FLOODED_TOPICS: readonly Topic[] = ['offers', 'jobs', 'ledger']

/** How a peer of a test network treats its neighbours. */
export interface LabNetworkInit {
  readonly context: WireContext
  readonly behaviour: () => ByzantineKind | undefined
  /** Something came from this peer. */
  readonly onHeard: (from: PeerId) => void
}

/** A peer's way to the swarm, which may misbehave and notes who is heard. */
export class LabNetwork {
  readonly network: Network
  readonly #inner: Network
  readonly #init: LabNetworkInit
  readonly #remembered: { readonly protocol: Protocol; readonly bytes: Uint8Array }[] = []
  #flood: NodeJS.Timeout | undefined

  constructor(inner: Network, init: LabNetworkInit) {
    this.#inner = inner
    this.#init = init
    this.network = {
      peerId: inner.peerId,
      addresses: () => inner.addresses(),
      peers: () => inner.peers(),
      learn: (peer, addresses) => inner.learn(peer, addresses),
      publish: (topic, bytes) => inner.publish(topic, bytes),
      onConnect: fn => inner.onConnect(fn),
      subscribe: (topic, onMessage) =>
        inner.subscribe(topic, (bytes, from) => {
          init.onHeard(from)
          return onMessage(bytes, from)
        }),
      serve: (protocol, handler) =>
        inner.serve(protocol, (bytes, from) => this.#answer(protocol, bytes, from, handler)),
      request: async (to, protocol, bytes, options) => {
        if (init.behaviour() === 'deadbeat' && decodeMessage(bytes, ['reveal'], init.context).ok)
          throw new RayswarmError('ERR_TIMEOUT', 'not revealed on purpose')
        const reply = await inner.request(to, protocol, bytes, options)
        init.onHeard(to)
        return reply
      }
    }
  }

  /** Begin or end what the peer does of its own accord. */
  behave(): void {
    const floods = this.#init.behaviour() === 'flood'
    if (floods && this.#flood === undefined)
      this.#flood = setInterval(() => this.#floodOnce(), FLOOD_INTERVAL_MS).unref()
    if (!floods) {
      clearInterval(this.#flood)
      this.#flood = undefined
    }
  }

  async #answer(
    protocol: Protocol,
    bytes: Uint8Array,
    from: PeerId,
    handler: (bytes: Uint8Array, from: PeerId) => Promise<Uint8Array>
  ): Promise<Uint8Array> {
    this.#init.onHeard(from)
    this.#remembered.push({ protocol, bytes })
    if (this.#remembered.length > REMEMBERED_MAX) this.#remembered.shift()
    if (this.#init.behaviour() === 'mute' && MUTE_PROTOCOLS.includes(protocol)) {
      await new Promise<void>(resolve => setTimeout(resolve, SILENCE_MS).unref())
      throw new RangeError('mute on purpose')
    }
    return await handler(bytes, from)
  }

  /** Rubbish and replays, to a few neighbours, on every protocol and topic. Nobody's refusal matters here. */
  #floodOnce(): void {
    const peers = this.#inner.peers()
    if (peers.length === 0) return
    const options = { timeoutMs: FLOOD_TIMEOUT_MS }
    for (let i = 0; i < FLOOD_NEIGHBOURS; i++) {
      const to = pick(peers)
      const replay = this.#remembered.length > 0 && i === 0 ? pick(this.#remembered) : undefined
      const protocol = replay?.protocol ?? pick(FLOODED_PROTOCOLS)
      const bytes = replay?.bytes ?? rubbish()
      void this.#inner.request(to, protocol, bytes, options).catch(() => {})
    }
    void this.#inner.publish(pick(FLOODED_TOPICS), rubbish().subarray(0, 500)).catch(() => {})
  }
}

function pick<T>(list: readonly T[]): T {
  return list[randomInt(list.length)]!
}

function rubbish(): Uint8Array {
  return Uint8Array.from(randomBytes(1 + randomInt(FLOOD_SIZE_BYTES_MAX)))
}
