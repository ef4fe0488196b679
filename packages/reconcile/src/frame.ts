import type { Decoded } from '@rayswarm/interface'
import { RECON_FRAME_SIZE_BYTES_MAX } from '@rayswarm/params'
import { canonical, decodeRaw } from '@rayswarm/wire'
import { FINGERPRINT_SIZE_BYTES } from './id-set.ts'
import { type Bound, compareBounds, ID_SIZE_BYTES, START } from './ids.ts'

/** What one peer says about a range. */
export type Claim =
  | { readonly kind: 'fingerprint'; readonly fingerprint: Uint8Array }
  /** All ids of the speaker in the range. */
  | { readonly kind: 'ids'; readonly ids: readonly Uint8Array[] }
  /** Against the ids the other listed: those the speaker lacks, and those that only the speaker has. */
  | {
      readonly kind: 'difference'
      readonly lacked: readonly Uint8Array[]
      readonly only: readonly Uint8Array[]
    }

/** A range that is not settled yet. */
export interface Range {
  readonly low: Bound
  /** Where the next range begins; absent for the last one. */
  readonly high?: Bound
  readonly claim: Claim
}

/** Ranges in one frame, settled ones between them included: each costs its reader two walks through a tree. */
const RANGE_COUNT_MAX = 4_096
/** A settled range up to the rest, its bound, the rest's fingerprint and a settled range behind it. */
const REST_SIZE_BYTES = 1 + 2 + ID_SIZE_BYTES + 1 + FINGERPRINT_SIZE_BYTES + 1
const HEAD_SIZE_BYTES = 3

/**
 * Puts ranges into one frame until it is full: `[claim, bound, claim, bound, …, claim]`, null for settled ranges.
 *
 * There is always room for one last fingerprint of everything that did not fit.
 */
export class FrameWriter {
  readonly #items: unknown[] = []
  #sizeBytes = HEAD_SIZE_BYTES
  /** Where the latest range ended; absent at the end of the id space. */
  #end: Bound | undefined = START

  constructor(readonly sizeBytesMax: number) {}

