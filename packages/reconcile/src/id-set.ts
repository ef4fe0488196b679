import { sha256 } from '@rayswarm/wire'
import { type Bound, compareWords, ID_SIZE_BYTES, ID_WORDS, idAt, wordsOf } from './ids.ts'

/** Bytes of a fingerprint. */
export const FINGERPRINT_SIZE_BYTES = 16
/** Full nodes split in two, so they are half full or more unless ids were deleted. */
const LEAF_COUNT_MAX = 64
const CHILD_COUNT_MAX = 32
const TWO_32 = 2 ** 32
const COUNT_SIZE_BYTES = 8

/** A piece of the set: its ids, in order, or pieces that follow each other. */
interface Piece {
  /** Not above any id of this piece, above every id of the piece before it. The first of its siblings may hold lower ones. */
  readonly low: Uint32Array
  /** Ids in it. */
  count: number
  /** Their sum modulo 2^256. */
  readonly sum: Uint32Array
  /** Ids one after the other, of a leaf. */
  readonly ids: Uint32Array | undefined
  readonly children: Piece[]
}

/**
 * An ordered set of 32-byte ids that knows the fingerprint of each of its ranges.
 *
 * A B+ tree with counts and sums in its nodes: adding, deleting, ranking and fingerprints cost a walk from the root to a leaf.
 */
export class IdSet {
  #root = leaf(new Uint32Array(ID_WORDS))
  /** Where the latest sum ended: ranges of a frame follow each other, so each bound is asked for twice. */
  #summedRank = 0
  #summed = new Uint32Array(ID_WORDS)
  readonly #words = new Uint32Array(ID_WORDS)

  constructor(ids: Iterable<Uint8Array> = []) {
    for (const id of ids) this.add(id)
  }

  get size(): number {
    return this.#root.count
  }

  has(id: Uint8Array): boolean {
    return this.#has(this.#wordsOf(id))
  }

