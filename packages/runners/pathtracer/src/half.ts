const single = new Float32Array(1)
const bits = new Uint32Array(single.buffer)

/** Bits of the nearest half-precision number; ties go to the even one, too large ones to infinity. */
export function halfBits(value: number): number {
  single[0] = value
  const word = bits[0]!
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // Below 2^-14: a subnormal, counted in steps of 2^-24.
    const steps = Math.abs(single[0]!) * 16_777_216
    const floor = Math.floor(steps)
    const rest = steps - floor
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0))
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}
