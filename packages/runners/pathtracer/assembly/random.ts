// Randomness is a function of (seed, frame, pixel, sample, dimension): Sobol points, Owen-scrambled by hashing
// (Burley 2020, "Practical Hash-based Owen Scrambling"), with the hash of N. Vegdahl.

/** Dimension pairs of one path vertex. */
export const PAIRS_PER_VERTEX: u32 = 5

let seedOfPixel: u32 = 0
let reversedIndex: u32 = 0
let vertexBase: u32 = 0

/** The two numbers of the latest `draw`, in [0, 1). */
export let randomX: f32 = 0
export let randomY: f32 = 0

// @ts-ignore: decorator
@inline
export function mix32(v: u32): u32 {
  let h = v
  h ^= h >> 16
  h *= 0x21f0aaad
  h ^= h >> 15
  h *= 0x735a2d97
  h ^= h >> 15
  return h
}

// @ts-ignore: decorator
@inline
function reverse(v: u32): u32 {
  let r = v
  r = ((r >> 1) & 0x55555555) | ((r & 0x55555555) << 1)
  r = ((r >> 2) & 0x33333333) | ((r & 0x33333333) << 2)
  r = ((r >> 4) & 0x0f0f0f0f) | ((r & 0x0f0f0f0f) << 4)
  r = ((r >> 8) & 0x00ff00ff) | ((r & 0x00ff00ff) << 8)
  return (r >> 16) | (r << 16)
}

/** Owen scrambling of a bit-reversed number. */
// @ts-ignore: decorator
@inline
function scramble(v: u32, seed: u32): u32 {
  let r = v
  r ^= r * 0x3d20adea
  r += seed
  r *= (seed >> 16) | 1
  r ^= r * 0x05526c56
  r ^= r * 0x53a22864
  return r
}

/** Product with the second Sobol matrix: Pascal's triangle modulo two, as a sum over supersets. */
// @ts-ignore: decorator
@inline
function pascal(v: u32): u32 {
  let r = v
  r ^= (r >> 1) & 0x55555555
  r ^= (r >> 2) & 0x33333333
  r ^= (r >> 4) & 0x0f0f0f0f
  r ^= (r >> 8) & 0x00ff00ff
  r ^= (r >> 16) & 0x0000ffff
  return r
}

// @ts-ignore: decorator
@inline
function unit(v: u32): f32 {
  return <f32>(v >> 8) * <f32>(1.0 / 16777216.0)
}

let seedOfFrame: u32 = 0
let indexBits: u32 = 0
let firstIndex: u32 = 0
let ordered: bool = true

/** Bits that number `count` things. */
function bitsFor(count: u32): u32 {
  return count > 1 ? 32 - clz<u32>(count - 1) : 0
}

/** Bits of a 16-bit number, moved to the even places. */
function part(v: u32): u32 {
  let r = v & 0xffff
  r = (r | (r << 8)) & 0x00ff00ff
  r = (r | (r << 4)) & 0x0f0f0f0f
  r = (r | (r << 2)) & 0x33333333
  return (r | (r << 1)) & 0x55555555
}

/**
 * Pixels share one sequence along a Z-shaped curve, so that neighbours complete each other and noise is fine-grained
 * (Ahmed, Wonka 2020); pictures too big for 32 bits get a sequence per pixel.
 */
export function startFrame(seed: u32, frame: u32, edge: u32, samples: u32): void {
  seedOfFrame = mix32(mix32(seed + 0x9e3779b9) ^ frame)
  indexBits = bitsFor(samples)
  ordered = indexBits + 2 * bitsFor(edge) <= 32
}

export function startPixel(column: u32, row: u32): void {
  if (ordered) {
    seedOfPixel = seedOfFrame
    firstIndex = (part(column) | (part(row) << 1)) << indexBits
  } else {
    seedOfPixel = mix32(mix32(seedOfFrame + column) ^ (row + 0x7f4a7c15))
    firstIndex = 0
  }
}

export function startSample(index: u32): void {
  reversedIndex = reverse(firstIndex + index)
  vertexBase = 0
}

/** Draws from now on belong to path vertex `vertex`; the camera is vertex 0. */
// @ts-ignore: decorator
@inline
export function startVertex(vertex: u32): void {
  vertexBase = vertex * PAIRS_PER_VERTEX
}

/** Bit reversal of each of four words. */
// @ts-ignore: decorator
@inline
function reverse4(v: v128): v128 {
  const nibbles = i8x16(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)
  const low = i8x16.swizzle(nibbles, v128.and(v, i8x16.splat(15)))
  const high = i8x16.swizzle(nibbles, v128.and(i16x8.shr_u(v, 4), i8x16.splat(15)))
  const bytes = v128.or(i16x8.shl(low, 4), high)
  return i8x16.shuffle(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
}

/** Set `randomX` and `randomY` from dimension pair `pair` of the current vertex. */
export function draw(pair: u32): void {
  const h = mix32(seedOfPixel + (vertexBase + pair) * 0x9e3779b1)
  const shuffled = reverse(scramble(reversedIndex, h))
  // Both coordinates side by side: the same steps as `scramble`, on two lanes.
  const seeds = i32x4.replace_lane(i32x4.splat(mix32(h ^ 0x68bc21eb)), 1, mix32(h ^ 0x02e5be93))
  let r = i32x4.replace_lane(i32x4.splat(shuffled), 1, pascal(shuffled))
  r = v128.xor(r, i32x4.mul(r, i32x4.splat(0x3d20adea)))
  r = i32x4.add(r, seeds)
  r = i32x4.mul(r, v128.or(i32x4.shr_u(seeds, 16), i32x4.splat(1)))
  r = v128.xor(r, i32x4.mul(r, i32x4.splat(0x05526c56)))
  r = v128.xor(r, i32x4.mul(r, i32x4.splat(0x53a22864)))
  const u = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(reverse4(r), 8)), f32x4.splat(<f32>(1.0 / 16777216.0)))
  randomX = f32x4.extract_lane(u, 0)
  randomY = f32x4.extract_lane(u, 1)
}

/** A hash of the current sample and `salt`, in [0, 1): for choices made in any order, such as alpha tests. */
export function chance(salt: u32): f32 {
  return unit(mix32(mix32(seedOfPixel ^ reversedIndex) + salt * 0x9e3779b1 + vertexBase))
}
