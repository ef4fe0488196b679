/** Gives up after a time without an answer. */
export class Patience {
  readonly #controller = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #cleared = false

  /** @param waitMs left out, it never gives up by itself */
  constructor(waitMs: number | undefined) {
    if (waitMs !== undefined) this.#timer = setTimeout(() => this.#giveUp(), waitMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Something came back, or it does not matter any more. */
  clear(): void {
    this.#cleared = true
    clearTimeout(this.#timer)
  }

  #giveUp(): void {
    // On a busy machine the answer may be there, and it is us who did not look.
    setImmediate(() => {
      if (!this.#cleared) this.#controller.abort(new Error('no answer'))
    })
  }
}
