import type { Store } from '@rayswarm/interface'

/** A disk that survives the crashes of the processes that use it. It keeps the bytes it is given: nobody writes to them later. */
export class MemoryStore implements Store {
  readonly #records = new Map<string, Uint8Array>()

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#records.get(key)
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.#records.set(key, value)
  }

  async delete(key: string): Promise<void> {
    this.#records.delete(key)
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    for (const key of [...this.#records.keys()].filter(key => key.startsWith(prefix)).sort()) {
      const value = this.#records.get(key)
      if (value !== undefined) yield [key, value]
    }
  }
}

/** A disk as one process sees it: once the process is gone, nothing is read or written any more. */
export class ProcessStore implements Store {
  #gone = false

  constructor(readonly disk: Store) {}

  stop(): void {
    this.#gone = true
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#gone ? never() : this.disk.get(key)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.#gone ? never() : this.disk.put(key, value)
  }

  delete(key: string): Promise<void> {
    return this.#gone ? never() : this.disk.delete(key)
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    if (this.#gone) await never()
    yield* this.disk.list(prefix)
  }
}

/** What a call into a dead process answers: nothing, ever. */
function never(): Promise<never> {
  return new Promise<never>(() => {})
}
