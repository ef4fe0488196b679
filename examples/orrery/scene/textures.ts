/** Every picture on a surface, computed from noise and packed as PNG. */

import sharp from 'sharp'
import { TAU, type Vec3 } from './geometry.ts'
import { fractal, noise } from './noise.ts'

type Colour = readonly [number, number, number]

/** A PNG file, ready for the scene. */
export type Png = Uint8Array

const blend = (a: Colour, b: Colour, t: number): Colour => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t
]
const clamp = (x: number) => Math.min(1, Math.max(0, x))
const step = (from: number, to: number, x: number) => {
  const t = clamp((x - from) / (to - from))
  return t * t * (3 - 2 * t)
}

/** Paints `[0, 1]` sRGB values; `u` runs right and `v` down. */
function paint(width: number, height: number, colourAt: (u: number, v: number) => Colour): Buffer {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colourAt((x + 0.5) / width, (y + 0.5) / height)
      for (let c = 0; c < 3; c++) pixels[(y * width + x) * 3 + c] = Math.round(clamp(colour[c]!) * 255)
    }
  }
  return pixels
}

async function pack(pixels: Buffer, width: number, height: number, paletted: boolean): Promise<Png> {
  const image = sharp(pixels, { raw: { width, height, channels: 3 } })
  const png = await image.png({ compressionLevel: 9, palette: paletted, effort: 10 }).toBuffer()
  return new Uint8Array(png)
}

const picture = (width: number, height: number, colourAt: (u: number, v: number) => Colour) =>
  pack(paint(width, height, colourAt), width, height, true)

/** Tangent-space normals of a tileable height field; `strength` is height per texture width. */
function relief(size: number, strength: number, heightAt: (u: number, v: number) => number): Promise<Png> {
  const d = 1 / size
  const pixels = paint(size, size, (u, v) => {
    const dx = ((heightAt(u + d, v) - heightAt(u - d, v)) / (2 * d)) * strength
    const dy = ((heightAt(u, v + d) - heightAt(u, v - d)) / (2 * d)) * strength
    const l = Math.sqrt(dx * dx + dy * dy + 1)
    return [0.5 - (0.5 * dx) / l, 0.5 + (0.5 * dy) / l, 0.5 + 0.5 / l]
  })
  return pack(pixels, size, size, false)
}

/** Stone with veins. The field wraps, so tiles join without a seam. */
export function marble(
  size: number,
  seed: number,
  ground: Colour,
  cloud: Colour,
  vein: Colour
): Promise<Png> {
  const cells = 4
  return picture(size, size, (u, v) => {
    const p: Vec3 = [u * cells, v * cells, 0]
    const warp = fractal(p, 5, seed, cells) - 0.5
    const bend = fractal(p, 4, seed + 20, cells) - 0.5
    const q: Vec3 = [p[0] + warp * 2.6, p[1] + bend * 2.6, 0]
    const ridge = (k: number, s: number) =>
      1 - Math.abs(2 * fractal([q[0] * k, q[1] * k, 0], 4, s, cells * k) - 1)
    const clouds = step(0.35, 0.7, fractal(q, 5, seed + 60, cells))
    const strong = ridge(1, seed + 40) ** 22
    const faint = ridge(2, seed + 50) ** 26 * 0.45
    const grain = noise([u * size * 0.5, v * size * 0.5, 0], seed + 70, size / 2) - 0.5
    const stone = blend(blend(ground, cloud, clouds), vein, clamp(strong * (0.3 + clouds) + faint))
    return [stone[0] + grain * 0.018, stone[1] + grain * 0.018, stone[2] + grain * 0.018]
  })
}

/** Hand-polished stone: faint waves and the odd pit. */
export function stoneRelief(size: number): Promise<Png> {
  return relief(size, 0.004, (u, v) => {
    const waves = fractal([u * 6, v * 6, 0], 3, 301, 6)
    const pits = step(0.74, 0.86, fractal([u * 64, v * 64, 0], 2, 302, 64))
    return waves - pits * 0.12
  })
}

/** Roughness (green) and metalness (blue) of worn polished stone. */
export function stonePolish(size: number): Promise<Png> {
  return picture(size, size, (u, v) => {
    const worn = fractal([u * 5, v * 5, 0], 5, 311, 5)
    return [1, 0.55 + 0.45 * step(0.3, 0.75, worn), 0]
  })
}

