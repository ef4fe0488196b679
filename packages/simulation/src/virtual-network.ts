import {
  type Admission,
  type Chance,
  type Clock,
  type Network,
  type PeerId,
  type Protocol,
  RayswarmError,
  type Records,
  type RecordValidator,
  type RequestOptions,
  type Timer,
  type Topic,
  type Unsubscribe
} from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'

/** How bad the virtual network is. */
export interface Weather {
  /** Share of messages (requests, answers, gossip copies) that vanish, in parts of 10 000. */
  readonly lossBps: number
  /** Share of messages that arrive twice. */
  readonly duplicateBps: number
  readonly latencyMsMin: number
  readonly latencyMsMax: number
}

export const FAIR_WEATHER: Weather = { lossBps: 0, duplicateBps: 0, latencyMsMin: 1, latencyMsMax: 20 }

type RequestHandler = (bytes: Uint8Array, from: PeerId) => Promise<Uint8Array>
type MessageHandler = (bytes: Uint8Array, from: PeerId) => Admission

interface Host {
  readonly peerId: PeerId
  readonly validateRecord: RecordValidator
  readonly handlers: Map<Protocol, RequestHandler>
  readonly subscriptions: Map<Topic, Set<MessageHandler>>
  readonly connects: Set<(peer: PeerId) => void>
}

/** A lossy network between virtual peers. Cuts are sets of unreachable pairs. */
export class VirtualNetwork {
  readonly #hosts = new Map<PeerId, Host>()
  readonly #records = new Map<string, Uint8Array>()
  readonly #cuts = new Set<string>()
  readonly #eavesdroppers = new Set<(protocol: Protocol, bytes: Uint8Array, from: PeerId) => void>()
  readonly #clock: Clock
  readonly #chance: Chance
  #weather: Weather
  /** Messages sent so far: requests, answers and gossip copies. */
  messageCount = 0

  constructor(components: { clock: Clock; chance: Chance }, init: { weather: Weather }) {
    this.#clock = components.clock
    this.#chance = components.chance
    this.#weather = init.weather
  }

  setWeather(weather: Weather): void {
    this.#weather = weather
  }

  /** Stop (or, with `cut` false, resume) everything that goes from `from` to `to`. One direction only. */
  setCut(from: PeerId, to: PeerId, cut: boolean): void {
    if (cut) this.#cuts.add(`${from}>${to}`)
    else this.#cuts.delete(`${from}>${to}`)
  }

  /** Overhear every request that is sent. */
  onRequest(fn: (protocol: Protocol, bytes: Uint8Array, from: PeerId) => void): Unsubscribe {
    this.#eavesdroppers.add(fn)
    return () => this.#eavesdroppers.delete(fn)
  }

  isOnline(peer: PeerId): boolean {
    return this.#hosts.has(peer)
  }

