/**
 * Judges bytes before they are decoded: are they the one encoding of some value?
 *
 * Equal to decoding, encoding again and comparing, which costs five times as much (a test holds the two against each other),
 * and bounded in depth, which a decoder that calls itself is not. spec/wire.md#canonical
 */

export type ScanFault =
  | 'malformed' // not dag-cbor of our data model, cut short, or too deep
  | 'not-canonical' // well-formed, but there is a shorter or better ordered encoding of it

/** The deepest message, a promise with a register in a register, has 15 levels. */
const DEPTH_MAX = 32

const MAJOR_NEGATIVE = 1
const MAJOR_BYTES = 2
const MAJOR_TEXT = 3
const MAJOR_LIST = 4
const MAJOR_MAP = 5
const MAJOR_SIMPLE = 7
const FALSE = 0xf4
const NULL = 0xf6
const FLOAT_16 = 0xf9
const FLOAT_32 = 0xfa
const FLOAT_64 = 0xfb
/** Highest number that one, two, four and eight bytes after the head may not stand for, because fewer would do. */
const UINT8_MAX = 0xff
const UINT16_MAX = 0xffff
const UINT32_MAX = 0xffff_ffff

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What is wrong with the bytes; undefined when nothing is. Never throws. */
export function scan(bytes: Uint8Array): ScanFault | undefined {
  const scanner = new Scanner(bytes)
  if (!scanner.value(0) || scanner.position !== bytes.length) return scanner.fault ?? 'malformed'
  return scanner.fault
}

class Scanner {
  position = 0
  /** Set at once for `malformed`, which ends the scan; kept for `not-canonical`, which does not. */
  fault: ScanFault | undefined
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Scan one value. False when the bytes are malformed. */
  value(depth: number): boolean {
    const head = this.#bytes[this.position]
    if (head === undefined || depth > DEPTH_MAX) return this.#malformed()
    const major = head >> 5
    if (major === MAJOR_SIMPLE) return this.#simple(head)
    const argument = this.#argument(head)
    if (argument < 0) return this.#malformed()
    if (major <= MAJOR_NEGATIVE) return true
    if (major === MAJOR_BYTES) return this.#skip(argument)
    if (major === MAJOR_TEXT) return this.#text(argument)
    if (major === MAJOR_LIST) return this.#list(argument, depth)
    if (major === MAJOR_MAP) return this.#map(argument, depth)
    return this.#malformed() // a tag: the data model has no links
  }

  /** Number that follows the head's major type, or -1. Counts above 2^53 lose digits, but no input is that long. */
  #argument(head: number): number {
    const minor = head & 0x1f
    const at = this.position + 1
    if (minor < 24) {
      this.position = at
      return minor
    }
    if (minor > 27) return -1 // reserved, or of indefinite length
    const sizeBytes = 1 << (minor - 24)
    if (at + sizeBytes > this.#bytes.length) return -1
    this.position = at + sizeBytes
    if (sizeBytes === 1) return this.#shortest(this.#view.getUint8(at), 23)
    if (sizeBytes === 2) return this.#shortest(this.#view.getUint16(at), UINT8_MAX)
    if (sizeBytes === 4) return this.#shortest(this.#view.getUint32(at), UINT16_MAX)
    return this.#shortest(this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4), UINT32_MAX)
  }

  #shortest(argument: number, coveredByFewer: number): number {
    if (argument <= coveredByFewer) this.#notCanonical()
    return argument
  }

  #simple(head: number): boolean {
    this.position++
    if (head >= FALSE && head <= NULL) return true
    if (head === FLOAT_64) {
      if (this.position + 8 > this.#bytes.length) return this.#malformed()
      const number = this.#view.getFloat64(this.position)
      this.position += 8
      if (!Number.isFinite(number)) return this.#malformed()
      if (Number.isSafeInteger(number)) this.#notCanonical()
      return true
    }
    if (head !== FLOAT_16 && head !== FLOAT_32) return this.#malformed()
    this.#notCanonical()
    return this.#skip(head === FLOAT_16 ? 2 : 4)
  }

  #text(length: number): boolean {
    const from = this.position
    if (!this.#skip(length)) return false
    for (let i = from; i < this.position; i++) if (this.#bytes[i]! >= 0x80) return this.#unicode(from)
    return true
  }

  /** Text beyond ASCII: valid UTF-8, and no byte order mark at its start, which decoders drop. */
  #unicode(from: number): boolean {
    const text = this.#bytes.subarray(from, this.position)
    if (text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf) this.#notCanonical()
    try {
      utf8.decode(text)
    } catch {
      this.#notCanonical()
    }
    return true
  }

  #list(count: number, depth: number): boolean {
    for (let i = 0; i < count; i++) if (!this.value(depth + 1)) return false
    return true
  }

  #map(count: number, depth: number): boolean {
    let before = -1
    let beforeEnd = -1
    for (let i = 0; i < count; i++) {
      const from = this.position
      if (this.#bytes[from]! >> 5 !== MAJOR_TEXT || !this.value(depth + 1)) return this.#malformed()
      const end = this.position
      if (before >= 0 && !this.#ascends(before, beforeEnd, from, end)) this.#notCanonical()
      before = from
      beforeEnd = end
      if (!this.value(depth + 1)) return false
    }
    return true
  }

  /** Whether one key's encoding comes before the next one's: the shorter first, then byte by byte. Equal keys do not. */
  #ascends(a: number, aEnd: number, b: number, bEnd: number): boolean {
    if (aEnd - a !== bEnd - b) return aEnd - a < bEnd - b
    for (let i = 0; a + i < aEnd; i++)
      if (this.#bytes[a + i] !== this.#bytes[b + i]) return this.#bytes[a + i]! < this.#bytes[b + i]!
    return false
  }

  #skip(sizeBytes: number): boolean {
    if (this.position + sizeBytes > this.#bytes.length) return this.#malformed()
    this.position += sizeBytes
    return true
  }

  #malformed(): false {
    this.fault = 'malformed'
    return false
  }

  #notCanonical(): void {
    this.fault ??= 'not-canonical'
  }
}
