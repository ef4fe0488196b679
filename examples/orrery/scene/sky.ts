/** What lies around the terrace: an evening sky, warm at the sun and blue overhead, and hills beyond the water. */

import { dot, normalize, polar, TAU, type Vec3 } from './geometry.ts'
import { fractal } from './noise.ts'

/** Towards the sun: low, behind the orrery, left of the picture's middle. */
export const SUN_DIRECTION: Vec3 = normalize(polar(1, Math.PI + 0.86, 0.24))

type Radiance = Vec3

const ZENITH: Radiance = [0.12, 0.2, 0.45]
const MIDDLE: Radiance = [0.24, 0.3, 0.56]
const HORIZON_NEAR: Radiance = [1.3, 0.54, 0.2]
const HORIZON_SIDE: Radiance = [0.62, 0.3, 0.26]
/** Opposite the sun: the afterglow that fills the shadows. */
const HORIZON_FAR: Radiance = [1.15, 0.86, 0.9]
const CLOUD_NEAR: Radiance = [1.5, 0.56, 0.26]
const CLOUD_SIDE: Radiance = [0.5, 0.24, 0.24]
/** Where a cloud is too thick to glow. */
const CLOUD_HEART: Radiance = [0.27, 0.17, 0.25]
const HILL: Radiance = [0.045, 0.062, 0.17]
const SEA: Radiance = [0.1, 0.09, 0.1]

const mix = (a: Radiance, b: Radiance, t: number): Radiance => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t
]
const step = (from: number, to: number, x: number) => {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)))
  return t * t * (3 - 2 * t)
}

/** Light from `direction`, which has length one. The disc of the sun itself is not in it. */
function radiance(direction: Vec3): Radiance {
  if (direction[1] < -0.03) return SEA
  const [x, up, z] = direction
  let seen = heavens(direction)
  const haze = heavens(normalize([x, Math.max(0, up) * 0.3 + 0.01, z]))
  for (const { height, frequency, seed, depth } of RANGES) {
    const crest = ridge(Math.atan2(x, z), height, frequency, seed)
    seen = mix(seen, mix(HILL, haze, depth), step(crest + 0.003, crest - 0.003, up))
  }
  return seen
}

/** Hills from far to near. Heights are slopes as seen from the terrace, depth is how much haze lies before them. */
const RANGES = [
  { height: 0.15, frequency: 3, seed: 501, depth: 0.2 },
  { height: 0.1, frequency: 5, seed: 502, depth: 0.06 }
] as const

function ridge(azimuth: number, height: number, frequency: number, seed: number): number {
  const [x, , z] = polar(frequency, azimuth)
  const gap = fractal([x * 0.35 + 9, z * 0.35 + 9, 0], 2, seed + 50)
  const h = fractal([x + 20, z + 20, 0], 5, seed)
  return height * Math.max(0, h * 1.6 - 0.35) * Math.max(0, gap * 2.4 - 0.6) - 0.008
}

function heavens(direction: Vec3): Radiance {
  const up = Math.max(0, direction[1])
  const flat = Math.sqrt(Math.max(1e-9, 1 - direction[1] ** 2)) * Math.sqrt(1 - SUN_DIRECTION[1] ** 2)
  const facing = (direction[0] * SUN_DIRECTION[0] + direction[2] * SUN_DIRECTION[2]) / flat
  const near = step(0.1, 1, facing)
  const horizon = mix(mix(HORIZON_SIDE, HORIZON_NEAR, near), HORIZON_FAR, step(0, 0.9, -facing))
  const low = mix(horizon, MIDDLE, step(0, 0.34, up) ** 0.8)
  const clear = mix(low, ZENITH, step(0.15, 0.95, up))
  const apart = Math.acos(Math.min(1, dot(direction, SUN_DIRECTION)))
  const glow = 1.6 * Math.exp(-((apart / 0.16) ** 2)) + 0.55 * Math.exp(-apart / 0.35)
  const lit: Radiance = [clear[0] + glow, clear[1] + glow * 0.52, clear[2] + glow * 0.2]
  const warmth = Math.min(1, near * near + glow * 0.3)
  const cover = clouds(direction)
  const edge = mix(mix(CLOUD_SIDE, HORIZON_FAR, step(0, 0.9, -facing)), CLOUD_NEAR, warmth)
  return mix(lit, mix(edge, CLOUD_HEART, 0.75 * step(0.35, 0.85, cover) * step(-0.6, 0.2, facing)), cover)
}

/** Cover of a thin layer high up, drawn out by the wind. */
function clouds([x, up, z]: Vec3): number {
  if (up <= 0.01) return 0
  const [px, pz] = [(x / (up + 0.08)) * 0.55, (z / (up + 0.08)) * 1.5]
  const bend = fractal([px * 0.6 + 30, pz * 0.6 + 30, 0], 3, 601)
  const cover = fractal([px + bend * 1.6 + 50, pz + bend * 2.2 + 50, 0], 6, 602)
  return step(0.42, 0.62, cover) * step(0.01, 0.06, up) * 0.85
}

/** The sky as a picture: longitude to the right with -Z in the middle, latitude down, row by row, RGB. */
export function panorama(width: number): Float32Array {
  const height = width / 2
  const pixels = new Float32Array(width * height * 3)
  for (let row = 0; row < height; row++) {
    const latitude = (TAU / 2) * (0.5 - (row + 0.5) / height)
    for (let column = 0; column < width; column++) {
      const longitude = ((column + 0.5) / width - 0.5) * TAU
      const c = Math.cos(latitude)
      pixels.set(
        radiance([c * Math.sin(longitude), Math.sin(latitude), -c * Math.cos(longitude)]),
        (row * width + column) * 3
      )
    }
  }
  return pixels
}
