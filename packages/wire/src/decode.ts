import { BoundedMap } from './bounded-map.ts'

/**
 * Reads a value from bytes that {@link scan} found to be the one encoding of one: nothing is checked twice.
 *
 * Equal to `@ipld/dag-cbor` (a test holds the two against each other) at a fraction of its price.
 */

const MAJOR_UINT = 0
const MAJOR_NEGATIVE = 1
const MAJOR_BYTES = 2
const MAJOR_TEXT = 3
const MAJOR_LIST = 4
const MAJOR_MAP = 5
const FALSE = 0xf4
const TRUE = 0xf5
const FLOAT_64 = 0xfb
const UINT32_SIZE = 2 ** 32
/** Field names, names of kinds, and ids of jobs and peers are at most this long: read from a table, one text for all that say it. */
const NAME_LENGTH_MAX = 64
const LATIN_1: (this: Uint8Array, from: number, to: number) => string = Buffer.prototype.latin1Slice

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
/** Short texts by a hash of their bytes. One that collides with another is read the long way. */
const names = new BoundedMap<number, string>(4_096)

/** The value of canonical bytes. Undefined behaviour, but no harm, for others: scan them first. */
export function decodeScanned(bytes: Uint8Array): unknown {
  return new Reader(bytes).value()
}

class Reader {
  #position = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  value(): unknown {
    const head = this.#bytes[this.#position++]!
    switch (head >> 5) {
      case MAJOR_UINT:
        return this.#integer(head)
      case MAJOR_NEGATIVE:
        return this.#negative(head)
      case MAJOR_BYTES: {
        const sizeBytes = this.#count(head)
        this.#position += sizeBytes
        return this.#bytes.slice(this.#position - sizeBytes, this.#position)
      }
      case MAJOR_TEXT:
        return this.#text(this.#count(head))
      case MAJOR_LIST:
        return this.#list(this.#count(head))
      case MAJOR_MAP:
        return this.#map(this.#count(head))
      default:
        return this.#simple(head)
    }
  }

  #count(head: number): number {
    const minor = head & 0x1f
    if (minor < 24) return minor
    const at = this.#position
    this.#position += 1 << (minor - 24)
    if (minor === 24) return this.#bytes[at]!
    if (minor === 25) return this.#view.getUint16(at)
    if (minor === 26) return this.#view.getUint32(at)
    return this.#view.getUint32(at) * UINT32_SIZE + this.#view.getUint32(at + 4)
  }

  #integer(head: number): number | bigint {
    const count = this.#count(head)
    return count <= Number.MAX_SAFE_INTEGER ? count : this.#view.getBigUint64(this.#position - 8)
  }

  #negative(head: number): number | bigint {
    const count = this.#count(head)
    return count < Number.MAX_SAFE_INTEGER ? -1 - count : -1n - this.#view.getBigUint64(this.#position - 8)
  }

  #simple(head: number): boolean | number | null {
    if (head === TRUE) return true
    if (head === FALSE) return false
    if (head !== FLOAT_64) return null
    this.#position += 8
    return this.#view.getFloat64(this.#position - 8)
  }

  #text(length: number): string {
    const from = this.#position
    const to = from + length
    this.#position = to
    const bytes = this.#bytes
    let hash = length
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!
      if (byte > 0x7f) return utf8.decode(bytes.subarray(from, to))
      hash = (Math.imul(hash, 0x01000193) ^ byte) | 0
    }
    if (length > NAME_LENGTH_MAX) return LATIN_1.call(bytes, from, to)
    const known = names.get(hash)
    if (known !== undefined && isAt(known, bytes, from, length)) return known
    const text = LATIN_1.call(bytes, from, to)
    if (known === undefined) names.set(hash, text)
    return text
  }

  #list(count: number): unknown[] {
    const items: unknown[] = []
    for (let i = 0; i < count; i++) items.push(this.value())
    return items
  }

  #map(count: number): Record<string, unknown> {
    const fields: Record<string, unknown> = {}
    for (let i = 0; i < count; i++) {
      const name = this.value() as string
      const value = this.value()
      // An assignment would set the prototype, and the field would be gone.
      if (name === '__proto__')
        Object.defineProperty(fields, name, { value, configurable: true, enumerable: true, writable: true })
      else fields[name] = value
    }
    return fields
  }
}

function isAt(text: string, bytes: Uint8Array, from: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}
