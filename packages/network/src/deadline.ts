/** A time limit joined with other reasons to stop, and which of them it was. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #sources: readonly AbortSignal[]
  readonly #timer: NodeJS.Timeout
  #end: 'expired' | 'aborted' | undefined
  /** Set by the owner once the peer was reached. */
  connected = false

  constructor(timeoutMs: number, sources: ReadonlyArray<AbortSignal | undefined>) {
    this.#sources = sources.filter(source => source !== undefined)
    this.#timer = setTimeout(() => this.#finish('expired'), timeoutMs)
    for (const source of this.#sources) {
      if (source.aborted) this.#finish('aborted')
      else source.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get expired(): boolean {
    return this.#end === 'expired'
  }

  get aborted(): boolean {
    return this.#end === 'aborted'
  }

  /** The promise's outcome, or a rejection when the time is up first. */
  race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(signal.reason)
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    })
  }

  /** Let go of the timer and of the sources. */
  clear(): void {
    clearTimeout(this.#timer)
    for (const source of this.#sources) source.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => this.#finish('aborted')

  #finish(end: 'expired' | 'aborted'): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#controller.abort(new Error(end))
  }
}
