import type {
  AbortOptions,
  MultiaddrConnection,
  StreamCloseEvent,
  StreamMessageEvent
} from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { PeerId } from '@rayswarm/interface'
import { peerOf } from './addresses.ts'
import type { TransportFaults } from './transport-faults.ts'

/** Sent bytes that wait here; then the writer is told to wait. */
const QUEUE_BYTES_MAX = 256 * 1024
/** What the writer has left after that. One that does not wait, as in a long cut, loses its connection. */
const WRITE_BYTES_MAX = 4 * 1024 * 1024

type Bytes = Parameters<MultiaddrConnection['send']>[0]

interface Waiting {
  readonly bytes: Bytes
  readonly dueAtMs: number
}

/** Keeps open, unheard, what must not be seen to close. */
export interface Limbo {
  /** `end` closes the connection; it is called once the other side could hear of it. */
  hold(peer: PeerId | undefined, end: () => void): void
}

/** A connection whose bytes pass the gate of a {@link TransportFaults}. */
export class FaultyConnection extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #faults: TransportFaults
  readonly #limbo: Limbo
  readonly #endInner: (error: Error) => void
  #peer: PeerId | undefined
  #queue: Waiting[] = []
  #queuedBytes = 0
  #lastDueAtMs = 0
  #lineFreeAtMs = 0
  #timer: NodeJS.Timeout | undefined
  #ended: { readonly error: Error | undefined } | undefined
  #wantsPause = false
  #onEmpty: (() => void) | undefined

  constructor(inner: MultiaddrConnection, faults: TransportFaults, limbo: Limbo) {
    super({
      remoteAddr: inner.remoteAddr,
      direction: inner.direction,
      log: inner.log,
      maxWriteBufferLength: WRITE_BYTES_MAX
    })
    this.#inner = inner
    this.#faults = faults
    this.#limbo = limbo
    this.#peer = peerOf(inner.remoteAddr)
    this.#endInner = inner.abort.bind(inner)
    // The transport ends its connection itself when the upgrade or the socket fails: that must stay silent as well.
    inner.abort = error => this.#innerAborts(error)
    inner.addEventListener('close', event => this.#innerEnds((event as StreamCloseEvent).error))
    inner.addEventListener('drain', () => this.#pump())
    this.reconsider()
    inner.addEventListener('message', event => this.onData((event as StreamMessageEvent).data))
  }

  /** Somebody proved to be at the other end. */
  identify(peer: PeerId): void {
    this.#peer = peer
    this.reconsider()
  }

  get isCut(): boolean {
    return this.#isCut('in') || this.#isCut('out')
  }

  /** The rules changed. */
  reconsider(): void {
    this.#steer()
    if (this.isCut) this.#onEmpty?.()
    if (this.#ended !== undefined && !this.#isCut('in')) this.#closed(this.#ended.error)
    this.#pump()
  }

  /** Close now, seen by everybody. */
  end(): void {
    clearTimeout(this.#timer)
    this.#queue = []
    this.#endInner(new Error('closed'))
  }

  override sendData(data: Exclude<Bytes, Uint8Array>): SendResult {
    const sentBytes = data.byteLength
    const { latencyMs = 0, jitterMs = 0, bytesPerS = 0 } = this.#faults.ruleOf(this.#peer)
    const straight = latencyMs === 0 && jitterMs === 0 && bytesPerS === 0 && !this.#isCut('out')
    if (straight && this.#queue.length === 0) return { sentBytes, canSendMore: this.#inner.send(data) }

    const nowMs = performance.now()
    if (bytesPerS > 0)
      this.#lineFreeAtMs = Math.max(nowMs, this.#lineFreeAtMs) + (sentBytes / bytesPerS) * 1_000
    const leavesAtMs = bytesPerS > 0 ? this.#lineFreeAtMs : nowMs
    const dueAtMs = leavesAtMs + latencyMs + jitterMs * this.#faults.unit()
    this.#lastDueAtMs = Math.max(this.#lastDueAtMs, dueAtMs)
    this.#queue.push({ bytes: data, dueAtMs: this.#lastDueAtMs })
    this.#queuedBytes += sentBytes
    this.#pump()
    return { sentBytes, canSendMore: this.#queuedBytes < QUEUE_BYTES_MAX }
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    if (this.#queue.length > 0 && !this.isCut)
      await new Promise<void>(resolve => {
        this.#onEmpty = resolve
        options?.signal?.addEventListener('abort', () => resolve(), { once: true })
      })
    if (this.isCut) this.#hide()
    else await this.#inner.close(options)
  }

  override sendReset(error: Error): void {
    if (this.isCut) this.#hide()
    else {
      clearTimeout(this.#timer)
      this.#endInner(error)
    }
  }

  override sendPause(): void {
    this.#wantsPause = true
    this.#steer()
  }

  override sendResume(): void {
    this.#wantsPause = false
    this.#steer()
  }

  #isCut(way: 'in' | 'out'): boolean {
    const { cut } = this.#faults.ruleOf(this.#peer)
    return cut === way || cut === 'both'
  }

  #hide(): void {
    clearTimeout(this.#timer)
    this.#queue = []
    this.#limbo.hold(this.#peer, () => this.#endInner(new Error('closed during a cut')))
  }

  #innerAborts(error: Error): void {
    // Of the system: the other side's reset, which does not arrive in a cut. Any other is ours.
    const arrived = /^E[A-Z]+$/.test((error as NodeJS.ErrnoException).code ?? '') || this.#ended !== undefined
    if (arrived && this.#isCut('in')) this.#ended ??= { error }
    else this.abort(error)
  }

  #innerEnds(error: Error | undefined): void {
    if (this.#isCut('in')) this.#ended ??= { error }
    else this.#closed(error)
  }

  #closed(error: Error | undefined): void {
    clearTimeout(this.#timer)
    this.#queue = []
    this.#onEmpty?.()
    this.onTransportClosed(error)
  }

  /** In a cut nothing is read. A socket that is not read fills up, and holds back the other side as a dead line would. */
  #steer(): void {
    if (this.#inner.status !== 'open') return
    if (this.#wantsPause || this.#isCut('in')) this.#inner.pause()
    else this.#inner.resume()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    if (this.#inner.status !== 'open' || this.#isCut('out')) return
    const nowMs = performance.now()
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      if (head.dueAtMs > nowMs) {
        this.#timer = setTimeout(() => this.#pump(), head.dueAtMs - nowMs)
        break
      }
      if (this.#inner.writableNeedsDrain) return
      this.#queue.shift()
      this.#queuedBytes -= head.bytes.byteLength
      this.#inner.send(head.bytes)
    }
    if (this.#queue.length === 0) this.#onEmpty?.()
    const full = this.#queuedBytes >= QUEUE_BYTES_MAX || this.#inner.writableNeedsDrain
    if (this.writableNeedsDrain && !full) this.safeDispatchEvent('drain')
  }
}