  /**
   * Whether the id is new.
   *
   * @throws {RangeError} if it has not 32 bytes
   */
  add(id: Uint8Array): boolean {
    const words = this.#wordsOf(id)
    if (this.#has(words)) return false
    this.#summedRank = -1
    if (isFull(this.#root)) {
      const root = inner(new Uint32Array(ID_WORDS), [this.#root])
      splitChild(root, 0)
      this.#root = root
    }
    for (let piece = this.#root; ; ) {
      piece.count++
      addTo(piece.sum, words)
      if (piece.ids !== undefined) {
        insert(piece, piece.ids, words)
        return true
      }
      let index = childIndex(piece, words)
      if (isFull(piece.children[index]!)) {
        splitChild(piece, index)
        if (compareWords(words, 0, piece.children[index + 1]!.low, 0) >= 0) index++
      }
      piece = piece.children[index]!
    }
  }

  /** Whether the id was there. */
  delete(id: Uint8Array): boolean {
    const words = this.#wordsOf(id)
    if (!this.#has(words)) return false
    this.#summedRank = -1
    if (this.#root.count === 1) {
      this.#root = leaf(new Uint32Array(ID_WORDS))
      return true
    }
    for (let piece = this.#root; ; ) {
      piece.count--
      subtractFrom(piece.sum, words)
      if (piece.ids !== undefined) {
        remove(piece, piece.ids, words)
        return true
      }
      const index = childIndex(piece, words)
      const child = piece.children[index]!
      if (child.count === 1) {
        piece.children.splice(index, 1)
        return true
      }
      piece = child
    }
  }

  /** Number of ids below a bound. */
  rankOf(bound: Bound): number {
    const words = wordsOf(bound, this.#words)
    let rank = 0
    for (let piece = this.#root; ; ) {
      if (piece.ids !== undefined) return rank + position(piece.ids, piece.count, words)
      const index = childIndex(piece, words)
      for (let i = 0; i < index; i++) rank += piece.children[i]!.count
      piece = piece.children[index]!
    }
  }

  /**
   * The id that so many are below.
   *
   * @throws {RangeError} if there are not more than `rank`
   */
  at(rank: number): Uint8Array {
    if (!(rank >= 0 && rank < this.size)) throw new RangeError(`no id at ${rank} of ${this.size}`)
    let left = rank
    for (let piece = this.#root; ; ) {
      if (piece.ids !== undefined) return idAt(piece.ids, left * ID_WORDS)
      let index = 0
      for (; left >= piece.children[index]!.count; index++) left -= piece.children[index]!.count
      piece = piece.children[index]!
    }
  }

  /** Ids from one rank up to, not including, another. */
  slice(from: number, to: number): Uint8Array[] {
    return Array.from({ length: to - from }, (_, i) => this.at(from + i))
  }

  /** The first 16 bytes of `sha256(sum of the ids modulo 2^256 ‖ their number)`. @see spec/reconcile.md#fingerprint */
  fingerprint(from: number, to: number): Uint8Array {
    const below = this.#sumBelow(from)
    const sum = this.#sumBelow(to).slice()
    this.#summedRank = to
    this.#summed = sum.slice()
    subtractFrom(sum, below)
    const bytes = new Uint8Array(ID_SIZE_BYTES + COUNT_SIZE_BYTES)
    bytes.set(idAt(sum, 0))
    new DataView(bytes.buffer).setBigUint64(ID_SIZE_BYTES, BigInt(to - from))
    return sha256(bytes).slice(0, FINGERPRINT_SIZE_BYTES)
  }

  /** The ids in order. Do not change the set meanwhile. */
  *[Symbol.iterator](): Generator<Uint8Array> {
    yield* idsOf(this.#root)
  }

  /** Sum of the first `rank` ids. */
  #sumBelow(rank: number): Uint32Array {
    if (rank === this.#summedRank) return this.#summed
    if (rank === this.size) return this.#root.sum
    // Words are added apart from each other and carried at the end: doubles hold two million of them exactly.
    const total = new Float64Array(ID_WORDS)
    let left = rank
    for (let piece = this.#root; left > 0; ) {
      if (piece.ids !== undefined) {
        for (let i = 0; i < left * ID_WORDS; i++) total[i & 7] = total[i & 7]! + piece.ids[i]!
        break
      }
      let index = 0
      for (; left >= piece.children[index]!.count; index++) {
        const { count, sum } = piece.children[index]!
        for (let i = 0; i < ID_WORDS; i++) total[i] = total[i]! + sum[i]!
        left -= count
        if (left === 0) break
      }
      piece = piece.children[index]!
    }
    return carried(total)
  }

  #has(words: Uint32Array): boolean {
    let piece = this.#root
    while (piece.ids === undefined) piece = piece.children[childIndex(piece, words)]!
    const index = position(piece.ids, piece.count, words)
    return index < piece.count && compareWords(piece.ids, index * ID_WORDS, words, 0) === 0
  }

  #wordsOf(id: Uint8Array): Uint32Array {
    if (id.length !== ID_SIZE_BYTES)
      throw new RangeError(`an id has ${ID_SIZE_BYTES} bytes, not ${id.length}`)
    return wordsOf(id, this.#words)
  }
}

function leaf(low: Uint32Array): Piece {
  const ids = new Uint32Array(LEAF_COUNT_MAX * ID_WORDS)
  return { low, count: 0, sum: new Uint32Array(ID_WORDS), ids, children: [] }
}

function inner(low: Uint32Array, children: Piece[]): Piece {
  const piece: Piece = { low, count: 0, sum: new Uint32Array(ID_WORDS), ids: undefined, children }
  for (const child of children) {
    piece.count += child.count
    addTo(piece.sum, child.sum)
  }
  return piece
}

function* idsOf(piece: Piece): Generator<Uint8Array> {
  if (piece.ids === undefined) for (const child of piece.children) yield* idsOf(child)
  else for (let i = 0; i < piece.count; i++) yield idAt(piece.ids, i * ID_WORDS)
}

function isFull(piece: Piece): boolean {
  return piece.ids === undefined ? piece.children.length === CHILD_COUNT_MAX : piece.count === LEAF_COUNT_MAX
}

/** Which child an id belongs to: the last one that begins at or below it. */
function childIndex({ children }: Piece, words: Uint32Array): number {
  let low = 1
  let high = children.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareWords(children[middle]!.low, 0, words, 0) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Where an id is in a leaf, or would be. */
function position(ids: Uint32Array, count: number, words: Uint32Array): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareWords(ids, middle * ID_WORDS, words, 0) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Put an id, which `count` includes already, in its place. */
function insert(piece: Piece, ids: Uint32Array, words: Uint32Array): void {
  const index = position(ids, piece.count - 1, words)
  ids.copyWithin((index + 1) * ID_WORDS, index * ID_WORDS, (piece.count - 1) * ID_WORDS)
  ids.set(words, index * ID_WORDS)
}

/** Take out an id that `count` does not include any more. */
function remove(piece: Piece, ids: Uint32Array, words: Uint32Array): void {
  const index = position(ids, piece.count + 1, words)
  ids.copyWithin(index * ID_WORDS, (index + 1) * ID_WORDS, (piece.count + 1) * ID_WORDS)
}

/** Move the upper half of a full child into a new one behind it. */
function splitChild(parent: Piece, index: number): void {
  const child = parent.children[index]!
  parent.children.splice(
    index + 1,
    0,
    child.ids === undefined ? splitInner(child) : splitLeaf(child, child.ids)
  )
}

function splitLeaf(piece: Piece, ids: Uint32Array): Piece {
  const kept = piece.count >> 1
  const upper = leaf(ids.slice(kept * ID_WORDS, (kept + 1) * ID_WORDS))
  upper.count = piece.count - kept
  upper.ids!.set(ids.subarray(kept * ID_WORDS, piece.count * ID_WORDS))
  for (let i = 0; i < upper.count; i++) addTo(upper.sum, upper.ids!, i * ID_WORDS)
  piece.count = kept
  subtractFrom(piece.sum, upper.sum)
  return upper
}

function splitInner(piece: Piece): Piece {
  const children = piece.children.splice(piece.children.length >> 1)
  const upper = inner(children[0]!.low, children)
  piece.count -= upper.count
  subtractFrom(piece.sum, upper.sum)
  return upper
}

function addTo(sum: Uint32Array, words: Uint32Array, offset = 0): void {
  let carry = 0
  for (let i = ID_WORDS - 1; i >= 0; i--) {
    const word = sum[i]! + words[offset + i]! + carry
    sum[i] = word
    carry = word >= TWO_32 ? 1 : 0
  }
}

function subtractFrom(sum: Uint32Array, words: Uint32Array): void {
  let borrow = 0
  for (let i = ID_WORDS - 1; i >= 0; i--) {
    const word = sum[i]! - words[i]! - borrow
    sum[i] = word
    borrow = word < 0 ? 1 : 0
  }
}

function carried(total: Float64Array): Uint32Array {
  const sum = new Uint32Array(ID_WORDS)
  let carry = 0
  for (let i = ID_WORDS - 1; i >= 0; i--) {
    const word = total[i]! + carry
    carry = Math.floor(word / TWO_32)
    sum[i] = word - carry * TWO_32
  }
  return sum
}
