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
import type { Trace } from './trace.ts'

/** How bad the virtual network is. */
export interface Weather {
  /** Share of messages (requests, answers, gossip copies) that vanish, in parts of 10 000. */
  readonly lossBps: number
  /** Share of messages that arrive twice. */
  readonly duplicateBps: number
  readonly latencyMsMin: number
  readonly latencyMsMax: number
  /** Share of messages that are held up on the way, so that later ones overtake them; none when absent. */
  readonly lateBps?: number
  /** The longest such delay. Most are far shorter: they are spread like 1/x. */
  readonly lateMsMax?: number
}

export const FAIR_WEATHER: Weather = { lossBps: 0, duplicateBps: 0, latencyMsMin: 1, latencyMsMax: 20 }

type RequestHandler = (bytes: Uint8Array, from: PeerId) => Promise<Uint8Array>
type MessageHandler = (bytes: Uint8Array, from: PeerId) => Admission

/** Messages kept for a machine that stands still; more are lost. */
const HELD_COUNT_MAX = 10_000
/** A lost connection is noticed to be back within this time. */
const REDIAL_MS_MAX = 1_000

/** What {@link VirtualNetwork.join} may be told about a peer. */
export interface JoinInit {
  /** Judges records before they are stored; takes all when absent. */
  readonly validateRecord?: RecordValidator
  /** The peer's own clock, for its timeouts; the world's when absent. */
  readonly clock?: Clock
}

interface Host {
  readonly peerId: PeerId
  readonly clock: Clock
  readonly validateRecord: RecordValidator
  readonly handlers: Map<Protocol, RequestHandler>
  readonly subscriptions: Map<Topic, Set<MessageHandler>>
  readonly connects: Set<(peer: PeerId) => void>
}

/** Told of every request and every answer to one, as it is sent. */
export type Eavesdropper = (protocol: Protocol, bytes: Uint8Array, from: PeerId, to: PeerId) => void

/** A lossy network between virtual peers, with cuts, partitions and machines that stand still. */
export class VirtualNetwork {
  readonly #hosts = new Map<PeerId, Host>()
  /** What each peer put under each key, the earliest first. */
  readonly #records = new Map<string, Map<PeerId, Uint8Array>>()
  readonly #cuts = new Set<string>()
  readonly #sides = new Map<PeerId, number>()
  /** Arrivals at machines that stand still. */
  readonly #paused = new Map<PeerId, (() => void)[]>()
  readonly #pending = new WeakMap<AbortSignal, Set<() => void>>()
  readonly #eavesdroppers = new Set<Eavesdropper>()
  readonly #replyEavesdroppers = new Set<Eavesdropper>()
  readonly #clock: Clock
  readonly #chance: Chance
  readonly #trace: Trace | undefined
  #weather: Weather
  /** Messages sent so far: requests, answers and gossip copies. */
  messageCount = 0

  constructor(components: { clock: Clock; chance: Chance; trace?: Trace }, init: { weather: Weather }) {
    this.#clock = components.clock
    this.#chance = components.chance
    this.#trace = components.trace
    this.#weather = init.weather
  }

  setWeather(weather: Weather): void {
    this.#weather = weather
  }

