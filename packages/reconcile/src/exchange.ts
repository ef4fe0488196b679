import type { Decoded } from '@rayswarm/interface'
import { RECON_FRAME_SIZE_BYTES_MAX } from '@rayswarm/params'
import { bytesEqual } from '@rayswarm/wire'
import { decodeFrame, FrameWriter, type Range } from './frame.ts'
import type { IdSet } from './id-set.ts'
import { type Bound, boundAt, boundBetween, compareBounds, START } from './ids.ts'

/** Bounds of one frame. */
export interface FrameOptions {
  /** At least 4 KiB, at most and by default `RECON_FRAME_SIZE_BYTES_MAX`. */
  readonly sizeBytesMax?: number
}

/** What the one who opened an exchange learns from an answer. */
export interface Finding {
  /** The next frame to send; absent when the exchange is over. */
  readonly frame?: Uint8Array
  /** Ids of ours that the other lacks. Until items move, a later round may name an id again. */
  readonly have: readonly Uint8Array[]
  /** Ids of the other's that we lack. */
  readonly want: readonly Uint8Array[]
}

/** Parts that a range is split into, at most. These numbers are a choice: any split is a valid answer. */
const PART_COUNT_MAX = 8
/** …and ids in each of them, on average, at least. */
const IDS_PER_PART_MIN = 4
/** Ranges of this many ids or fewer are listed, not split. */
const LISTED_COUNT_MAX = 8
const FRAME_SIZE_BYTES_MIN = 4 * 1024
/** Differences one answer may reveal. More of them are left to the next round. */
const FOUND_COUNT_MAX = 4_096
const CUT_SIZE_BYTES_MAX = 4

/**
 * The first frame of an exchange.
 *
 * @param cut a few random bytes: the id space is compared in two parts that meet there, so that nobody can prepare ids whose
 * sums agree by design
 * @see spec/reconcile.md#exchange
 */
export function open(set: IdSet, cut?: Uint8Array): Uint8Array {
  const writer = new FrameWriter(FRAME_SIZE_BYTES_MIN)
  const middle = boundAt((cut ?? START).subarray(0, CUT_SIZE_BYTES_MAX))
  if (middle.length > 0) writer.put(fingerprinted(set, START, middle))
  writer.putRest(middle, set.fingerprint(set.rankOf(middle), set.size))
  return writer.bytes()
}

/**
 * Answer a frame. Keeps nothing between two frames, so they may come twice, late or never. Never throws on what the frame holds.
 *
 * @see spec/reconcile.md#answering
 */
export function answer(set: IdSet, frame: Uint8Array, options?: FrameOptions): Decoded<Uint8Array> {
  const ranges = decodeFrame(frame, false)
  if (!ranges.ok) return ranges
  const writer = new FrameWriter(sizeBytesMaxOf(options))
  for (const range of ranges.value) {
    const rest =
      range.claim.kind === 'ids'
        ? putDifference(set, range, range.claim.ids, writer)
        : putNarrower(set, range, writer)
    if (rest === undefined) continue
    putRest(set, rest, writer)
    break
  }
  return { ok: true, value: writer.bytes() }
}

/** What an answer tells the one who opened the exchange, and how to go on. Never throws on what the frame holds. */
export function proceed(set: IdSet, frame: Uint8Array, options?: FrameOptions): Decoded<Finding> {
  const ranges = decodeFrame(frame, true)
  if (!ranges.ok) return ranges
  const writer = new FrameWriter(sizeBytesMaxOf(options))
  const have: Uint8Array[] = []
  const want: Uint8Array[] = []
  for (const range of ranges.value) {
    const { claim } = range
    let rest: Bound | undefined
    if (claim.kind === 'fingerprint') rest = putNarrower(set, range, writer)
    else if (claim.kind === 'ids') {
      const room = FOUND_COUNT_MAX - have.length - want.length
      const found = difference(set, range, claim.ids, room)
      have.push(...found.only)
      want.push(...found.lacked)
      rest = found.rest
    } else {
      // The answerer says so, but both sets may have changed since, and it may say anything.
      have.push(...claim.lacked.filter(id => set.has(id)))
      want.push(...claim.only.filter(id => !set.has(id)))
    }
    if (rest === undefined) continue
    putRest(set, rest, writer)
    break
  }
  return { ok: true, value: { ...(!writer.isEmpty && { frame: writer.bytes() }), have, want } }
}

