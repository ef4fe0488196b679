/**
 * The strict signature rule of spec/wire.md#signatures, as far as bytes alone decide it.
 *
 * Verifiers in the field disagree on degenerate keys and signatures. A ledger that everybody folds alike needs one answer.
 */

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const SIGNATURE_SIZE_BYTES = 64
const POINT_SIZE_BYTES = 32

/** y-coordinates of the points of order 1, 2, 4 and 8. */
const ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022n
const SMALL_ORDER_Y: readonly bigint[] = [1n, P - 1n, 0n, ORDER_8_Y, P - ORDER_8_Y]
const SMALL_ORDER = SMALL_ORDER_Y.map(y => littleEndian(y))
const P_BYTES = littleEndian(P)
const L_BYTES = littleEndian(L)

/** 64 bytes, `R` an acceptable point encoding, `S < L`. */
export function isStrictSignature(signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_SIZE_BYTES &&
    isStrictPoint(signature.subarray(0, POINT_SIZE_BYTES)) &&
    isBelow(signature, POINT_SIZE_BYTES, L_BYTES, 0xff)
  )
}

/** 32 bytes, `y < p`, not of small order. Whether it is on the curve is for the equation to find out. */
export function isStrictPoint(point: Uint8Array): boolean {
  if (point.length !== POINT_SIZE_BYTES) return false
  if (!isBelow(point, 0, P_BYTES, 0x7f)) return false
  return !SMALL_ORDER.some(y => isSameY(point, y))
}

/** Compare 32 little-endian bytes, the highest masked (an encoded point has its sign there), with a bound. */
function isBelow(bytes: Uint8Array, offset: number, bound: Uint8Array, highMask: number): boolean {
  for (let i = POINT_SIZE_BYTES - 1; i >= 0; i--) {
    const byte = bytes[offset + i]! & (i === POINT_SIZE_BYTES - 1 ? highMask : 0xff)
    if (byte !== bound[i]!) return byte < bound[i]!
  }
  return false
}

function isSameY(point: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < POINT_SIZE_BYTES - 1; i++) if (point[i] !== y[i]) return false
  return (point[POINT_SIZE_BYTES - 1]! & 0x7f) === y[POINT_SIZE_BYTES - 1]
}

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(POINT_SIZE_BYTES)
  for (let i = 0, rest = value; i < POINT_SIZE_BYTES; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}
