import type { PeerId } from '@rayswarm/interface'
import type { BlockStream } from './block-protocol.ts'

/** For how long a stream outlives the operation that used it. The answering peer waits longer. */
const IDLE_MS = 20_000

interface Idle {
  readonly stream: BlockStream
  readonly timer: NodeJS.Timeout
}

/** Streams between two operations, one for each peer: small files come one by one, and a new stream costs more than they do. */
export class IdleStreams {
  readonly #idle = new Map<PeerId, Idle>()

  has(peer: PeerId): boolean {
    return this.#idle.get(peer)?.stream.idle === true
  }

  take(peer: PeerId): BlockStream | undefined {
    const idle = this.#idle.get(peer)
    if (idle === undefined) return undefined
    clearTimeout(idle.timer)
    this.#idle.delete(peer)
    if (idle.stream.idle) return idle.stream
    idle.stream.close()
    return undefined
  }

  /** Kept, unless it is in use or there is one: then it is closed. */
  give(peer: PeerId, stream: BlockStream): void {
    if (!stream.idle || this.has(peer)) return stream.close()
    this.take(peer)?.close()
    const timer = setTimeout(() => this.take(peer)?.close(), IDLE_MS)
    timer.unref()
    this.#idle.set(peer, { stream, timer })
  }

  close(): void {
    for (const peer of [...this.#idle.keys()]) this.take(peer)?.close()
  }
}
