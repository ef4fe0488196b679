/**
 * Writes the one encoding of a value: the subset of dag-cbor that the data model has, without links.
 *
 * Equal to `@ipld/dag-cbor` (a test holds the two against each other) at a fraction of its price: peers encode every state they
 * keep and every message they sign.
 */

const MAJOR_UINT = 0x00
const MAJOR_NEGATIVE = 0x20
const MAJOR_BYTES = 0x40
const MAJOR_TEXT = 0x60
const MAJOR_LIST = 0x80
const MAJOR_MAP = 0xa0
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6
const FLOAT_64 = 0xfb
const UINT64_MAX = 2n ** 64n - 1n
const UINT32_SIZE = 2 ** 32
/** Longer texts go through the platform's encoder. */
const SHORT_TEXT_LENGTH_MAX = 96
const SHORT_COPY_SIZE_BYTES_MAX = 32
/** Head of a value: major type and eight bytes. */
const HEAD_SIZE_BYTES_MAX = 9
/**
 * Encodings are cut from slabs, one after the other, like Node's own small buffers: an allocation each would cost as much as the
 * writing. Small enough that one encoding that is kept does not keep much else.
 */
const SLAB_SIZE_BYTES = 16 * 1024

const utf8 = new TextEncoder()
/** Field names, encoded with their heads. There are few of them, and every message is full of them. */
const keys = new Map<string, Uint8Array>()
const KEY_COUNT_MAX = 2_048

let buffer = slab(SLAB_SIZE_BYTES)
let view = new DataView(buffer.buffer)
/** Where the value under way begins; what lies before it belongs to others. */
let start = 0
let position = 0
/** Fields of the maps under way, the innermost last, each map's in order. */
const sortedKeys: Uint8Array[] = []
const sortedNames: string[] = []
let top = 0

/**
 * The bytes of a value. Object fields that are undefined are dropped.
 *
 * @param prefix bytes that come before it
 * @throws {TypeError} if the value has no encoding
 */
export function encodeValue(value: unknown, prefix?: Uint8Array): Uint8Array {
  // What an encoding that failed left behind is written over.
  position = start
  top = 0
  if (prefix !== undefined) append(prefix)
  write(value)
  return cut()
}

/** Two byte strings in one. */
export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  position = start
  append(a)
  append(b)
  return cut()
}

function cut(): Uint8Array {
  const bytes = new Uint8Array(buffer.buffer, start, position - start)
  start = position
  // A slab that one large value was made for is not kept for small ones.
  if (buffer.length > SLAB_SIZE_BYTES) renew(SLAB_SIZE_BYTES)
  return bytes
}

function write(value: unknown): void {
  switch (typeof value) {
    case 'string':
      return writeText(value)
    case 'number':
      return writeNumber(value)
    case 'boolean':
      return writeByte(value ? TRUE : FALSE)
    case 'bigint':
      if (value < 0n || value > UINT64_MAX) throw new TypeError(`amount out of range: ${value}`)
      return value <= BigInt(Number.MAX_SAFE_INTEGER)
        ? writeHead(MAJOR_UINT, Number(value))
        : writeBigHead(MAJOR_UINT, value)
    case 'object':
      if (value === null) return writeByte(NULL)
      if (value instanceof Uint8Array) return writeBytes(value)
      return Array.isArray(value) ? writeList(value) : writeMap(value as Record<string, unknown>)
    default:
      throw new TypeError(`no canonical encoding for ${typeof value}`)
  }
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0) writeHead(MAJOR_UINT, value)
    else writeHead(MAJOR_NEGATIVE, -1 - value)
    return
  }
  if (!Number.isFinite(value)) throw new TypeError(`no canonical encoding for ${value}`)
  reserve(HEAD_SIZE_BYTES_MAX)
  buffer[position] = FLOAT_64
  view.setFloat64(position + 1, value)
  position += HEAD_SIZE_BYTES_MAX
}

function writeText(value: string): void {
  const { length } = value
  if (length <= SHORT_TEXT_LENGTH_MAX && writeAscii(value)) return
  const bytes = utf8.encode(value)
  writeHead(MAJOR_TEXT, bytes.length)
  append(bytes)
}

/** False, and nothing written, when the text is not ASCII. */
function writeAscii(value: string): boolean {
  const { length } = value
  const before = position - start
  writeHead(MAJOR_TEXT, length)
  reserve(length)
  const at = position
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit > 0x7f) {
      position = start + before
      return false
    }
    buffer[at + i] = unit
  }
  position = at + length
  return true
}