  /** A peer's process comes up. Everybody online is connected to everybody. */
  join(peerId: PeerId, validateRecord: RecordValidator = () => ({ action: 'accept' })): Network & Records {
    const host: Host = {
      peerId,
      validateRecord,
      handlers: new Map(),
      subscriptions: new Map(),
      connects: new Set()
    }
    this.#hosts.set(peerId, host)
    this.#clock.after(this.#latencyMs(), () => {
      if (this.#hosts.get(peerId) !== host) return
      for (const other of this.#hosts.values()) {
        if (other === host) continue
        for (const fn of other.connects) fn(peerId)
        for (const fn of host.connects) fn(other.peerId)
      }
    })
    return this.#view(host)
  }

  /** A peer's process is gone: nothing it sent later arrives, nothing reaches it. */
  leave(peerId: PeerId): void {
    this.#hosts.delete(peerId)
  }

  #view(host: Host): Network & Records {
    return {
      peerId: host.peerId,
      addresses: () => [`/memory/${host.peerId}/p2p/${host.peerId}`],
      peers: () => [...this.#hosts.keys()].filter(peer => peer !== host.peerId),
      learn: async () => {},
      publish: async (topic, bytes) => this.#publish(host, topic, bytes),
      subscribe: (topic, onMessage) => subscribe(host, topic, onMessage),
      request: (to, protocol, bytes, options) => this.#request(host, to, protocol, bytes, options),
      serve: (protocol, handler) => {
        host.handlers.set(protocol, handler)
        return () => host.handlers.delete(protocol)
      },
      onConnect: fn => {
        host.connects.add(fn)
        return () => host.connects.delete(fn)
      },
      put: (key, value) => this.#put(host, key, value),
      get: key => this.#get(host, key)
    }
  }

  #latencyMs(): number {
    const { latencyMsMin, latencyMsMax } = this.#weather
    return latencyMsMin + this.#chance.unit() * (latencyMsMax - latencyMsMin)
  }

  /** Call `arrive` once per copy that gets through. */
  #send(from: Host, to: PeerId, arrive: (host: Host) => void): void {
    const draw = this.#chance.unit() * 10_000
    const copies = draw < this.#weather.lossBps ? 0 : draw >= 10_000 - this.#weather.duplicateBps ? 2 : 1
    this.messageCount++
    const target = this.#hosts.get(to)
    for (let copy = 0; copy < copies; copy++) {
      this.#clock.after(this.#latencyMs(), () => {
        const alive = this.#hosts.get(to) === target && this.#hosts.get(from.peerId) === from
        if (target !== undefined && alive && !this.#cuts.has(`${from.peerId}>${to}`)) arrive(target)
      })
    }
  }

  #publish(host: Host, topic: Topic, bytes: Uint8Array): number {
    if (this.#hosts.get(host.peerId) !== host) return 0
    let recipientCount = 0
    for (const other of this.#hosts.values()) {
      if (other === host) continue
      recipientCount++
      this.#send(host, other.peerId, target => {
        for (const onMessage of target.subscriptions.get(topic) ?? []) onMessage(bytes, host.peerId)
      })
    }
    return recipientCount
  }

  #request(
    host: Host,
    to: PeerId,
    protocol: Protocol,
    bytes: Uint8Array,
    options: RequestOptions
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const fail = (error: RayswarmError): void => {
        timer?.cancel()
        options.signal?.removeEventListener('abort', onAbort)
        reject(error)
      }
      const onAbort = (): void => fail(new RayswarmError('ERR_ABORTED', `request to ${to} was aborted`))
      if (this.#hosts.get(host.peerId) !== host) return
      if (options.signal?.aborted) return onAbort()
      if (bytes.length > MESSAGE_SIZE_BYTES_MAX.direct)
        return fail(new RayswarmError('ERR_OVERSIZED', `request of ${bytes.length} bytes`))
      options.signal?.addEventListener('abort', onAbort, { once: true })
      timer = this.#clock.after(options.timeoutMs, () =>
        fail(new RayswarmError('ERR_TIMEOUT', `${to} did not answer within ${options.timeoutMs} ms`))
      )
      const answer = (bytes: Uint8Array): void => {
        timer?.cancel()
        options.signal?.removeEventListener('abort', onAbort)
        resolve(bytes)
      }
      if (to === host.peerId) {
        this.#clock.after(0, () => handle(host, host, protocol, bytes).then(answer, fail))
        return
      }
      if (!this.#hosts.has(to)) {
        this.#clock.after(1, () => fail(new RayswarmError('ERR_UNREACHABLE', `${to} cannot be reached`)))
        return
      }
      for (const hear of this.#eavesdroppers) hear(protocol, bytes, host.peerId)
      this.#send(host, to, target => {
        handle(target, host, protocol, bytes).then(
          reply => this.#send(target, host.peerId, () => answer(reply)),
          (error: RayswarmError) => this.#send(target, host.peerId, () => fail(error))
        )
      })
    })
  }

  async #put(host: Host, key: string, value: Uint8Array): Promise<void> {
    const judged = host.validateRecord(key, value)
    if (judged.action === 'accept' && !this.#records.has(key)) this.#records.set(key, value)
  }

  async #get(_host: Host, key: string): Promise<Uint8Array | undefined> {
    return this.#records.get(key)
  }
}

function subscribe(host: Host, topic: Topic, onMessage: MessageHandler): Unsubscribe {
  const handlers = host.subscriptions.get(topic) ?? new Set()
  host.subscriptions.set(topic, handlers)
  handlers.add(onMessage)
  return () => handlers.delete(onMessage)
}

async function handle(target: Host, from: Host, protocol: Protocol, bytes: Uint8Array): Promise<Uint8Array> {
  const handler = target.handlers.get(protocol)
  if (handler === undefined)
    throw new RayswarmError('ERR_REMOTE', `${target.peerId} does not speak ${protocol}`)
  try {
    const answer = await handler(bytes, from.peerId)
    if (answer.length <= MESSAGE_SIZE_BYTES_MAX.direct) return answer
    throw new RangeError('the answer is too long')
  } catch (cause) {
    throw new RayswarmError('ERR_REMOTE', `${target.peerId} closed the stream`, { cause })
  }
}
