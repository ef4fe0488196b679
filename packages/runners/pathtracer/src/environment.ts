import { RayswarmError } from '@rayswarm/interface'
import { COARSE_EDGE } from '../assembly/layout.ts'
import { atan2, cos, PI, sin } from './exact-math.ts'

const EDGE_MAX = 1024
/** Directions averaged per texel, along each side. */
const OVERSAMPLING = 2
const HDR_EDGE_MAX = 16_384

/** A picture of the whole sphere: longitude to the right, latitude down, linear RGB. */
export interface Panorama {
  readonly widthPx: number
  readonly heightPx: number
  readonly pixels: Float32Array
}

/** An environment in the form the kernel reads. */
export interface EnvironmentMap {
  readonly edge: number
  /** Mean luminance over the sphere. */
  readonly mean: number
  readonly bytes: Uint8Array
}

function unreadable(name: string, why: string): RayswarmError {
  return new RayswarmError('ERR_SCENE_UNSUPPORTED', `the environment ${name} cannot be read: ${why}`, {
    thing: 'environment',
    value: name,
    remedy: 'Save it as a Radiance picture (.hdr, RGBE, equirectangular).'
  })
}

/** Decode a Radiance picture (RGBE, with or without run lengths). */
export function readRadiance(name: string, bytes: Uint8Array): Panorama {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1')
  if (!head.startsWith('#?')) throw unreadable(name, 'not a Radiance picture')
  const size = /\n-Y (\d+) \+X (\d+)\n/.exec(head)
  if (size === null) throw unreadable(name, 'its size line is missing or unusual')
  const format = /\nFORMAT=(\S+)/.exec(head)
  if (format !== null && format[1] !== '32-bit_rle_rgbe') throw unreadable(name, `format ${format[1]}`)
  const heightPx = Number(size[1])
  const widthPx = Number(size[2])
  if (widthPx < 1 || heightPx < 1 || widthPx > HDR_EDGE_MAX || heightPx > HDR_EDGE_MAX)
    throw unreadable(name, `${widthPx} × ${heightPx} pixels`)
  const pixels = new Float32Array(widthPx * heightPx * 3)
  const row = new Uint8Array(widthPx * 4)
  let at = size.index + size[0].length
  for (let y = 0; y < heightPx; y++) {
    at = readRow(bytes, at, row, widthPx)
    if (at < 0) throw unreadable(name, 'it is cut off')
    for (let x = 0; x < widthPx; x++) {
      const exponent = row[widthPx * 3 + x]!
      const scale = exponent === 0 ? 0 : powerOfTwo(exponent - 136)
      const target = (y * widthPx + x) * 3
      for (let k = 0; k < 3; k++) {
        const mantissa = row[widthPx * k + x]!
        pixels[target + k] = mantissa * scale
      }
    }
  }
  return { widthPx, heightPx, pixels }
}

function powerOfTwo(k: number): number {
  let value = 1
  for (let i = 0; i < Math.abs(k); i++) value *= k < 0 ? 0.5 : 2
  return value
}

/** One scan line into four planes; returns where the next begins, or -1. */
function readRow(bytes: Uint8Array, start: number, row: Uint8Array, widthPx: number): number {
  let at = start
  const packed = widthPx >= 8 && widthPx < 32_768 && bytes[at] === 2 && bytes[at + 1] === 2
  if (!packed) {
    if (at + widthPx * 4 > bytes.length) return -1
    for (let x = 0; x < widthPx; x++) for (let k = 0; k < 4; k++) row[k * widthPx + x] = bytes[at++]!
    return at
  }
  at += 4
  for (let k = 0; k < 4; k++) {
    for (let x = 0; x < widthPx; ) {
      const count = bytes[at++]
      if (count === undefined || at >= bytes.length) return -1
      const repeat = count > 128
      const length = repeat ? count - 128 : count
      if (length === 0 || x + length > widthPx) return -1
      for (let i = 0; i < length; i++) row[k * widthPx + x++] = repeat ? bytes[at]! : (bytes[at + i] ?? 0)
      at += repeat ? 1 : length
    }
  }
  return at
}

/** Colour from a direction, interpolated. The middle of the picture is -Z, to the right of it lies +X. */
function look(panorama: Panorama, x: number, y: number, z: number, out: Float64Array): void {
  const { widthPx, heightPx, pixels } = panorama
  const u = (atan2(x, -z) / (2 * PI) + 0.5) * widthPx - 0.5
  const v = (0.5 - atan2(y, Math.sqrt(x * x + z * z)) / PI) * heightPx - 0.5
  const i = Math.floor(u)
  const j = Math.floor(v)
  const fu = u - i
  const fv = v - j
  const column = (k: number): number => ((k % widthPx) + widthPx) % widthPx
  const line = (k: number): number => Math.min(Math.max(k, 0), heightPx - 1) * widthPx
  const a = (line(j) + column(i)) * 3
  const b = (line(j) + column(i + 1)) * 3
  const c = (line(j + 1) + column(i)) * 3
  const d = (line(j + 1) + column(i + 1)) * 3
  for (let k = 0; k < 3; k++) {
    const top = pixels[a + k]! + (pixels[b + k]! - pixels[a + k]!) * fu
    const bottom = pixels[c + k]! + (pixels[d + k]! - pixels[c + k]!) * fu
    out[k]! += top + (bottom - top) * fv
  }
}

