/** A bounded number of holders at once; the rest waits in line, and the line is bounded too. */
export class Turns {
  #held = 0
  readonly #line = new Set<() => void>()
  readonly #heldMax: number
  readonly #lineMax: number

  constructor(init: { heldMax: number; lineMax: number }) {
    this.#heldMax = init.heldMax
    this.#lineMax = init.lineMax
  }

  get idle(): boolean {
    return this.#held === 0 && this.#line.size === 0
  }

  /** Resolves to the function that gives the turn back, or undefined when the line is full or `signal` aborts first. */
  async take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined
    if (this.#held < this.#heldMax) {
      this.#held++
      return once(() => this.#next())
    }
    if (this.#line.size >= this.#lineMax) return undefined
    return new Promise(resolve => {
      const leave = (): void => {
        this.#line.delete(enter)
        resolve(undefined)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve(once(() => this.#next()))
      }
      this.#line.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #next(): void {
    for (const enter of this.#line) {
      this.#line.delete(enter)
      enter() // the turn passes on; the number of holders stays
      return
    }
    this.#held--
  }
}

function once(fn: () => void): () => void {
  let called = false
  return () => {
    if (called) return
    called = true
    fn()
  }
}
