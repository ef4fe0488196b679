import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

/** What may happen in a virtual world. */
export type TraceKind =
  | 'boot'
  | 'crash'
  | 'stop'
  | 'pause'
  | 'resume'
  | 'send'
  | 'deliver'
  | 'drop'
  | 'cut'
  | 'heal'
  | 'write'
  | 'delete'
  | 'event'

/** One thing that happened. */
export interface TraceRecord {
  readonly atMs: number
  readonly kind: TraceKind
  /** A peer, or whatever else it happened to. */
  readonly who: string
  /** Protocol, topic, key or event. */
  readonly about: string
  /** The other end of a message. */
  readonly to?: string
  /** A message's, or a record's. */
  readonly bytes?: Uint8Array
}

/** Bytes of a message or a record that go into the hash: its length, and this many words spread over it. */
const SAMPLE_COUNT = 8
const TAIL_LENGTH = 24
/** Peer ids have 52 characters. */
const SHORT_LENGTH_MAX = 64
const MIX_A = 0x9e3779b1
const MIX_B = 0x85ebca6b

/**
 * Everything that happened in one world, in order: hashed as it goes by, and kept by nobody unless somebody listens.
 *
 * Two worlds with equal hashes went the same way; the hash is no defence against anybody who wants two to collide.
 */
export class Trace {
  readonly #nowMs: () => number
  readonly #onRecord: ((record: TraceRecord) => void) | undefined
  readonly #marks = new Map<string, number>()
  readonly #time = new Float64Array(1)
  readonly #timeWords = new Uint32Array(this.#time.buffer)
  #a = 1
  #b = 2
  #count = 0

  constructor(init: { readonly nowMs: () => number; readonly onRecord?: (record: TraceRecord) => void }) {
    this.#nowMs = init.nowMs
    this.#onRecord = init.onRecord
  }

  /** Records so far. */
  get count(): number {
    return this.#count
  }

  add(kind: TraceKind, who: string, about: string, to?: string, bytes?: Uint8Array): void {
    const atMs = this.#nowMs()
    this.#count++
    this.#time[0] = atMs
    this.#mix(this.#timeWords[0]!)
    this.#mix(this.#timeWords[1]!)
    this.#mix(this.#markOf(kind))
    this.#mix(this.#markOf(who))
    this.#mix(this.#markOf(about))
    if (to !== undefined) this.#mix(this.#markOf(to))
    if (bytes !== undefined) this.#mixBytes(bytes)
    this.#onRecord?.({
      atMs,
      kind,
      who,
      about,
      ...(to === undefined ? {} : { to }),
      ...(bytes === undefined ? {} : { bytes })
    })
  }

  /** sha-256 over all records so far, as 64 hex digits. */
  hash(): string {
    const words = Uint32Array.of(this.#a, this.#b, this.#count)
    return bytesToHex(sha256(new Uint8Array(words.buffer)))
  }

  #mix(word: number): void {
    const a = Math.imul(this.#a ^ word, MIX_A)
    const b = Math.imul((this.#b + word) ^ (a >>> 15), MIX_B)
    this.#a = (a << 13) | (a >>> 19)
    this.#b = (b << 7) | (b >>> 25)
  }

  #mixBytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.#mix(length)
    // The end first: what is signed last, and the type of a message, stand there.
    for (let i = 0; i < SAMPLE_COUNT; i++) {
      const at = length - 4 - Math.floor((i * length) / SAMPLE_COUNT)
      if (at < 0) break
      this.#mix(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    }
  }

  /** A text as one word. Short ones come again and again; long ones are keys of records, each its own. */
  #markOf(text: string): number {
    if (text.length > SHORT_LENGTH_MAX) return markOf(text)
    let mark = this.#marks.get(text)
    if (mark === undefined) {
      mark = markOf(text)
      this.#marks.set(text, mark)
    }
    return mark
  }
}

/** The end of a long text is what tells it from others. */
function markOf(text: string): number {
  let mark = text.length
  for (let i = Math.max(0, text.length - TAIL_LENGTH); i < text.length; i++)
    mark = Math.imul(mark ^ text.charCodeAt(i), MIX_A) ^ (mark >>> 13)
  return mark
}