  /** False if the range has no room any more, beside the rest's fingerprint. */
  put({ low, high, claim }: Range): boolean {
    const skip = this.#end === undefined || compareBounds(this.#end, low) < 0
    const sizeBytes =
      (skip ? 1 + sizeOf(low) : 0) + claimSizeOf(claim) + (high === undefined ? 0 : sizeOf(high))
    if (this.#sizeBytes + sizeBytes + REST_SIZE_BYTES > this.sizeBytesMax) return false
    if (this.#items.length / 2 + 3 > RANGE_COUNT_MAX) return false
    this.#push(low, high, claim)
    this.#sizeBytes += sizeBytes
    return true
  }

  /** Ids that a difference beginning at `low` has room for. */
  roomForIds(low: Bound): number {
    const overhead = 1 + sizeOf(low) + 1 + 2 * HEAD_SIZE_BYTES + 2 + ID_SIZE_BYTES
    const room = this.sizeBytesMax - this.#sizeBytes - REST_SIZE_BYTES - overhead
    return Math.max(0, Math.floor(room / ID_SIZE_BYTES))
  }

  /** Leave everything from `low` on to the next frame. Nothing can follow. */
  putRest(low: Bound, fingerprint: Uint8Array): void {
    this.#push(low, undefined, { kind: 'fingerprint', fingerprint })
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  bytes(): Uint8Array {
    const items = this.isEmpty || this.#end === undefined ? this.#items : [...this.#items, null]
    return canonical(items)
  }

  #push(low: Bound, high: Bound | undefined, claim: Claim): void {
    if (this.#end === undefined || compareBounds(this.#end, low) > 0)
      throw new RangeError('ranges out of order')
    if (compareBounds(this.#end, low) < 0) this.#items.push(null, low)
    this.#items.push(encoded(claim))
    if (high !== undefined) this.#items.push(high)
    this.#end = high
  }
}

/**
 * The unsettled ranges of a frame. Never throws.
 *
 * @param differences whether the frame answers one of ours: only then may it claim differences
 */
export function decodeFrame(bytes: Uint8Array, differences: boolean): Decoded<readonly Range[]> {
  if (bytes.length > RECON_FRAME_SIZE_BYTES_MAX)
    return { ok: false, fault: 'oversized', detail: `${bytes.length} bytes` }
  const items = decodeRaw(bytes)?.value
  if (!Array.isArray(items)) return malformed('not a list')
  if (items.length === 0) return { ok: true, value: [] }
  if (items.length % 2 === 0) return malformed('the last range has an end')
  if (items.length / 2 > RANGE_COUNT_MAX) return malformed('too many ranges')

  const ranges: Range[] = []
  let low = START
  for (let i = 0; i < items.length; i += 2) {
    const high: unknown = items[i + 1]
    if (i + 1 < items.length && !isBound(high, low)) return malformed(`bound ${i >> 1}`)
    if (items[i] === null) {
      if (items[i + 2] === null || items.length === 1) return malformed('settled ranges not joined')
    } else {
      const claim = claimOf(items[i], low, high as Bound | undefined, differences)
      if (claim === undefined) return malformed(`range ${i >> 1}`)
      ranges.push({ low, ...(high !== undefined && { high: high as Bound }), claim })
    }
    low = high as Bound
  }
  return { ok: true, value: ranges }
}

function malformed(detail: string): Decoded<never> {
  return { ok: false, fault: 'malformed', detail }
}

function isBound(value: unknown, low: Bound): value is Bound {
  return (
    value instanceof Uint8Array &&
    value.length <= ID_SIZE_BYTES &&
    value.at(-1) !== 0 &&
    compareBounds(low, value) < 0
  )
}

function claimOf(
  value: unknown,
  low: Bound,
  high: Bound | undefined,
  differences: boolean
): Claim | undefined {
  if (value instanceof Uint8Array) {
    if (value.length === FINGERPRINT_SIZE_BYTES) return { kind: 'fingerprint', fingerprint: value }
    const ids = idsOf(value, low, high)
    return ids && { kind: 'ids', ids }
  }
  if (!differences || !Array.isArray(value) || value.length !== 2) return undefined
  const lacked = idsOf(value[0], low, high)
  const only = idsOf(value[1], low, high)
  if (lacked === undefined || only === undefined || lacked.length + only.length === 0) return undefined
  return { kind: 'difference', lacked, only }
}

/** Ids one after the other, ascending, inside the range. */
function idsOf(value: unknown, low: Bound, high: Bound | undefined): Uint8Array[] | undefined {
  if (!(value instanceof Uint8Array) || value.length % ID_SIZE_BYTES !== 0) return undefined
  const ids: Uint8Array[] = []
  for (let i = 0; i < value.length; i += ID_SIZE_BYTES) {
    const id = value.slice(i, i + ID_SIZE_BYTES)
    const before = ids.at(-1)
    if (before === undefined ? compareBounds(id, low) < 0 : compareBounds(before, id) >= 0) return undefined
    ids.push(id)
  }
  const last = ids.at(-1)
  return last !== undefined && high !== undefined && compareBounds(last, high) >= 0 ? undefined : ids
}

function encoded(claim: Claim): Uint8Array | Uint8Array[] {
  if (claim.kind === 'fingerprint') return claim.fingerprint
  return claim.kind === 'ids' ? joined(claim.ids) : [joined(claim.lacked), joined(claim.only)]
}

function joined(ids: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_SIZE_BYTES)
  for (const [i, id] of ids.entries()) bytes.set(id, i * ID_SIZE_BYTES)
  return bytes
}

function claimSizeOf(claim: Claim): number {
  if (claim.kind === 'fingerprint') return 1 + FINGERPRINT_SIZE_BYTES
  if (claim.kind === 'ids') return HEAD_SIZE_BYTES + claim.ids.length * ID_SIZE_BYTES
  return 1 + 2 * HEAD_SIZE_BYTES + (claim.lacked.length + claim.only.length) * ID_SIZE_BYTES
}

function sizeOf(bound: Bound): number {
  return 2 + bound.length
}
