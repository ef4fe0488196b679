import { randomInt } from 'node:crypto'
import type { Log } from '@rayswarm/interface'
import { redialMs } from './redial.ts'

/** A look that takes longer finds nobody. */
const LOOK_TIMEOUT_MS = 10_000

export interface LookaroundComponents {
  readonly log: Log
  /** Ask the swarm for peers near us, and count who answered. Whoever is found is noted elsewhere. */
  readonly look: (signal: AbortSignal) => Promise<number>
  readonly knownCount: () => number
  /** Enough peers are connected: nobody is asked. */
  readonly isEnough: () => boolean
}

/**
 * Asks around for peers until nobody new turns up, then ever more rarely.
 *
 * The DHT looks once after the start and then every five minutes: a peer that joins while the others are busy would know
 * one of them for as long.
 */
export class Lookaround {
  readonly #components: LookaroundComponents
  readonly #stopped = new AbortController()
  #looksInVain = 0
  #knownCount = 0
  #timer: NodeJS.Timeout | undefined
  #look: Promise<void> = Promise.resolve()

  constructor(components: LookaroundComponents) {
    this.#components = components
  }

  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    clearTimeout(this.#timer)
    await this.#look
  }

  #schedule(): void {
    const waitMs = redialMs(this.#looksInVain, randomInt(1_000) / 1_000)
    this.#timer = setTimeout(() => {
      this.#look = this.#run()
    }, waitMs)
  }

  async #run(): Promise<void> {
    if (this.#components.isEnough()) {
      this.#looksInVain++
      return this.#schedule()
    }
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)])
    const answerCount = await this.#components.look(signal).catch(cause => {
      this.#components.log.debug('look around failed', { cause })
      return 0
    })
    if (this.#stopped.signal.aborted) return
    const knownCount = this.#components.knownCount()
    // Without an answer nothing is known about whether there is somebody new: everybody may be busy.
    if (answerCount > 0) this.#looksInVain = knownCount > this.#knownCount ? 0 : this.#looksInVain + 1
    this.#knownCount = knownCount
    this.#schedule()
  }
}
