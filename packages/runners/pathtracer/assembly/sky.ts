// What lies behind everything: nothing, a gradient, or an environment map; and the sun.
import {
  COARSE_EDGE,
  SKY_COARSE,
  SKY_EDGE,
  SKY_GRADIENT,
  SKY_GROUND,
  SKY_HORIZON,
  SKY_KIND,
  SKY_LIGHT,
  SKY_MAP,
  SKY_SUN_COS,
  SKY_SUN_DIRECTION,
  SKY_SUN_LIGHT,
  SKY_SUN_RADIANCE,
  SKY_ZENITH
} from './layout'
import * as scene from './scene'
import * as v from './vec'

// An environment map is a square of texels over the octahedral map of directions: radiance as f32 × 4. The fine one is what
// the camera and mirrors see; the coarse one lights surfaces. In the coarse one the fourth number is the probability of the
// texel, and behind it lie cumulative probabilities of the rows, then of the texels within each row.

/** Radiance from `direction`, without the sun. */
export function background(direction: v128): v128 {
  const kind = load<i32>(scene.sky, SKY_KIND)
  if (kind == SKY_GRADIENT) return gradient(v.y(direction))
  if (kind == SKY_MAP) {
    project(direction)
    return lookUp(scene.environment, load<i32>(scene.sky, SKY_EDGE))
  }
  return f32x4.splat(0)
}

function gradient(y: f32): v128 {
  const horizon = v128.load(scene.sky, SKY_HORIZON)
  if (y >= 0) {
    const t: f32 = 1 - y
    return v.mix(v128.load(scene.sky, SKY_ZENITH), horizon, t * t * t)
  }
  const t = y < <f32>-0.1 ? <f32>1 : y * <f32>-10
  return v.mix(horizon, v128.load(scene.sky, SKY_GROUND), t * t * (3 - 2 * t))
}

/** True if `direction` looks into the sun's disc. */
export function inSun(direction: v128): bool {
  return (
    load<i32>(scene.sky, SKY_SUN_LIGHT) >= 0 &&
    v.dot(direction, v128.load(scene.sky, SKY_SUN_DIRECTION)) >= load<f32>(scene.sky, SKY_SUN_COS)
  )
}

// @ts-ignore: decorator
@inline
export function sunRadiance(): v128 {
  return v128.load(scene.sky, SKY_SUN_RADIANCE)
}

export function mapLight(): i32 {
  return load<i32>(scene.sky, SKY_LIGHT)
}

let octahedralX: f32 = 0
let octahedralY: f32 = 0
let octahedralNorm: f32 = 0

/** Octahedral coordinates in [0, 1]². */
function project(direction: v128): void {
  const norm = abs<f32>(v.x(direction)) + abs<f32>(v.y(direction)) + abs<f32>(v.z(direction))
  octahedralNorm = norm
  let a = v.x(direction) / norm
  let b = v.z(direction) / norm
  if (v.y(direction) < 0) {
    const fold = a
    a = (1 - abs<f32>(b)) * (fold < 0 ? -1 : 1)
    b = (1 - abs<f32>(fold)) * (b < 0 ? -1 : 1)
  }
  octahedralX = a * <f32>0.5 + <f32>0.5
  octahedralY = b * <f32>0.5 + <f32>0.5
}

// @ts-ignore: decorator
@inline
function bound(i: i32, edge: i32): i32 {
  return i < 0 ? 0 : i >= edge ? edge - 1 : i
}

/** Interpolated texel of the square at `map`. */
function lookUp(map: usize, edge: i32): v128 {
  const px = octahedralX * <f32>edge - <f32>0.5
  const py = octahedralY * <f32>edge - <f32>0.5
  const fx = floor<f32>(px)
  const fy = floor<f32>(py)
  const i0 = bound(<i32>fx, edge)
  const i1 = bound(<i32>fx + 1, edge)
  const j0 = bound(<i32>fy, edge) * edge
  const j1 = bound(<i32>fy + 1, edge) * edge
  const a = v.mix(texel(map, j0 + i0), texel(map, j0 + i1), px - fx)
  const b = v.mix(texel(map, j1 + i0), texel(map, j1 + i1), px - fx)
  return v.mix(a, b, py - fy)
}

// @ts-ignore: decorator
@inline
function texel(map: usize, i: i32): v128 {
  return v128.load(map + (<usize>i << 4))
}

// @ts-ignore: decorator
@inline
function coarseMap(): usize {
  return scene.environment + <usize>load<u32>(scene.sky, SKY_COARSE)
}

/** Density of `sampleMap` in solid angle, for the direction `coarse` looked at last. */
export let coarseDensity: f32 = 0

/** Radiance of the coarse map, which all blurred scattering sees. */
export function coarse(direction: v128): v128 {
  project(direction)
  const map = coarseMap()
  const i = bound(<i32>(octahedralX * <f32>COARSE_EDGE), COARSE_EDGE)
  const j = bound(<i32>(octahedralY * <f32>COARSE_EDGE), COARSE_EDGE)
  const p = f32x4.extract_lane(texel(map, j * COARSE_EDGE + i), 3)
  // A texel's share of the square of side 1 is 1/edge²; on unit directions d(omega) = 4 norm³ d(area).
  coarseDensity = (p * <f32>(COARSE_EDGE * COARSE_EDGE)) / (4 * octahedralNorm * octahedralNorm * octahedralNorm)
  return lookUp(map, COARSE_EDGE)
}

/** A direction drawn in proportion to the map's brightness. */
export function sampleMap(u: f32, w: f32): v128 {
  const edge = COARSE_EDGE
  const rows = coarseMap() + (<usize>(edge * edge) << 4)
  const j = find(rows, edge, u)
  const below: f32 = j > 0 ? load<f32>(rows + (<usize>(j - 1) << 2)) : 0
  const fy = (u - below) / (load<f32>(rows + (<usize>j << 2)) - below)
  const columns = rows + (<usize>edge << 2) + (<usize>(j * edge) << 2)
  const i = find(columns, edge, w)
  const left: f32 = i > 0 ? load<f32>(columns + (<usize>(i - 1) << 2)) : 0
  const fx = (w - left) / (load<f32>(columns + (<usize>i << 2)) - left)
  const a = ((<f32>i + clampUnit(fx)) / <f32>edge) * 2 - 1
  const b = ((<f32>j + clampUnit(fy)) / <f32>edge) * 2 - 1
  const up: f32 = 1 - abs<f32>(a) - abs<f32>(b)
  if (up >= 0) return v.normalize(v.vec(a, up, b))
  const x: f32 = (1 - abs<f32>(b)) * (a < 0 ? -1 : 1)
  const z: f32 = (1 - abs<f32>(a)) * (b < 0 ? -1 : 1)
  return v.normalize(v.vec(x, up, z))
}

// @ts-ignore: decorator
@inline
function clampUnit(t: f32): f32 {
  return t > 0 ? (t < 1 ? t : 1) : 0
}

/** First of `count` ascending numbers that is above `u`. */
export function find(at: usize, count: i32, u: f32): i32 {
  let lo = 0
  let hi = count - 1
  while (lo < hi) {
    const mid = (lo + hi) >> 1
    if (load<f32>(at + (<usize>mid << 2)) > u) hi = mid
    else lo = mid + 1
  }
  return lo
}
