import { type FetchOptions, isRayswarmError, RayswarmError } from '@rayswarm/interface'
import { failureOf } from './failures.ts'

/** Ends an operation when its time is up, its caller gives up or we stop, and says which of them it was. */
export class Deadline {
  readonly signal: AbortSignal
  readonly #timeoutMs: number
  readonly #timeout: AbortSignal

  constructor(options: Pick<FetchOptions, 'timeoutMs' | 'signal'>, stopping: AbortSignal) {
    this.#timeoutMs = options.timeoutMs
    this.#timeout = AbortSignal.timeout(options.timeoutMs)
    const signals = [this.#timeout, stopping]
    if (options.signal !== undefined) signals.push(options.signal)
    this.signal = AbortSignal.any(signals)
  }

  /** The error to throw when `error` ended the operation. */
  failure(error: unknown, thing: string): RayswarmError {
    if (isRayswarmError(error) || !this.signal.aborted) return failureOf(error, thing)
    // Whichever fired first is the reason of the joined signal.
    if (this.signal.reason === this.#timeout.reason) {
      return new RayswarmError('ERR_TIMEOUT', `${thing}: no complete content within ${this.#timeoutMs} ms`, {
        thing,
        value: this.#timeoutMs,
        cause: error,
        remedy: 'Try again: blocks that arrived are kept. Or allow more time.'
      })
    }
    return new RayswarmError('ERR_ABORTED', `${thing}: given up by the caller`, { thing, cause: error })
  }
}

/**
 * Run `work` on each item, at most `concurrency` at once. After a failure no further item is begun; the first failure is
 * thrown when all that were begun have ended, so that nothing of them is still under way.
 */
export async function forEachOf<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>
): Promise<void> {
  let next = 0
  let failed = false
  const lane = async () => {
    while (!failed && next < items.length) {
      try {
        await work(items[next++]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, items.length) }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
}
