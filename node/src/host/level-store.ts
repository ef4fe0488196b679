import { join } from 'node:path'
import { RayswarmError, type Store } from '@rayswarm/interface'
import { ClassicLevel } from 'classic-level'
import { diskFailure } from '../disk.ts'

/** Sorts after every key with the prefix. */
const LAST = '\u{10ffff}'

type Change = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

/** A peer's records in LevelDB. Every write is on the disk before it resolves. */
export class LevelStore implements Store {
  readonly #level: ClassicLevel<string, Uint8Array>
  readonly #dir: string
  /** Changes that the next write takes along, and that write, while another one is under way. */
  #waiting: Change[] = []
  #next: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()

  private constructor(dir: string, level: ClassicLevel<string, Uint8Array>) {
    this.#dir = dir
    this.#level = level
  }

  /**
   * Open the records of the peer that lives in `dir`. One process at a time.
   *
   * @throws {RayswarmError} `ERR_STORE_LOCKED`, `ERR_DISK_FULL`, `ERR_NOT_WRITABLE`
   */
  static async open(dir: string): Promise<LevelStore> {
    const level = new ClassicLevel<string, Uint8Array>(join(dir, 'records'), { valueEncoding: 'view' })
    try {
      await level.open()
    } catch (error) {
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
      if (cause?.code !== 'LEVEL_LOCKED') throw diskFailure(cause ?? error, 'data directory', dir)
      throw new RayswarmError('ERR_STORE_LOCKED', `another process is using the data directory ${dir}`, {
        thing: 'data directory',
        value: dir,
        remedy: 'Stop the other process, or give this one its own directory with --data.',
        cause
      })
    }
    return new LevelStore(dir, level)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#level.get(key)
    return value && plain(value)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.#write({ type: 'put', key, value })
  }

  delete(key: string): Promise<void> {
    return this.#write({ type: 'del', key })
  }

  async *list(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    for await (const [key, value] of this.#level.iterator({ gte: prefix, lt: `${prefix}${LAST}` }))
      yield [key, plain(value)]
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => undefined)
    await this.#writing
    await this.#level.close()
  }

  /** Whatever comes while the disk is busy goes there at once, when it is its turn: a witness is asked by many at a time. */
  #write(change: Change): Promise<void> {
    this.#waiting.push(change)
    this.#next ??= this.#writing.then(() => this.#flush())
    return this.#next
  }

  async #flush(): Promise<void> {
    const changes = this.#waiting
    this.#waiting = []
    this.#next = undefined
    const written = this.#level.batch(changes, { sync: true })
    this.#writing = written.catch(() => undefined)
    try {
      await written
    } catch (error) {
      throw diskFailure(error, 'data directory', this.#dir)
    }
  }
}

/** LevelDB hands out Buffers, whose methods differ from those of the plain arrays that were put in. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
