/** Integer-hashed lattice noise: the same numbers on every machine, no state. */

import type { Vec3 } from './geometry.ts'

/** Uniform in [0, 1), a pure function of its arguments. */
export function hash(x: number, y: number, z: number, seed: number): number {
  let h =
    Math.imul(x, 0x8da6b343) ^
    Math.imul(y, 0xd8163841) ^
    Math.imul(z, 0xcb1ab31f) ^
    Math.imul(seed, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}

const smooth = (t: number) => t * t * t * (t * (t * 6 - 15) + 10)
const mix = (a: number, b: number, t: number) => a + (b - a) * t
const wrap = (i: number, period: number) => (period === 0 ? i : ((i % period) + period) % period)

/** Value noise in [0, 1). A `period` above 0 makes it repeat in x and y after that many cells. */
export function noise(p: Vec3, seed: number, period = 0): number {
  const [x, y, z] = [Math.floor(p[0]), Math.floor(p[1]), Math.floor(p[2])]
  const [u, v, w] = [smooth(p[0] - x), smooth(p[1] - y), smooth(p[2] - z)]
  const at = (dx: number, dy: number, dz: number) =>
    hash(wrap(x + dx, period), wrap(y + dy, period), z + dz, seed)
  const layer = (dz: number) => mix(mix(at(0, 0, dz), at(1, 0, dz), u), mix(at(0, 1, dz), at(1, 1, dz), u), v)
  return w === 0 ? layer(0) : mix(layer(0), layer(1), w)
}

/** Sum of octaves, each twice as fine and half as strong, scaled to [0, 1). */
export function fractal(p: Vec3, octaves: number, seed: number, period = 0): number {
  let sum = 0
  let weight = 0
  for (let o = 0; o < octaves; o++) {
    const k = 1 << o
    sum += noise([p[0] * k, p[1] * k, p[2] * k], seed + o, period * k) / k
    weight += 1 / k
  }
  return sum / weight
}