  /** Stop (or, with `cut` false, resume) everything that goes from `from` to `to`. One direction only. */
  setCut(from: PeerId, to: PeerId, cut: boolean): void {
    this.#trace?.add(cut ? 'cut' : 'heal', from, 'one way', to)
    if (cut) this.#cuts.add(`${from}>${to}`)
    else if (this.#cuts.delete(`${from}>${to}`)) this.#reconnect(other => other === from || other === to)
  }

  /** Part the peers: nothing passes between two sides. A peer that is on none of them is on side 0. */
  partition(sides: ReadonlyMap<PeerId, number>): void {
    this.#sides.clear()
    for (const [peer, side] of sides) {
      this.#sides.set(peer, side)
      this.#trace?.add('cut', peer, `side ${side}`)
    }
  }

  /** End the partition. Peers notice their new neighbours one after the other. */
  heal(): void {
    if (this.#sides.size === 0) return
    const before = new Map(this.#sides)
    this.#sides.clear()
    this.#trace?.add('heal', 'everybody', 'partition')
    this.#reconnect((a, b) => before.get(a) !== before.get(b))
  }

  /** While a peer's machine stands still, what reaches it waits. */
  setPaused(peer: PeerId, paused: boolean): void {
    if (paused) {
      this.#paused.set(peer, this.#paused.get(peer) ?? [])
      return
    }
    const waiting = this.#paused.get(peer) ?? []
    this.#paused.delete(peer)
    for (const arrive of waiting) this.#clock.after(0, arrive)
  }

  /** Whether a message from one peer could reach the other now. */
  reaches(from: PeerId, to: PeerId): boolean {
    if ((this.#sides.get(from) ?? 0) !== (this.#sides.get(to) ?? 0)) return false
    return this.#cuts.size === 0 || !this.#cuts.has(`${from}>${to}`)
  }

  /** Overhear every request that is sent. */
  onRequest(fn: Eavesdropper): Unsubscribe {
    this.#eavesdroppers.add(fn)
    return () => this.#eavesdroppers.delete(fn)
  }

  /** Overhear every answer that is sent. */
  onReply(fn: Eavesdropper): Unsubscribe {
    this.#replyEavesdroppers.add(fn)
    return () => this.#replyEavesdroppers.delete(fn)
  }

  isOnline(peer: PeerId): boolean {
    return this.#hosts.has(peer)
  }

  /** A peer's process comes up. Everybody online is connected to everybody. */
  join(peerId: PeerId, init: JoinInit = {}): Network & Records {
    const host: Host = {
      peerId,
      clock: init.clock ?? this.#clock,
      validateRecord: init.validateRecord ?? ACCEPT_ALL,
      handlers: new Map(),
      subscriptions: new Map(),
      connects: new Set()
    }
    this.#hosts.set(peerId, host)
    this.#clock.after(this.#latencyMs(), () => {
      if (this.#hosts.get(peerId) !== host) return
      for (const other of this.#hosts.values()) {
        if (other === host || !this.reaches(peerId, other.peerId)) continue
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
    const { latencyMsMin, latencyMsMax, lateBps = 0, lateMsMax = 0 } = this.#weather
    const usualMs = latencyMsMin + this.#chance.unit() * (latencyMsMax - latencyMsMin)
    if (lateBps === 0 || this.#chance.unit() * 10_000 >= lateBps) return usualMs
    return Math.min(lateMsMax, latencyMsMax / (this.#chance.unit() + Number.EPSILON))
  }

  /** Tell peers whose connection came back. */
  #reconnect(wasApart: (a: PeerId, b: PeerId) => boolean): void {
    const hosts = [...this.#hosts.values()]
    for (const [index, a] of hosts.entries())
      for (const b of hosts.slice(index + 1)) {
        if (!wasApart(a.peerId, b.peerId)) continue
        this.#clock.after(this.#chance.unit() * REDIAL_MS_MAX, () => {
          const bothUp = this.#hosts.get(a.peerId) === a && this.#hosts.get(b.peerId) === b
          if (!bothUp || !this.reaches(a.peerId, b.peerId)) return
          for (const fn of a.connects) fn(b.peerId)
          for (const fn of b.connects) fn(a.peerId)
        })
      }
  }

  /** Call `arrive` once per copy that gets through. */
  #send(from: Host, to: PeerId, about: string, bytes: Uint8Array, arrive: (host: Host) => void): void {
    const draw = this.#chance.unit() * 10_000
    const copies = draw < this.#weather.lossBps ? 0 : draw >= 10_000 - this.#weather.duplicateBps ? 2 : 1
    this.messageCount++
    const trace = this.#trace
    trace?.add('send', from.peerId, about, to, bytes)
    if (copies === 0) trace?.add('drop', from.peerId, about, to)
    const target = this.#hosts.get(to)
    const land = (): void => {
      const alive = this.#hosts.get(to) === target && this.#hosts.get(from.peerId) === from
      if (target === undefined || !alive || !this.reaches(from.peerId, to)) {
        trace?.add('drop', from.peerId, about, to)
        return
      }
      const waiting = this.#paused.get(to)
      if (waiting === undefined) {
        trace?.add('deliver', from.peerId, about, to)
        arrive(target)
      } else if (waiting.length < HELD_COUNT_MAX) waiting.push(land)
    }
    for (let copy = 0; copy < copies; copy++) this.#clock.after(this.#latencyMs(), land)
  }

  #publish(host: Host, topic: Topic, bytes: Uint8Array): number {
    if (this.#hosts.get(host.peerId) !== host) return 0
    let recipientCount = 0
    const arrive = (target: Host): void => {
      for (const onMessage of target.subscriptions.get(topic) ?? []) onMessage(bytes, host.peerId)
    }
    for (const other of this.#hosts.values()) {
      if (other === host) continue
      recipientCount++
      this.#send(host, other.peerId, topic, bytes, arrive)
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
      const { signal } = options
      const pending = signal && this.#pendingOf(signal)
      const fail = (error: RayswarmError): void => {
        timer?.cancel()
        pending?.delete(onAbort)
        reject(error)
      }
      const onAbort = (): void => fail(new RayswarmError('ERR_ABORTED', `request to ${to} was aborted`))
      if (this.#hosts.get(host.peerId) !== host) return
      if (signal?.aborted) return onAbort()
      if (bytes.length > MESSAGE_SIZE_BYTES_MAX.direct)
        return fail(new RayswarmError('ERR_OVERSIZED', `request of ${bytes.length} bytes`))
      pending?.add(onAbort)
      timer = host.clock.after(options.timeoutMs, () =>
        fail(new RayswarmError('ERR_TIMEOUT', `${to} did not answer within ${options.timeoutMs} ms`))
      )
      const answer = (bytes: Uint8Array): void => {
        timer?.cancel()
        pending?.delete(onAbort)
        resolve(bytes)
      }
      if (to === host.peerId) {
        host.clock.after(0, () => handle(host, host, protocol, bytes).then(answer, fail))
        return
      }
      if (!this.#hosts.has(to)) {
        host.clock.after(1, () => fail(new RayswarmError('ERR_UNREACHABLE', `${to} cannot be reached`)))
        return
      }
      for (const hear of this.#eavesdroppers) hear(protocol, bytes, host.peerId, to)
      this.#send(host, to, protocol, bytes, target => {
        handle(target, host, protocol, bytes).then(
          reply => {
            for (const hear of this.#replyEavesdroppers) hear(protocol, reply, to, host.peerId)
            this.#send(target, host.peerId, protocol, reply, () => answer(reply))
          },
          (error: RayswarmError) => this.#send(target, host.peerId, protocol, NOTHING, () => fail(error))
        )
      })
    })
  }

  /** What an abort ends: one listener per signal, however many requests are under way. */
  #pendingOf(signal: AbortSignal): Set<() => void> {
    let pending = this.#pending.get(signal)
    if (pending === undefined) {
      const created = new Set<() => void>()
      pending = created
      this.#pending.set(signal, created)
      signal.addEventListener(
        'abort',
        () => {
          for (const onAbort of [...created]) onAbort()
        },
        { once: true }
      )
    }
    return pending
  }

  async #put(host: Host, key: string, value: Uint8Array): Promise<void> {
    const claims = this.#records.get(key) ?? new Map<PeerId, Uint8Array>()
    this.#records.set(key, claims)
    // Write-once, as far as one peer can be held to it.
    if (!claims.has(host.peerId)) claims.set(host.peerId, value)
  }

  /** The first record of a key that passes the reader's own judgement: cheaper than judging what is put and rarely read. */
  async #get(host: Host, key: string): Promise<Uint8Array | undefined> {
    for (const value of this.#records.get(key)?.values() ?? [])
      if (host.validateRecord(key, value).action === 'accept') return value
    return undefined
  }
}

const NOTHING = new Uint8Array()
const ACCEPT_ALL: RecordValidator = () => ({ action: 'accept' })

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
