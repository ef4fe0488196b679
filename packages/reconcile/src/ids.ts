/** Bytes of an id: it is a sha2-256. */
export const ID_SIZE_BYTES = 32
/** 32-bit words of an id, the most significant first. */
export const ID_WORDS = 8

/** A range begins at the first id that is not below its bound: an id cut short, without zeros at its end. */
export type Bound = Uint8Array

/** The bound below all ids. */
export const START: Bound = new Uint8Array(0)

/** Write a bound or an id as words. */
export function wordsOf(bound: Bound, words: Uint32Array = new Uint32Array(ID_WORDS)): Uint32Array {
  words.fill(0)
  for (let i = 0; i < bound.length; i++) {
    const word = i >> 2
    words[word] = words[word]! | (bound[i]! << (24 - ((i & 3) << 3)))
  }
  return words
}

/** The id whose words begin at `offset`. */
export function idAt(words: Uint32Array, offset: number): Uint8Array {
  const id = new Uint8Array(ID_SIZE_BYTES)
  for (let i = 0; i < ID_SIZE_BYTES; i++) id[i] = words[offset + (i >> 2)]! >>> (24 - ((i & 3) << 3))
  return id
}

/** Below zero when the id at `offset` of `a` comes before the one at `offsetB` of `b`. */
export function compareWords(a: Uint32Array, offset: number, b: Uint32Array, offsetB: number): number {
  for (let i = 0; i < ID_WORDS; i++) {
    const difference = a[offset + i]! - b[offsetB + i]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Order of bounds and ids: byte by byte, zeros behind the end. */
export function compareBounds(a: Bound, b: Bound): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** The shortest bound that parts an id from the one before it. */
export function boundBetween(before: Uint8Array, id: Uint8Array): Bound {
  let same = 0
  while (before[same] === id[same]) same++
  return id.slice(0, same + 1)
}

/** The bound at which exactly this id begins. */
export function boundAt(id: Uint8Array): Bound {
  let length = id.length
  while (length > 0 && id[length - 1] === 0) length--
  return id.slice(0, length)
}
