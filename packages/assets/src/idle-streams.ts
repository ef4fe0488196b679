import type { PeerId } from '@rayswarm/interface'
import type { BlockStream } from './block-protocol.ts'

/** For how long a stream outlives the operation that used it. The answering peer waits longer. */
const IDLE_MS = 20_000
/** Streams kept for one peer: operations run side by side. */
const IDLE_COUNT_MAX = 4

interface Idle {
  readonly stream: BlockStream
  readonly timer: NodeJS.Timeout
}

/** Streams between two operations: small files come one by one, and a new stream costs more than they do. */
export class IdleStreams {
  readonly #idle = new Map<PeerId, Idle[]>()

  has(peer: PeerId): boolean {
    return this.#idle.get(peer)?.some(({ stream }) => stream.idle) === true
  }

  take(peer: PeerId): BlockStream | undefined {
    for (let idle = this.#pop(peer); idle !== undefined; idle = this.#pop(peer)) {
      clearTimeout(idle.timer)
      if (idle.stream.idle) return idle.stream
      idle.stream.close()
    }
    return undefined
  }

  /** Kept, unless it is in use or there are enough: then it is closed. */
  give(peer: PeerId, stream: BlockStream): void {
    const all = this.#idle.get(peer) ?? []
    if (!stream.idle || all.length >= IDLE_COUNT_MAX) return stream.close()
    const timer = setTimeout(() => this.#expire(peer, stream), IDLE_MS)
    timer.unref()
    this.#idle.set(peer, [...all, { stream, timer }])
  }

  close(): void {
    for (const peer of [...this.#idle.keys()])
      for (let stream = this.take(peer); stream !== undefined; stream = this.take(peer)) stream.close()
  }

  #pop(peer: PeerId): Idle | undefined {
    const all = this.#idle.get(peer)
    const idle = all?.pop()
    if (all?.length === 0) this.#idle.delete(peer)
    return idle
  }

  #expire(peer: PeerId, stream: BlockStream): void {
    const left = this.#idle.get(peer)?.filter(idle => idle.stream !== stream) ?? []
    if (left.length > 0) this.#idle.set(peer, left)
    else this.#idle.delete(peer)
    stream.close()
  }
}
