import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Record } from '@libp2p/kad-dht'
import { RayswarmError } from '@rayswarm/interface'
import { LevelDatastore } from 'datastore-level'
import { equals } from 'uint8arrays/equals'
import { toString as toText } from 'uint8arrays/to-string'

type Key = Parameters<LevelDatastore['get']>[0]

/** Where kad-dht keeps value records. */
export const DHT_PREFIX = '/dht'
const RECORD_PREFIX = `${DHT_PREFIX}/record/`
/** kad-dht serves a record for this long; it deletes it only when somebody asks. */
const RECORD_AGE_MS_MAX = 48 * 3_600_000
/** Records kept for others. Only valid ones are stored, so this is a bound on honest load. */
export const RECORD_COUNT_MAX = 200_000

/**
 * A datastore on disk, with one rule added: a DHT record is written once.
 *
 * kad-dht runs its validator before the write, not with it, and never asks the selector. The rule therefore has to sit
 * where the write happens: two writers that race past the validator cannot both succeed here.
 */
export class RecordStore extends LevelDatastore {
  /** Tail of the writes to each key that has one under way. */
  readonly #tails = new Map<string, Promise<unknown>>()
  #recordCount = 0
  #closed = false

  /**
   * @throws {RayswarmError} `ERR_STORE_LOCKED` when another process has it open
   */
  static async openAt(dir: string): Promise<RecordStore> {
    const path = join(dir, 'libp2p')
    mkdirSync(path, { recursive: true })
    const store = new RecordStore(path)
    try {
      await store.db.open()
    } catch (cause) {
      throw new RayswarmError('ERR_STORE_LOCKED', `the data directory ${dir} is in use or damaged`, {
        thing: 'data directory',
        value: dir,
        remedy: 'Stop the other process that uses it, or choose another data directory.',
        cause
      })
    }
    await store.#sweepRecords()
    return store
  }

  override async put(
    key: Key,
    value: Uint8Array,
    options?: Parameters<LevelDatastore['put']>[2]
  ): Promise<Key> {
    if (this.#closed) return key
    const name = key.toString()
    if (!name.startsWith(RECORD_PREFIX)) return super.put(key, value, options)
    const before = this.#tails.get(name) ?? Promise.resolve()
    const write = before.then(() => this.#putOnce(key, value))
    const tail = write
      .catch(() => {})
      .finally(() => {
        if (this.#tails.get(name) === tail) this.#tails.delete(name)
      })
    this.#tails.set(name, tail)
    return write
  }

  override async get(key: Key, options?: Parameters<LevelDatastore['get']>[1]): Promise<Uint8Array> {
    if (this.#closed) throw Object.assign(new Error('the store is closed'), { name: 'NotFoundError' })
    return super.get(key, options)
  }

  override async delete(key: Key, options?: Parameters<LevelDatastore['delete']>[1]): Promise<void> {
    if (this.#closed) return
    const counted = key.toString().startsWith(RECORD_PREFIX) && (await this.has(key))
    await super.delete(key, options)
    if (counted) this.#recordCount--
  }

  /** From now on nothing is found and nothing is kept: parts of libp2p, and of what shares it, write while they stop. */
  override async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#tails.values())
    await super.close()
  }

  /** The value stored here under a record's key. */
  async heldValue(recordKey: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#valueAt(`${RECORD_PREFIX}${toText(recordKey, 'base32')}`)
  }

  /** True when a different value is already stored under the key. */
  async holdsOther(recordKey: Uint8Array, value: Uint8Array): Promise<boolean> {
    const held = await this.heldValue(recordKey)
    return held !== undefined && !equals(held, value)
  }

  async #valueAt(name: string): Promise<Uint8Array | undefined> {
    const bytes = await (this.db.get(name) as Promise<unknown>).catch(() => undefined)
    return bytes instanceof Uint8Array ? parse(bytes)?.value : undefined
  }

  async #putOnce(key: Key, value: Uint8Array): Promise<Key> {
    const offered = parse(value)
    if (offered === undefined) throw new Error('not a record')
    const held = await this.#valueAt(key.toString())
    if (held !== undefined && !equals(held, offered.value)) throw new Error('a record is written once')
    if (held === undefined) {
      if (this.#recordCount >= RECORD_COUNT_MAX) throw new Error('no room for more records')
      this.#recordCount++
    }
    return super.put(key, value)
  }

  /** Drop what is too old to be served, and count the rest. */
  async #sweepRecords(): Promise<void> {
    const oldestMs = Date.now() - RECORD_AGE_MS_MAX
    for await (const { key, value } of this.query({ prefix: RECORD_PREFIX })) {
      this.#recordCount++
      const receivedMs = parse(value)?.timeReceived?.getTime() ?? 0
      if (receivedMs < oldestMs) await this.delete(key)
    }
  }
}

function parse(bytes: Uint8Array): Record | undefined {
  try {
    return Record.deserialize(bytes)
  } catch {
    return undefined
  }
}
