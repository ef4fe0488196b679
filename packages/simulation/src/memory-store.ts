import { type Clock, RayswarmError, type Store } from '@rayswarm/interface'

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

/** What becomes of one write. */
export type WriteFate =
  | 'kept'
  | 'lost' // the process dies before it took effect
  | 'unseen' // it takes effect, and the process dies before it hears so
  | 'refused' // the disk is full

/** How a disk treats one process. */
export interface ProcessStoreInit {
  /** Judges every write and every deletion. */
  readonly fate?: (key: string) => WriteFate
  /** Called when a write killed the process; call `stop` then. */
  readonly onDeath?: () => void
  /** Told of every write that took effect; undefined bytes: a deletion. */
  readonly onWrite?: (key: string, value: Uint8Array | undefined) => void
  /** How long each write takes, and the clock that says so. Writes of one process wait for each other. */
  readonly slow?: { readonly clock: Clock; readonly latencyMs: () => number }
}

/** A disk as one process sees it: once the process is gone, nothing is read or written any more. */
export class ProcessStore implements Store {
  #gone = false
  #tail: Promise<void> = Promise.resolve()

  constructor(
    readonly disk: Store,
    readonly init: ProcessStoreInit = {}
  ) {}

  stop(): void {
    this.#gone = true
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#gone ? never() : this.disk.get(key)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.#gone ? never() : this.#write(key, value)
  }

  delete(key: string): Promise<void> {
    return this.#gone ? never() : this.#write(key, undefined)
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    if (this.#gone) await never()
    yield* this.disk.list(prefix)
  }

  #write(key: string, value: Uint8Array | undefined): Promise<void> {
    const { slow } = this.init
    if (slow === undefined) return this.#settle(key, value)
    const waited = this.#tail.then(
      () => new Promise<void>(resolve => slow.clock.after(slow.latencyMs(), resolve))
    )
    this.#tail = waited
    return waited.then(() => (this.#gone ? never() : this.#settle(key, value)))
  }

  #settle(key: string, value: Uint8Array | undefined): Promise<void> {
    const fate = this.init.fate?.(key) ?? 'kept'
    if (fate === 'refused')
      return Promise.reject(
        new RayswarmError('ERR_DISK_FULL', 'the disk is full', {
          thing: 'disk',
          remedy: 'Free some space.'
        })
      )
    if (fate !== 'lost') {
      this.init.onWrite?.(key, value)
      const written = value === undefined ? this.disk.delete(key) : this.disk.put(key, value)
      if (fate === 'kept') return written
    }
    this.init.onDeath?.()
    return never()
  }
}

/** What a call into a dead process answers: nothing, ever. */
function never(): Promise<never> {
  return new Promise<never>(() => {})
}
