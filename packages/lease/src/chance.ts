import { canonical, sha256 } from '@rayswarm/wire'

const FRACTION_BITS = 96n
/** ln 2 in units of 2^-96, rounded down. */
const LN_2 = 54_916_777_467_707_473_351_141_471_128n
const UNIT_BITS = 64
const UNIT = 1n << BigInt(UNIT_BITS)

/** Exponential variates are integers in these units, so that every machine computes the same ones. */
export const EXPONENTIAL_ONE: bigint = 1n << FRACTION_BITS

/** First 8 bytes of a hash as an integer below 2^64. */
export function fractionOf(hash: Uint8Array): bigint {
  return new DataView(hash.buffer, hash.byteOffset, 8).getBigUint64(0)
}

/** 2^64: what {@link fractionOf} is a fraction of. */
export const FRACTION_ONE: bigint = UNIT

/**
 * A unit exponential variate from a hash: `-ln((h + 1) / 2^64)` for its first 8 bytes `h`, in units of 2^-96.
 *
 * Integers only: -ln y = 2 atanh((1 - y) / (1 + y)) after y was brought into (1/2, 1] by doubling, every division rounded down.
 * Strictly decreasing in `h`: two neighbours are 2^-64 apart or more, and all roundings together stay below 2^-88.
 *
 * @see spec/lease.md#chance
 */
export function exponentialOf(hash: Uint8Array): bigint {
  const h = fractionOf(hash)
  const doublings = h === 0n ? UNIT_BITS : UNIT_BITS - h.toString(2).length
  const y = (h + 1n) << BigInt(doublings)

  const z = ((UNIT - y) << FRACTION_BITS) / (UNIT + y)
  const square = (z * z) >> FRACTION_BITS
  let sum = z
  let power = (z * square) >> FRACTION_BITS
  for (let k = 3n; power > 0n; k += 2n) {
    sum += power / k
    power = (power * square) >> FRACTION_BITS
  }
  return BigInt(doublings) * LN_2 + 2n * sum
}

/** Hashes of `[...fields, last]`, for many last fields: the others are encoded once. */
export function hashesOf(fields: readonly unknown[]): (last: string) => Uint8Array {
  // An empty text is one byte, and the last one.
  const head = canonical([...fields, '']).slice(0, -1)
  return last => sha256(head, canonical(last))
}
