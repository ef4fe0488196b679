// One path: from the camera, through surfaces, to light.
import * as bsdf from './bsdf'
import { SKY_CLAMP, SKY_EXPOSURE, SKY_SUN_LIGHT } from './layout'
import * as light from './light'
import { chance, draw, randomX, randomY, startVertex } from './random'
import { exponential } from './math'
import * as scene from './scene'
import * as sky from './sky'
import * as s from './surface'
import * as t from './trace'
import * as v from './vec'

/** Vertex pairs: 0 lobe and survival, 1 direction, 2 choice of light, 3 point on a near light, 4 point on a distant one. */
const PAIR_LOBE: u32 = 0
const PAIR_LIGHT: u32 = 2
const PAIR_NEAR: u32 = 3
const PAIR_DISTANT: u32 = 4

/** From this scattering on, paths end by chance in proportion to what they carry. */
const SURVIVAL_FROM: i32 = 1

/** Light that would add less than this to a sample need not always be looked at. */
const FAINT: f32 = 0.05

/** How fast the cone of a ray widens after a blurred scattering. */
const BLURRED_SPREAD: f32 = 0.1

let gathered: v128 = i64x2.splat(0)
let carried: v128 = i64x2.splat(0)

/** Power heuristic. */
// @ts-ignore: decorator
@inline
function heuristic(a: f32, b: f32): f32 {
  const a2 = a * a
  return a2 / (a2 + b * b)
}

function gather(value: v128, indirect: bool): void {
  const c = v.mul(carried, value)
  const most = v.maxOf(c)
  const bound = load<f32>(scene.sky, SKY_CLAMP)
  // Also keeps NaN out.
  if (!(most < Infinity)) return
  gathered = indirect && most > bound ? v.along(gathered, c, bound / most) : v.add(gathered, c)
}

/** Light from one choice of lights among `among`, at the prepared surface. */
function connect(among: i32, u: f32, pair: u32, indirect: bool): void {
  const sum = light.total(s.point, among)
  if (!(sum > 0)) return
  if (!light.choose(s.point, among, sum, u, pair)) return
  const f = bsdf.evaluate(light.lightDirection)
  let value = v.mul(f, light.lightValue)
  if (!(v.maxOf(value) > 0)) return
  if (light.lightDensity > 0) value = v.scale(value, heuristic(light.lightDensity, bsdf.density))
  // A faint light is looked at rarely, but then counts for all the times it was not.
  const brightness: f32 = v.maxOf(v.mul(carried, value)) * load<f32>(scene.sky, SKY_EXPOSURE)
  if (brightness < FAINT) {
    if (chance(pair) * FAINT >= brightness) return
    value = v.scale(value, FAINT / brightness)
  }
  const below = v.dot(light.lightDirection, s.flatNormal) < 0
  const start = v.offset(s.point, below ? v.negate(s.flatNormal) : s.flatNormal)
  if (t.shadowed(start, light.lightDirection, light.lightDistance, light.lightThrough)) return
  if (light.lightThrough) value = v.mul(value, t.transmitted)
  gather(value, indirect)
}

/** Radiance that arrives along the ray, after at most `bounces` scatterings. */
export function radiance(origin: v128, direction: v128, bounces: i32, pixelSpread: f32): v128 {
  let spread = pixelSpread
  let width: f32 = 0
  let from = origin
  let toward = direction
  gathered = f32x4.splat(0)
  carried = f32x4.splat(1)
  let lastDensity: f32 = 0 // 0: the last direction was exact, so light found now could not have been found otherwise
  let lastPoint = origin
  let lastAmong = light.BOTH
  let blurred = false // some scattering before was not exact
  for (let depth = 0; ; depth++) {
    startVertex(depth + 1)
    if (!t.closest(from, toward, light.ENDLESS)) {
      escape(toward, lastDensity, lastPoint, lastAmong, blurred, depth)
      break
    }
    width += spread * t.hitT
    s.evaluate(toward, t.hitPacket, t.hitLane, t.hitInstance, t.hitU, t.hitV, width, blurred)
    if (s.fromBack && s.transmission > 0 && s.solid) absorb(t.hitT)
    if (s.emissive) {
      let share: f32 = 1
      if (lastDensity > 0) {
        const far = v.length(v.sub(s.point, lastPoint))
        const other = light.emitterDensity(t.hitInstance, t.hitPacket, t.hitLane, toward, far, lastPoint, lastAmong)
        share = heuristic(lastDensity, other)
      }
      gather(v.scale(s.emission, share), depth > 1)
    }
    if (depth >= bounces) break

    bsdf.prepare(v.negate(toward))
    draw(PAIR_LOBE)
    const lobe = randomX
    const survival = randomY
    if (scene.lightCount > 0 && bsdf.scatters()) {
      draw(PAIR_LIGHT)
      if (depth == 0) {
        const second = randomY
        connect(light.NEAR, randomX, PAIR_NEAR, false)
        connect(light.DISTANT, second, PAIR_DISTANT, false)
      } else {
        connect(light.BOTH, randomX, PAIR_NEAR, true)
      }
    }
    if (!bsdf.sampleDirection(lobe)) break
    carried = v.mul(carried, bsdf.weight)
    const most = v.maxOf(carried)
    if (!(most > 0)) break
    const stays: f32 = depth == 0 ? most * 2 : most
    if (stays < 1) {
      if (survival >= stays) break
      carried = v.scale(carried, 1 / stays)
    }
    lastDensity = bsdf.sampledDelta ? 0 : bsdf.density
    lastPoint = s.point
    lastAmong = depth == 0 ? light.NEAR : light.BOTH
    if (!bsdf.sampledDelta) {
      blurred = true
      spread = BLURRED_SPREAD
    }
    toward = bsdf.sampled
    const below = v.dot(toward, s.flatNormal) < 0
    from = v.offset(s.point, below ? v.negate(s.flatNormal) : s.flatNormal)
  }
  return gathered
}

/** Light from behind everything. */
function escape(toward: v128, lastDensity: f32, lastPoint: v128, lastAmong: i32, blurred: bool, depth: i32): void {
  const among = lastAmong == light.NEAR ? light.DISTANT : light.BOTH
  const map = sky.mapLight()
  let share: f32 = 1
  if (map >= 0 && lastDensity > 0) {
    const radiance = sky.coarse(toward)
    share = heuristic(lastDensity, light.distantDensity(map, lastPoint, among, sky.coarseDensity))
    gather(v.scale(radiance, share), depth > 1)
  } else {
    gather(sky.background(toward), depth > 1)
  }
  if (!sky.inSun(toward)) return
  // After a blurred scattering, an exact one may not find the sun: shadow rays went straight through instead.
  if (lastDensity == 0 && blurred) return
  share = 1
  if (lastDensity > 0) {
    const sun = load<i32>(scene.sky, SKY_SUN_LIGHT)
    share = heuristic(lastDensity, light.distantDensity(sun, lastPoint, among, light.sunWithin()))
  }
  gather(v.scale(sky.sunRadiance(), share), depth > 1)
}

/** Beer's law inside a solid. */
function absorb(distance: f32): void {
  const a = s.absorption
  if (!(v.maxOf(a) > 0)) return
  carried = v.mul(
    carried,
    v.vec(
      exponential(-v.x(a) * distance),
      exponential(-v.y(a) * distance),
      exponential(-v.z(a) * distance)
    )
  )
}