/** Direction (not unit) of a point of the octahedral square, both coordinates in -1..1. */
function unfold(a: number, b: number): readonly [number, number, number] {
  const up = 1 - Math.abs(a) - Math.abs(b)
  if (up >= 0) return [a, up, b]
  return [(1 - Math.abs(b)) * (a < 0 ? -1 : 1), up, (1 - Math.abs(a)) * (b < 0 ? -1 : 1)]
}

/** Bring a panorama into octahedral squares: a fine one to look at, a coarse one to be lit by. */
export function environmentMap(panorama: Panorama, intensity: number, rotation: number): EnvironmentMap {
  let edge = COARSE_EDGE
  while (edge < EDGE_MAX && edge < panorama.heightPx) edge *= 2
  const coarseAt = edge * edge * 16
  const bytes = new Uint8Array(coarseAt + COARSE_EDGE * COARSE_EDGE * 20 + COARSE_EDGE * 4)
  const fine = new Float32Array(bytes.buffer, 0, edge * edge * 4)
  const [c, s] = [cos(rotation), sin(rotation)]
  const colour = new Float64Array(3)
  for (let j = 0; j < edge; j++) {
    for (let i = 0; i < edge; i++) {
      colour.fill(0)
      for (let n = 0; n < OVERSAMPLING * OVERSAMPLING; n++) {
        const a = ((i + ((n % OVERSAMPLING) + 0.5) / OVERSAMPLING) / edge) * 2 - 1
        const b = ((j + (Math.floor(n / OVERSAMPLING) + 0.5) / OVERSAMPLING) / edge) * 2 - 1
        const [x, y, z] = unfold(a, b)
        look(panorama, x * c - z * s, y, x * s + z * c, colour)
      }
      const target = (j * edge + i) * 4
      for (let k = 0; k < 3; k++) fine[target + k] = (colour[k]! * intensity) / (OVERSAMPLING * OVERSAMPLING)
    }
  }
  const coarse = new Float32Array(bytes.buffer, coarseAt, COARSE_EDGE * COARSE_EDGE * 4)
  reduce(fine, edge, coarse)
  return { edge, mean: tabulate(bytes, coarseAt, coarse), bytes }
}

/** Mean of the fine texels under each coarse one. */
function reduce(fine: Float32Array, edge: number, coarse: Float32Array): void {
  const ratio = edge / COARSE_EDGE
  for (let j = 0; j < COARSE_EDGE; j++) {
    for (let i = 0; i < COARSE_EDGE; i++) {
      for (let k = 0; k < 3; k++) {
        let sum = 0
        for (let n = 0; n < ratio * ratio; n++) {
          const row = j * ratio + Math.floor(n / ratio)
          sum += fine[(row * edge + i * ratio + (n % ratio)) * 4 + k]!
        }
        coarse[(j * COARSE_EDGE + i) * 4 + k] = sum / (ratio * ratio)
      }
    }
  }
}

/** Solid angle of a texel, per area of the square of side 2. */
function density(edge: number, i: number, j: number): number {
  const [x, y, z] = unfold(((i + 0.5) / edge) * 2 - 1, ((j + 0.5) / edge) * 2 - 1)
  const r2 = x * x + y * y + z * z
  return 1 / (r2 * Math.sqrt(r2))
}

/** Fill in the probabilities; returns the mean luminance. */
function tabulate(bytes: Uint8Array, coarseAt: number, texels: Float32Array): number {
  const edge = COARSE_EDGE
  const brightness = new Float64Array(edge * edge)
  for (let i = 0; i < edge * edge; i++) {
    brightness[i] = 0.2126 * texels[i * 4]! + 0.7152 * texels[i * 4 + 1]! + 0.0722 * texels[i * 4 + 2]!
  }
  // The kernel interpolates between texels: weigh each by what its square then holds.
  const at = (i: number, j: number): number =>
    brightness[Math.min(Math.max(j, 0), edge - 1) * edge + Math.min(Math.max(i, 0), edge - 1)]!
  const across = (i: number, j: number): number => (at(i - 1, j) + 6 * at(i, j) + at(i + 1, j)) / 8
  const weights = new Float64Array(edge * edge)
  let total = 0
  let solidAngle = 0
  let light = 0
  for (let j = 0; j < edge; j++) {
    for (let i = 0; i < edge; i++) {
      const d = density(edge, i, j)
      const weight = ((across(i, j - 1) + 6 * across(i, j) + across(i, j + 1)) / 8) * d
      weights[j * edge + i] = weight
      total += weight
      solidAngle += d
      light += brightness[j * edge + i]! * d
    }
  }
  const rows = new Float32Array(bytes.buffer, coarseAt + edge * edge * 16, edge)
  const columns = new Float32Array(bytes.buffer, coarseAt + edge * edge * 16 + edge * 4, edge * edge)
  let passed = 0
  for (let j = 0; j < edge; j++) {
    let rowTotal = 0
    for (let i = 0; i < edge; i++) rowTotal += weights[j * edge + i]!
    passed += rowTotal
    rows[j] = j === edge - 1 ? 1 : total > 0 ? passed / total : (j + 1) / edge
    let along = 0
    for (let i = 0; i < edge; i++) {
      along += weights[j * edge + i]!
      columns[j * edge + i] = i === edge - 1 ? 1 : rowTotal > 0 ? along / rowTotal : (i + 1) / edge
      texels[(j * edge + i) * 4 + 3] = total > 0 ? weights[j * edge + i]! / total : 1 / (edge * edge)
    }
  }
  return light / solidAngle
}