function writeBytes(value: Uint8Array): void {
  writeHead(MAJOR_BYTES, value.length)
  append(value)
}

function writeList(items: readonly unknown[]): void {
  writeHead(MAJOR_LIST, items.length)
  // By index: a hole is an undefined item, and has no encoding.
  for (let i = 0; i < items.length; i++) write(items[i])
}

/** Encodings of signed messages inside other values, where a memo is kept: they stand in every state a peer writes. */
const nested = new WeakMap<object, { bytes: Uint8Array | undefined }>()

/** Encode this object once, from now on: nobody will change it. */
export function rememberNested(message: object): void {
  if (!nested.has(message)) nested.set(message, { bytes: undefined })
}

function writeMap(fields: Readonly<Record<string, unknown>>): void {
  const known = fields.signature === undefined ? undefined : nested.get(fields)
  if (known === undefined) return writeFields(fields)
  if (known.bytes !== undefined) return append(known.bytes)
  const before = position - start
  writeFields(fields)
  known.bytes = buffer.slice(start + before, position)
}

function writeFields(fields: Readonly<Record<string, unknown>>): void {
  const base = top
  // Without a list of the keys: there is one such loop per field of every message.
  for (const name in fields) {
    if (fields[name] === undefined || !Object.hasOwn(fields, name)) continue
    const key = keyOf(name)
    // Insertion sort: there are few fields, and what was decoded is in order already.
    let at = top++
    for (; at > base && isBefore(key, sortedKeys[at - 1]!); at--) {
      sortedKeys[at] = sortedKeys[at - 1]!
      sortedNames[at] = sortedNames[at - 1]!
    }
    sortedKeys[at] = key
    sortedNames[at] = name
  }
  const end = top
  writeHead(MAJOR_MAP, end - base)
  for (let i = base; i < end; i++) {
    append(sortedKeys[i]!)
    write(fields[sortedNames[i]!])
  }
  top = base
}

function keyOf(name: string): Uint8Array {
  const known = keys.get(name)
  if (known !== undefined) return known
  const before = position - start
  writeText(name)
  const key = buffer.slice(start + before, position)
  position = start + before
  if (name.length <= SHORT_TEXT_LENGTH_MAX && keys.size < KEY_COUNT_MAX) keys.set(name, key)
  return key
}

/** The shorter key first, then byte by byte. Heads count the bytes, so they order by length on their own. */
function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return a.length < b.length
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!
  return false
}

function writeHead(major: number, argument: number): void {
  reserve(HEAD_SIZE_BYTES_MAX)
  if (argument < 24) {
    buffer[position++] = major | argument
  } else if (argument < 0x100) {
    buffer[position++] = major | 24
    buffer[position++] = argument
  } else if (argument < 0x1_0000) {
    buffer[position++] = major | 25
    buffer[position++] = argument >> 8
    buffer[position++] = argument & 0xff
  } else if (argument < UINT32_SIZE) {
    buffer[position++] = major | 26
    view.setUint32(position, argument)
    position += 4
  } else {
    buffer[position++] = major | 27
    view.setUint32(position, Math.floor(argument / UINT32_SIZE))
    view.setUint32(position + 4, argument % UINT32_SIZE)
    position += 8
  }
}

function writeBigHead(major: number, argument: bigint): void {
  reserve(HEAD_SIZE_BYTES_MAX)
  buffer[position++] = major | 27
  view.setBigUint64(position, argument)
  position += 8
}

function writeByte(byte: number): void {
  reserve(1)
  buffer[position++] = byte
}

function append(bytes: Uint8Array): void {
  const { length } = bytes
  reserve(length)
  // For a few bytes a loop is quicker than the call.
  if (length <= SHORT_COPY_SIZE_BYTES_MAX) for (let i = 0; i < length; i++) buffer[position + i] = bytes[i]!
  else buffer.set(bytes, position)
  position += length
}

function reserve(sizeBytes: number): void {
  if (position + sizeBytes <= buffer.length) return
  renew(Math.max(SLAB_SIZE_BYTES, 2 * (position - start + sizeBytes)))
}

/** Go on in a new slab, with what is written of the value under way. Positions in it are counted from `start`. */
function renew(sizeBytes: number): void {
  const written = buffer.subarray(start, position)
  buffer = slab(sizeBytes)
  buffer.set(written)
  view = new DataView(buffer.buffer)
  start = 0
  position = written.length
}

/** Not filled with zeros first: nobody is given a byte of it that was not written. */
function slab(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer)
}
