import type { KadDHT } from '@libp2p/kad-dht'
import {
  type Log,
  RayswarmError,
  type Records,
  type RecordValidator,
  type RequestOptions
} from '@rayswarm/interface'
import { RECORD_SIZE_BYTES_MAX } from '@rayswarm/params'
import { equals } from 'uint8arrays/equals'
import { fromString as toBytes } from 'uint8arrays/from-string'
import { Deadline } from './deadline.ts'
import { RECORD_NAMESPACE } from './names.ts'
import type { RecordStore } from './record-store.ts'

/** Record operations at once. Each asks up to twenty peers. */
const OPERATIONS_MAX = 64
const KEY_CHARS_MAX = 512

/** Records in the DHT. Best effort: the network's failures are counted, not thrown. */
export class DhtRecords implements Records {
  readonly counts = { put: 0, putAcks: 0, putUnstored: 0, got: 0, notFound: 0 }
  readonly #dht: KadDHT
  readonly #store: RecordStore
  readonly #validate: RecordValidator
  readonly #log: Log
  readonly #stopped = new AbortController()
  #open = 0

  constructor(components: { dht: KadDHT; store: RecordStore; validate: RecordValidator; log: Log }) {
    this.#dht = components.dht
    this.#store = components.store
    this.#validate = components.validate
    this.#log = components.log
  }

  stop(): void {
    this.#stopped.abort()
  }

  /**
   * Resolves when the peers closest to the key were asked to keep the value, or when the time is up.
   *
   * @throws {RayswarmError} `ERR_OVERSIZED`, or `ERR_USAGE` for a record that we ourselves would refuse
   */
  async put(key: string, value: Uint8Array, options: RequestOptions): Promise<void> {
    if (value.byteLength > RECORD_SIZE_BYTES_MAX)
      throw new RayswarmError('ERR_OVERSIZED', `a record of ${value.byteLength} bytes is too long`, {
        thing: key,
        value: value.byteLength,
        remedy: `Keep it within ${RECORD_SIZE_BYTES_MAX} bytes.`
      })
    const keyBytes = recordKey(key)
    const judged = this.#validate(key, value)
    if (judged.action !== 'accept') throw refused(key, judged.fault)

    const acks = await this.#within(options, async deadline => {
      if (await this.#store.holdsOther(keyBytes, value)) throw refused(key, 'another value is stored')
      return this.#putRemote(keyBytes, value, deadline)
    })
    this.counts.put++
    this.counts.putAcks += acks ?? 0
    if (!acks) this.counts.putUnstored++
    this.#log.debug('record put', { key, acks: acks ?? 0 })
  }

  async get(key: string, options: RequestOptions): Promise<Uint8Array | undefined> {
    const keyBytes = recordKey(key)
    const found = await this.#within(options, async deadline => {
      const held = await this.#store.heldValue(keyBytes)
      if (held !== undefined && this.#accepts(key, held)) return held
      return this.#getRemote(key, keyBytes, deadline)
    })
    this.counts[found === undefined ? 'notFound' : 'got']++
    return found
  }

  async #putRemote(key: Uint8Array, value: Uint8Array, deadline: Deadline): Promise<number> {
    let acks = 0
    try {
      const events = this.#dht.put(key, value, { signal: deadline.signal })[Symbol.asyncIterator]()
      for (;;) {
        const { done, value: event } = await deadline.race(events.next())
        if (done) return acks
        if (event.name !== 'PEER_RESPONSE' || event.messageName !== 'PUT_VALUE') continue
        if (event.record !== undefined && equals(event.record.value, value)) acks++
      }
    } catch (cause) {
      this.#log.debug('record put cut short', { acks, cause })
      return acks
    }
  }

  async #getRemote(key: string, keyBytes: Uint8Array, deadline: Deadline): Promise<Uint8Array | undefined> {
    const done = new AbortController()
    const stop = (): void => done.abort()
    deadline.signal.addEventListener('abort', stop, { once: true })
    try {
      const events = this.#dht.get(keyBytes, { signal: done.signal })[Symbol.asyncIterator]()
      for (;;) {
        const next = await deadline.race(events.next())
        if (next.done) return undefined
        const event = next.value
        // The first answer that certifies itself is as good as the best of all; waiting for the whole query is what
        // one frozen peer turns into a minute.
        const value =
          event.name === 'VALUE'
            ? event.value
            : event.name === 'PEER_RESPONSE'
              ? event.record?.value
              : undefined
        if (value !== undefined && this.#accepts(key, value)) return value
      }
    } catch (cause) {
      this.#log.debug('record get cut short', { key, cause })
      return undefined
    } finally {
      deadline.signal.removeEventListener('abort', stop)
      stop()
    }
  }

  #accepts(key: string, value: Uint8Array): boolean {
    return value.byteLength <= RECORD_SIZE_BYTES_MAX && this.#validate(key, value).action === 'accept'
  }

  async #within<T>(options: RequestOptions, fn: (deadline: Deadline) => Promise<T>): Promise<T | undefined> {
    if (this.#open >= OPERATIONS_MAX) {
      this.#log.debug('record operation skipped', { open: this.#open })
      return undefined
    }
    this.#open++
    const deadline = new Deadline(options.timeoutMs, [this.#stopped.signal, options.signal])
    try {
      return await fn(deadline)
    } finally {
      deadline.clear()
      this.#open--
    }
  }
}

function recordKey(key: string): Uint8Array {
  if (!key.startsWith(`/${RECORD_NAMESPACE}/`) || key.length > KEY_CHARS_MAX)
    throw new RayswarmError('ERR_USAGE', `${key} is not a record key`, {
      thing: 'record key',
      value: key,
      remedy: `Start it with /${RECORD_NAMESPACE}/ and keep it within ${KEY_CHARS_MAX} characters.`
    })
  return toBytes(key)
}

function refused(key: string, why: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `record ${key} would be refused: ${why}`, {
    thing: 'record',
    value: key,
    remedy: 'Put only records that certify themselves, and each key once.'
  })
}
