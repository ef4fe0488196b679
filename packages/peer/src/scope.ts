import {
  type Clock,
  isRayswarmError,
  type Log,
  RayswarmError,
  type Timer,
  type Unsubscribe
} from '@rayswarm/interface'

/** Waits between attempts at one thing double up to this many times. */
const PERSEVERE_DOUBLINGS_MAX = 4

/** Everything one role has under way: timers and background work that end together. */
export class Scope {
  readonly #clock: Clock
  readonly #log: Log
  readonly #abort = new AbortController()
  readonly #running = new Set<Promise<void>>()
  readonly #timers = new Set<Timer>()
  /** Ends of the waits under way. */
  readonly #sleepers = new Set<() => void>()

  constructor(components: { clock: Clock; log: Log }) {
    this.#clock = components.clock
    this.#log = components.log
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get closed(): boolean {
    return this.#abort.signal.aborted
  }

  /** Run in the background. A failure is logged: nobody waits for the result. */
  spawn(what: string, fn: () => Promise<void>): void {
    if (this.closed) return
    const running = fn()
      .catch((cause: unknown) => {
        if (isRayswarmError(cause) && cause.code === 'ERR_ABORTED') return
        this.#log.warn(`${what} failed`, { cause })
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Call `fn` once after `delayMs`, unless the scope closes first. */
  after(delayMs: number, fn: () => void): Timer {
    if (this.closed) return { cancel: () => {} }
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer)
      fn()
    })
    this.#timers.add(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
        timer.cancel()
      }
    }
  }

  /** Run `fn` again and again, `delayMs()` after it ended. */
  every(what: string, delayMs: () => number, fn: () => Promise<void>): void {
    this.after(delayMs(), () =>
      this.spawn(what, async () => {
        try {
          await fn()
        } finally {
          this.every(what, delayMs, fn)
        }
      })
    )
  }

  /**
   * Wait.
   *
   * @throws {RayswarmError} `ERR_ABORTED` when the scope closes
   */
  sleep(delayMs: number): Promise<void> {
    return this.sleepOr(delayMs, () => () => {})
  }

  /**
   * Do it, again and again until it succeeds: what nobody would ask for a second time.
   *
   * @param retryMs wait before the second attempt; later waits grow
   * @throws {RayswarmError} `ERR_ABORTED` when the scope closes first
   */
  async persevere<T>(what: string, retryMs: number, fn: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await fn()
      } catch (cause) {
        this.#log.warn(`${what} failed`, { attempt, cause })
        await this.sleep(retryMs * 2 ** Math.min(attempt, PERSEVERE_DOUBLINGS_MAX))
      }
    }
  }

  /**
   * Wait, but no longer than until somebody calls the function that `listen` is given.
   *
   * @throws {RayswarmError} `ERR_ABORTED` when the scope closes first
   */
  sleepOr(delayMs: number, listen: (wake: () => void) => Unsubscribe): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel()
        unlisten()
        this.#sleepers.delete(onClose)
      }
      const wake = (): void => {
        end()
        resolve()
      }
      const onClose = (): void => {
        end()
        reject(new RayswarmError('ERR_ABORTED', 'stopped while waiting'))
      }
      const timer = this.#clock.after(delayMs, wake)
      const unlisten = listen(wake)
      if (this.closed) return onClose()
      this.#sleepers.add(onClose)
    })
  }

  /**
   * Wait for something that goes on where it takes longer.
   *
   * @throws {RayswarmError} `ERR_ABORTED` when the scope closes first
   */
  waitFor(atMostMs: number, work: Promise<unknown>): Promise<void> {
    return this.sleepOr(atMostMs, done => {
      void work.then(done, done)
      return () => {}
    })
  }

  /** Stop everything and wait until it has stopped. */
  async close(): Promise<void> {
    this.#abort.abort()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    for (const onClose of [...this.#sleepers]) onClose()
    await Promise.all([...this.#running])
  }
}
