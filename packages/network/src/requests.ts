import type { Connection, Libp2p, PeerId as Libp2pPeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import {
  type ErrorCode,
  type Log,
  type PeerId,
  type Protocol,
  RayswarmError,
  type RequestOptions,
  type Unsubscribe
} from '@rayswarm/interface'
import {
  INBOUND_REQUESTS_PER_PEER_MAX,
  MESSAGE_SIZE_BYTES_MAX,
  OUTBOUND_REQUESTS_MAX
} from '@rayswarm/params'
import { Deadline } from './deadline.ts'
import { frames } from './frames.ts'
import { KeptStreams, type RequestStream } from './kept-streams.ts'
import { PROTOCOLS, protocolName } from './names.ts'
import { Refusers } from './refusers.ts'
import type { TransportFaults } from './transport-faults.ts'
import { Turns } from './turns.ts'

/** Requests of all peers together that are answered at once. */
const INBOUND_REQUESTS_MAX = 1_024
/** Requests that may wait for their turn. */
const WAITING_REQUESTS_MAX = 1_024
/** Reconciliations one peer may have open with another. */
const SYNC_REQUESTS_PER_PEER_MAX = 8
/** A request has to arrive in full within this time of its stream's opening… */
const READ_TIMEOUT_MS = 5_000
/** …or, where the stream is used again, of the answer before it. The asker gives the stream up sooner. */
const IDLE_TIMEOUT_MS = 15_000
/** A handler that takes longer has its stream closed: whoever asked has given up. */
const HANDLER_TIMEOUT_MS = 30_000
/** The answer has to be taken within this time. */
const WRITE_TIMEOUT_MS = 5_000
/** After the answer, the other side's end of the stream may take this long to arrive. */
const LINGER_MS = 1_000

/** Requests open with one peer at once, each way. Long reconciliations have a lane of their own, beside the leases. */
const LANES = {
  sync: { requestsMax: SYNC_REQUESTS_PER_PEER_MAX },
  rest: { requestsMax: INBOUND_REQUESTS_PER_PEER_MAX }
} as const

type Lane = keyof typeof LANES

function laneOf(protocol: Protocol): Lane {
  return protocol === 'sync' ? 'sync' : 'rest'
}

type RequestHandler = (bytes: Uint8Array, from: PeerId) => Promise<Uint8Array>

/** Requests and answers, one pair at a time on a stream. spec/network.md#requests */
export class Requests {
  readonly #libp2p: Libp2p
  readonly #log: Log
  readonly #netId: string
  readonly #self: PeerId
  readonly #faults: TransportFaults | undefined
  readonly #remind: (peer: PeerId) => Promise<void>
  readonly #handlers = new Map<Protocol, RequestHandler>()
  readonly #inbound = { sync: new Map<PeerId, number>(), rest: new Map<PeerId, number>() }
  #inboundCount = 0
  readonly #turns = new Turns({ heldMax: OUTBOUND_REQUESTS_MAX, lineMax: WAITING_REQUESTS_MAX })
  readonly #turnsOf = { sync: new Map<PeerId, Turns>(), rest: new Map<PeerId, Turns>() }
  readonly #kept = new KeptStreams()
  readonly #refusers = new Refusers()
  readonly #stopped = new AbortController()

  constructor(
    components: {
      libp2p: Libp2p
      log: Log
      faults?: TransportFaults | undefined
      /** Called before a peer is dialled. */
      remind?: (peer: PeerId) => Promise<void>
    },
    init: { netId: string }
  ) {
    this.#libp2p = components.libp2p
    this.#faults = components.faults
    this.#remind = components.remind ?? (async () => {})
    this.#log = components.log
    this.#netId = init.netId
    this.#self = components.libp2p.peerId.toString()
  }

  async start(): Promise<void> {
    for (const protocol of PROTOCOLS)
      await this.#libp2p.handle(
        protocolName(this.#netId, protocol),
        (stream, connection) => this.#answer(protocol, stream, connection),
        // libp2p counts streams until both ends are closed, we count requests until they are answered.
        {
          maxInboundStreams: 2 * LANES[laneOf(protocol)].requestsMax,
          maxOutboundStreams: OUTBOUND_REQUESTS_MAX
        }
      )
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#kept.close()
    await this.#libp2p.unhandle(PROTOCOLS.map(protocol => protocolName(this.#netId, protocol)))
  }

  serve(protocol: Protocol, handler: RequestHandler): Unsubscribe {
    this.#handlers.set(protocol, handler)
    return () => {
      if (this.#handlers.get(protocol) === handler) this.#handlers.delete(protocol)
    }
  }

  async request(
    to: PeerId,
    protocol: Protocol,
    bytes: Uint8Array,
    options: RequestOptions
  ): Promise<Uint8Array> {
    if (bytes.byteLength > MESSAGE_SIZE_BYTES_MAX.direct)
      throw new RayswarmError('ERR_OVERSIZED', `a request of ${bytes.byteLength} bytes is too long`, {
        thing: protocol,
        value: bytes.byteLength,
        remedy: `Keep it within ${MESSAGE_SIZE_BYTES_MAX.direct} bytes.`
      })
    const deadline = new Deadline(options.timeoutMs, [this.#stopped.signal, options.signal])
    try {
      return to === this.#self
        ? await this.#ask(protocol, bytes, deadline)
        : await this.#askRemote(to, protocol, bytes, deadline)
    } catch (cause) {
      throw failure(cause, to, protocol, deadline, options.timeoutMs)
    } finally {
      deadline.clear()
    }
  }

  async #ask(protocol: Protocol, bytes: Uint8Array, deadline: Deadline): Promise<Uint8Array> {
    deadline.signal.throwIfAborted()
    deadline.connected = true
    const handler = this.#handlers.get(protocol)
    if (handler === undefined) throw new Error('not served here')
    const answer = await deadline.race(handler(bytes, this.#self))
    if (answer.byteLength > MESSAGE_SIZE_BYTES_MAX.direct) throw new Error('answer too long')
    return answer
  }

  async #askRemote(
    to: PeerId,
    protocol: Protocol,
    bytes: Uint8Array,
    deadline: Deadline
  ): Promise<Uint8Array> {
    const peerId = peerIdFromString(to)
    const lane = laneOf(protocol)
    const lanes = this.#turnsOf[lane]
    const turnsOf =
      lanes.get(to) ?? new Turns({ heldMax: LANES[lane].requestsMax, lineMax: WAITING_REQUESTS_MAX })
    lanes.set(to, turnsOf)
    // The peer's own limit first: what waits for a slow peer must not keep others waiting.
    const giveBackOne = await turnsOf.take(deadline.signal)
    const giveBack = giveBackOne && (await this.#turns.take(deadline.signal))
    try {
      if (giveBack === undefined) {
        deadline.signal.throwIfAborted()
        throw new Error('too many requests are waiting')
      }
      return await this.#exchange(peerId, protocol, bytes, deadline)
    } finally {
      giveBack?.()
      giveBackOne?.()
      if (turnsOf.idle && lanes.get(to) === turnsOf) lanes.delete(to)
    }
  }

  async #exchange(
    peerId: Libp2pPeerId,
    protocol: Protocol,
    bytes: Uint8Array,
    deadline: Deadline
  ): Promise<Uint8Array> {
    const to = peerId.toString()
    const key = `${to} ${protocol}`
    const over = async (line: RequestStream): Promise<Uint8Array> => {
      const answer = await this.#over(line, to, bytes, deadline)
      this.#kept.keep(key, line)
      return answer
    }
    const kept = this.#kept.take(key)
    if (kept !== undefined) {
      deadline.connected = true
      try {
        return await over(kept)
      } catch (error) {
        // The other side may have given it up, or died and come back: a fresh one gets one chance.
        if (deadline.signal.aborted) throw error
        deadline.connected = false
      }
    }
    const stream = await this.#open(peerId, protocol, deadline)
    return await over({ stream, ...frames(stream) })
  }

  async #over(
    { stream, read, write }: RequestStream,
    to: PeerId,
    bytes: Uint8Array,
    deadline: Deadline
  ): Promise<Uint8Array> {
    try {
      if (this.#faults?.loses(to)) await deadline.race(new Promise<never>(() => {}))
      const answer = read(deadline.signal)
      answer.catch(() => {}) // awaited below, but only after the write
      await write(bytes, deadline.signal)
      return await answer
    } catch (error) {
      stream.abort(asError(error))
      throw error
    }
  }

  async #open(peerId: Libp2pPeerId, protocol: Protocol, deadline: Deadline): Promise<Stream> {
    const { signal } = deadline
    const name = protocolName(this.#netId, protocol)
    for (let again = false; ; again = true) {
      const connection = await this.#connect(peerId, deadline, again)
      deadline.connected = true
      try {
        return await connection.newStream([name], { signal, maxOutboundStreams: OUTBOUND_REQUESTS_MAX })
      } catch (error) {
        const dead = connection.status !== 'open' || asError(error).name === 'ConnectionClosedError'
        if (again || signal.aborted || !dead) throw error
        // It died between two requests, and libp2p may not have noticed yet: a fresh one gets one chance.
        deadline.connected = false
      }
    }
  }

  async #connect(peerId: Libp2pPeerId, deadline: Deadline, again: boolean): Promise<Connection> {
    const { signal } = deadline
    const to = peerId.toString()
    if (this.#libp2p.getConnections(peerId).length === 0) {
      if (this.#refusers.has(to, performance.now())) throw new Error('could not be connected to a moment ago')
      await this.#remind(to)
    }
    try {
      const connection = await deadline.race(this.#libp2p.dial(peerId, { signal, force: again }))
      this.#refusers.delete(to)
      return connection
    } catch (error) {
      // Who only takes long may be there.
      if (!signal.aborted) this.#refusers.add(to, performance.now())
      throw error
    }
  }

  async #answer(protocol: Protocol, stream: Stream, connection: Connection): Promise<void> {
    const from = connection.remotePeer.toString()
    const { read, write } = frames(stream)
    // The first one counts from the opening of its stream, the others from when they are there.
    let leave = this.#enter(protocol, from)
    if (leave === undefined) return stream.abort(new Error('too many requests'))
    try {
      for (let waitMs = READ_TIMEOUT_MS; ; waitMs = IDLE_TIMEOUT_MS) {
        const bytes = await within(waitMs, this.#stopped.signal, read)
        leave ??= this.#enter(protocol, from)
        if (leave === undefined) return stream.abort(new Error('too many requests'))
        const answer = await this.#respond(protocol, bytes, from)
        if (this.#faults?.loses(from))
          await within(HANDLER_TIMEOUT_MS, this.#stopped.signal, signal => ended(stream, signal))
        await within(WRITE_TIMEOUT_MS, this.#stopped.signal, signal => write(answer, signal))
        leave()
        leave = undefined
      }
    } catch (error) {
      if (leave === undefined) return await end(stream)
      leave()
      this.#log.debug('request not answered', { protocol, from, cause: error })
      stream.abort(asError(error))
    }
  }

  /** Count a request in, if there is room. The answer counts it out. */
  #enter(protocol: Protocol, from: PeerId): (() => void) | undefined {
    const lane = laneOf(protocol)
    const inbound = this.#inbound[lane]
    const open = inbound.get(from) ?? 0
    if (open >= LANES[lane].requestsMax || this.#inboundCount >= INBOUND_REQUESTS_MAX) return undefined
    inbound.set(from, open + 1)
    this.#inboundCount++
    return () => {
      const left = (inbound.get(from) ?? 1) - 1
      if (left > 0) inbound.set(from, left)
      else inbound.delete(from)
      this.#inboundCount--
    }
  }

  async #respond(protocol: Protocol, bytes: Uint8Array, from: PeerId): Promise<Uint8Array> {
    const handler = this.#handlers.get(protocol)
    if (handler === undefined) throw new Error('not served here')
    const answer = await within(HANDLER_TIMEOUT_MS, this.#stopped.signal, (_, deadline) =>
      deadline.race(handler(bytes, from))
    )
    if (answer.byteLength > MESSAGE_SIZE_BYTES_MAX.direct) throw new Error('answer too long')
    return answer
  }
}

async function within<T>(
  timeoutMs: number,
  stopped: AbortSignal,
  fn: (signal: AbortSignal, deadline: Deadline) => Promise<T>
): Promise<T> {
  const deadline = new Deadline(timeoutMs, [stopped])
  try {
    return await fn(deadline.signal, deadline)
  } finally {
    deadline.clear()
  }
}

/** Resolves when the other side gave up, or the time is over. */
function ended(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    stream.addEventListener('close', () => resolve(), { once: true })
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** No more requests came. The other side's end may take a moment to arrive. */
async function end(stream: Stream): Promise<void> {
  const signal = AbortSignal.timeout(WRITE_TIMEOUT_MS)
  await stream.close({ signal }).catch(error => stream.abort(asError(error)))
  if (stream.status !== 'open') return
  const timer = setTimeout(() => stream.abort(new Error('stream left open')), LINGER_MS)
  timer.unref()
  stream.addEventListener('close', () => clearTimeout(timer), { once: true })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function failure(
  cause: unknown,
  to: PeerId,
  protocol: Protocol,
  deadline: Deadline,
  timeoutMs: number
): RayswarmError {
  const fail = (code: ErrorCode, message: string, remedy: string): RayswarmError =>
    new RayswarmError(code, message, { thing: protocol, value: to, remedy, cause })
  if (deadline.aborted)
    return fail('ERR_ABORTED', `the request to ${to} was aborted`, 'Ask again if it still matters.')
  if (!deadline.connected)
    return fail(
      'ERR_UNREACHABLE',
      `${to} cannot be reached`,
      'Check that it is online and that its address is known.'
    )
  if (deadline.expired)
    return fail(
      'ERR_TIMEOUT',
      `${to} did not answer within ${timeoutMs} ms`,
      'Ask again later or allow more time.'
    )
  return fail('ERR_REMOTE', `${to} closed the stream without an answer`, 'Ask another peer, or again later.')
}