function sizeBytesMaxOf(options: FrameOptions | undefined): number {
  const sizeBytesMax = options?.sizeBytesMax ?? RECON_FRAME_SIZE_BYTES_MAX
  if (!(sizeBytesMax >= FRAME_SIZE_BYTES_MIN && sizeBytesMax <= RECON_FRAME_SIZE_BYTES_MAX))
    throw new RangeError(
      `frames have ${FRAME_SIZE_BYTES_MIN} to ${RECON_FRAME_SIZE_BYTES_MAX} bytes: ${sizeBytesMax}`
    )
  return sizeBytesMax
}

function fingerprinted(set: IdSet, low: Bound, high: Bound): Range {
  const fingerprint = set.fingerprint(set.rankOf(low), set.rankOf(high))
  return { low, high, claim: { kind: 'fingerprint', fingerprint } }
}

function putRest(set: IdSet, low: Bound, writer: FrameWriter): void {
  writer.putRest(low, set.fingerprint(set.rankOf(low), set.size))
}

/** Where a range that differs is split or listed, as far as there is room. Answers where the rest begins, if there is one. */
function putNarrower(set: IdSet, { low, high, claim }: Range, writer: FrameWriter): Bound | undefined {
  const from = set.rankOf(low)
  const to = high === undefined ? set.size : set.rankOf(high)
  if (claim.kind === 'fingerprint' && bytesEqual(claim.fingerprint, set.fingerprint(from, to)))
    return undefined
  const end = high && { high }
  if (to - from <= LISTED_COUNT_MAX) {
    const listed: Range = { low, ...end, claim: { kind: 'ids', ids: set.slice(from, to) } }
    return writer.put(listed) ? undefined : low
  }
  const partCount = Math.min(PART_COUNT_MAX, Math.ceil((to - from) / IDS_PER_PART_MIN))
  let begin = low
  for (let part = 1, rank = from; part <= partCount; part++) {
    const next = from + Math.floor(((to - from) * part) / partCount)
    const bound = part === partCount ? end : { high: boundBetween(set.at(next - 1), set.at(next)) }
    const fingerprint = set.fingerprint(rank, next)
    if (!writer.put({ low: begin, ...bound, claim: { kind: 'fingerprint', fingerprint } })) return begin
    if (bound === undefined) break
    begin = bound.high
    rank = next
  }
  return undefined
}

/** Compare what the other lists with what we have. Answers where the rest begins, if not everything has room. */
function putDifference(
  set: IdSet,
  range: Range,
  theirs: readonly Uint8Array[],
  writer: FrameWriter
): Bound | undefined {
  const { low, high } = range
  const { lacked, only, rest } = difference(set, range, theirs, writer.roomForIds(low))
  if (lacked.length + only.length === 0) return rest
  const end = rest ?? high
  const put = writer.put({ low, ...(end && { high: end }), claim: { kind: 'difference', lacked, only } })
  return put ? rest : low
}

interface Difference {
  readonly lacked: Uint8Array[]
  readonly only: Uint8Array[]
  /** Where the part begins that was not compared, for want of room. */
  readonly rest?: Bound
}

function difference(
  set: IdSet,
  { low, high }: Range,
  theirs: readonly Uint8Array[],
  room: number
): Difference {
  const lacked: Uint8Array[] = []
  const only: Uint8Array[] = []
  const to = high === undefined ? set.size : set.rankOf(high)
  let rank = set.rankOf(low)
  let index = 0
  while (rank < to || index < theirs.length) {
    const ours = rank < to ? set.at(rank) : undefined
    const their = theirs[index]
    const order = ours === undefined ? 1 : their === undefined ? -1 : compareBounds(ours, their)
    if (order !== 0 && lacked.length + only.length >= room)
      return { lacked, only, rest: boundAt(order < 0 ? ours! : their!) }
    if (order < 0) only.push(ours!)
    if (order > 0) lacked.push(their!)
    if (order <= 0) rank++
    if (order >= 0) index++
  }
  return { lacked, only }
}