/** Hammered metal. */
export function hammeredRelief(size: number): Promise<Png> {
  return relief(size, 0.012, (u, v) => fractal([u * 24, v * 24, 0], 2, 321, 24))
}

/** Ripples for the sea. */
export function waterRelief(size: number): Promise<Png> {
  return relief(size, 0.05, (u, v) => fractal([u * 6, v * 6, 0], 4, 331, 6))
}

function onSphere(u: number, v: number): Vec3 {
  const a = u * TAU
  const ring = Math.sin(v * Math.PI)
  return [ring * Math.sin(a), Math.cos(v * Math.PI), ring * Math.cos(a)]
}

const land = (u: number, v: number) => {
  const [x, y, z] = onSphere(u, v)
  return fractal([x * 1.7 + 7, y * 1.7 + 3, z * 1.7 + 5], 6, 401)
}

/** Lapis seas with golden flecks, and continents of gold leaf. */
export function earthColour(width: number): Promise<Png> {
  return picture(width, width / 2, (u, v) => {
    const [x, y, z] = onSphere(u, v)
    const height = land(u, v)
    const deep = fractal([x * 6, y * 6, z * 6], 4, 411)
    const fleck = step(0.8, 0.86, noise([x * 70, y * 70, z * 70], 412))
    const sea = blend(blend([0.03, 0.1, 0.38], [0.1, 0.28, 0.66], deep), [0.85, 0.68, 0.32], fleck * 0.7)
    return blend(sea, [0.96, 0.77, 0.42], step(0.525, 0.535, height))
  })
}

/** Metal where {@link earthColour} is gold. */
export function earthPolish(width: number): Promise<Png> {
  return picture(width, width / 2, (u, v) => {
    const gold = step(0.525, 0.535, land(u, v))
    return [1, 0.14 + 0.16 * gold, gold]
  })
}

/** Banded agate with one great eye. */
export function agate(width: number): Promise<Png> {
  const bands: readonly Colour[] = [
    [0.52, 0.26, 0.13],
    [0.93, 0.83, 0.68],
    [0.78, 0.49, 0.27],
    [0.97, 0.92, 0.84],
    [0.63, 0.33, 0.18],
    [0.89, 0.72, 0.5]
  ]
  return picture(width, width / 2, (u, v) => {
    const [x, y, z] = onSphere(u, v)
    const swirl = fractal([x * 2.2 + 4, y * 5 + 4, z * 2.2 + 4], 5, 421) - 0.5
    const du = (u - 0.3) / 0.075
    const dv = (v - 0.6) / 0.06
    const eye = Math.exp(-(du * du + dv * dv))
    const t = Math.max(0, v * 11 + swirl * 1.9 + eye * 1.1)
    const i = Math.floor(t)
    const base = blend(bands[i % 6]!, bands[(i + 1) % 6]!, step(0.25, 0.95, t - i))
    return blend(base, [0.7, 0.24, 0.12], step(0.35, 0.8, eye) * 0.8)
  })
}

/** Red jasper with pale polar caps. */
export function jasper(width: number): Promise<Png> {
  return picture(width, width / 2, (u, v) => {
    const [x, y, z] = onSphere(u, v)
    const patches = fractal([x * 2.6 + 2, y * 2.6, z * 2.6], 6, 431)
    const base = blend([0.42, 0.1, 0.05], [0.86, 0.4, 0.19], step(0.3, 0.7, patches))
    return blend(base, [0.95, 0.9, 0.84], step(0.86, 0.93, Math.abs(y) + (patches - 0.5) * 0.2))
  })
}

/** Glowing granules. */
export function sunGlow(width: number): Promise<Png> {
  return picture(width, width / 2, (u, v) => {
    const [x, y, z] = onSphere(u, v)
    const warp = fractal([x * 3, y * 3, z * 3], 4, 441) - 0.5
    const cells = fractal([x * 5 + warp * 3, y * 5 + warp * 3, z * 5 - warp * 3], 5, 442)
    return blend([0.93, 0.42, 0.1], [1, 0.9, 0.6], step(0.28, 0.66, cells))
  })
}
