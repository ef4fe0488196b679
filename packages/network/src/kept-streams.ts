import type { Stream } from '@libp2p/interface'
import type { Frames } from './frames.ts'

/** A stream that carries a request and its answer, and then the next. */
export interface RequestStream extends Frames {
  readonly stream: Stream
}

/** An idle stream is given up after this time: before the answerer does, which would cross the next request. */
const IDLE_MS = 10_000
/** Idle streams kept for one peer and protocol. */
const KEPT_COUNT_MAX = 8

interface Kept {
  readonly line: RequestStream
  readonly timer: NodeJS.Timeout
}

/** Streams between two requests. Agreeing on the protocol of a new one costs several times as much as a request over it. */
export class KeptStreams {
  readonly #kept = new Map<string, Kept[]>()
  #closed = false

  /** The one used last, if it is still good. */
  take(key: string): RequestStream | undefined {
    for (let kept = this.#pop(key); kept !== undefined; kept = this.#pop(key)) {
      clearTimeout(kept.timer)
      const { stream } = kept.line
      if (stream.status === 'open' && stream.remoteWriteStatus === 'writable') return kept.line
      letGo(stream)
    }
    return undefined
  }

  keep(key: string, line: RequestStream): void {
    const all = this.#kept.get(key) ?? []
    if (this.#closed || all.length >= KEPT_COUNT_MAX) return letGo(line.stream)
    const timer = setTimeout(() => this.#expire(key, line), IDLE_MS)
    timer.unref()
    all.push({ line, timer })
    this.#kept.set(key, all)
  }

  close(): void {
    this.#closed = true
    for (const all of this.#kept.values())
      for (const { line, timer } of all) {
        clearTimeout(timer)
        letGo(line.stream)
      }
    this.#kept.clear()
  }

  #pop(key: string): Kept | undefined {
    const all = this.#kept.get(key)
    const kept = all?.pop()
    if (all?.length === 0) this.#kept.delete(key)
    return kept
  }

  #expire(key: string, line: RequestStream): void {
    const left = this.#kept.get(key)?.filter(kept => kept.line !== line) ?? []
    if (left.length > 0) this.#kept.set(key, left)
    else this.#kept.delete(key)
    letGo(line.stream)
  }
}

/** Nobody waits for anything on it. */
function letGo(stream: Stream): void {
  stream.abort(new Error('no longer used'))
}
