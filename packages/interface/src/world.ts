import type { Admission } from './admission.ts'
import type { PeerId } from './ids.ts'

/** Handle of a pending timer. */
export interface Timer {
  cancel(): void
}

/** The only source of time. Production wraps the system clock, tests drive it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Never runs backwards. */
  nowMs(): number

  /** Call `fn` once, `delayMs` from now. */
  after(delayMs: number, fn: () => void): Timer
}

/** The only source of randomness. Production wraps the system's, simulations seed it. */
export interface Chance {
  /** Uniform in `[0, 1)`. */
  unit(): number

  bytes(lengthBytes: number): Uint8Array
}

/** A peer's signing key, and the check of everybody else's signatures. */
export interface Identity {
  readonly peerId: PeerId

  /** ed25519 signature, 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array

  /** Strict rule of spec/wire.md#signatures. False, never an exception, for anything malformed. */
  verify(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean
}

/**
 * Small durable records of one peer. Keys are `/`-separated text.
 *
 * Blocks of content live in {@link Assets}, not here.
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>

  /** Resolves when the value would survive a power cut. */
  put(key: string, value: Uint8Array): Promise<void>

  delete(key: string): Promise<void>

  /** All records whose key starts with `prefix`, in key order. */
  list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** Where log lines go. Fields, not sentences; nothing from a remote peer at `info` or above. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Call it to stop what the call that returned it began. Calling it again does nothing. */
export type Unsubscribe = () => void

/** Bounds of one request. */
export interface RequestOptions {
  /** Give up after this long, connection set-up included. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The topics a peer may publish to. */
export type Topic = 'offers' | 'jobs' | 'ledger'

/** Request/response protocols; each request is one short stream. */
export type Protocol = 'market' | 'lease' | 'verification' | 'sync'

/** The swarm as one peer sees it. */
export interface Network {
  readonly peerId: PeerId

  /** Addresses others can dial us at, as multiaddr text ending in `/p2p/<peerId>`. */
  addresses(): readonly string[]

  /** Peers with an open connection. */
  peers(): readonly PeerId[]

  /** Learn where a peer lives, before the first request to it. Bounded and best effort. */
  learn(peer: PeerId, addresses: readonly string[]): Promise<void>

  /** Number of peers the message was sent to; 0 is not an error, but nobody heard it. */
  publish(topic: Topic, bytes: Uint8Array): Promise<number>

  /** `onMessage` judges each message once, in the order of arrival; its answer is the gossip validator's. */
  subscribe(topic: Topic, onMessage: (bytes: Uint8Array, from: PeerId) => Admission): Unsubscribe

  /**
   * Ask `to` and return its answer.
   *
   * @throws {RayswarmError} `ERR_UNREACHABLE`, `ERR_TIMEOUT`, `ERR_REMOTE` (it closed the stream), `ERR_ABORTED`
   */
  request(to: PeerId, protocol: Protocol, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array>

  /** Answer requests. An exception of `handler` closes the stream without an answer. */
  serve(protocol: Protocol, handler: (bytes: Uint8Array, from: PeerId) => Promise<Uint8Array>): Unsubscribe

  /** Called when a connection to a peer opens, first or again. */
  onConnect(fn: (peer: PeerId) => void): Unsubscribe
}

/**
 * Write-once, self-certifying records, kept in the DHT in production. A read is a hint: nothing is decided on one.
 */
export interface Records {
  put(key: string, value: Uint8Array, options: RequestOptions): Promise<void>

  /** Some valid value of the key, or undefined when none was found in time. */
  get(key: string, options: RequestOptions): Promise<Uint8Array | undefined>
}

/** Judges a record of the DHT on its own: the key must follow from the value, the value must certify itself. */
export type RecordValidator = (key: string, value: Uint8Array) => Admission
