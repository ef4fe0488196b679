// Choosing a light and a point on it, and the density of that choice.
import { emissionAt, place } from './surface'
import { materialAt } from './clear'
import {
  EMITTER_SIZE,
  FLAG_DOUBLE_SIDED,
  KIND_DIRECTIONAL,
  KIND_EMITTER,
  KIND_ENVIRONMENT,
  KIND_SPOT,
  KIND_SUN,
  LIGHT_AREA,
  LIGHT_COLOUR,
  LIGHT_COS_OUTER,
  LIGHT_COUNT,
  LIGHT_DIRECTION,
  LIGHT_FIRST,
  LIGHT_INSTANCE,
  LIGHT_KIND,
  LIGHT_POSITION,
  LIGHT_POWER,
  LIGHT_RADIUS2,
  LIGHT_RANGE,
  LIGHT_SIZE,
  LIGHT_SPOT_OFFSET,
  LIGHT_SPOT_SCALE,
  INSTANCE_LIGHT,
  INSTANCE_SIZE,
  MATERIAL_FLAGS,
  PACKET_SIZE,
  SKY_SUN_COS,
  SKY_SUN_DIRECTION,
  SKY_SUN_ONE_MINUS_COS
} from './layout'
import { clamp01, cosine, most, PI, sincos, sine } from './math'
import { draw, randomX, randomY } from './random'
import * as scene from './scene'
import { coarse, coarseDensity, sampleMap, sunRadiance } from './sky'
import { setFootprint } from './texture'
import * as v from './vec'

/** Which lights a choice is among. */
export const NEAR: i32 = 1
export const DISTANT: i32 = 2
export const BOTH: i32 = 3

export let lightDirection: v128 = i64x2.splat(0)
export let lightDistance: f32 = 0
/** Radiance, or for lights without extent what reaches the point, over the probability of having chosen the light. */
export let lightValue: v128 = i64x2.splat(0)
/** Density in solid angle times the probability of the light; 0 for lights without extent. */
export let lightDensity: f32 = 0
/** Clear things dim this light instead of blocking it. */
export let lightThrough: bool = false

/** Direct light must be found for distances below infinity. */
export const ENDLESS: f32 = 1e30

// @ts-ignore: decorator
@inline
function isDistant(kind: i32): bool {
  return kind >= KIND_DIRECTIONAL
}

/** Rough guess of what light `light` gives at `p`, without shadows and angles. */
function guess(light: usize, kind: i32, p: v128): f32 {
  const power = load<f32>(light, LIGHT_POWER)
  if (isDistant(kind)) return power
  const d = v.sub(v128.load(light, LIGHT_POSITION), p)
  const d2 = most(v.dot(d, d), load<f32>(light, LIGHT_RADIUS2))
  if (kind == KIND_SPOT) {
    const c = -v.dot(v128.load(light, LIGHT_DIRECTION), d)
    if (c <= 0 || c * c <= load<f32>(light, LIGHT_COS_OUTER) * load<f32>(light, LIGHT_COS_OUTER) * d2) {
      return load<f32>(light, LIGHT_COS_OUTER) > 0 ? 0 : power / d2
    }
  }
  return power / d2
}

/** Sum of the guesses for the lights of `among`. */
export function total(p: v128, among: i32): f32 {
  let sum: f32 = 0
  for (let i = 0; i < scene.lightCount; i++) {
    const light = scene.lights + <usize>i * LIGHT_SIZE
    const kind = load<i32>(light, LIGHT_KIND)
    if (((isDistant(kind) ? DISTANT : NEAR) & among) == 0) continue
    sum += guess(light, kind, p)
  }
  return sum
}

/** Choose a light for point `p` by `u`, and a point on it by dimension pair `pair`. False if there is nothing to see. */
export function choose(p: v128, among: i32, sum: f32, u: f32, pair: u32): bool {
  let rest: f32 = u * sum
  let picked: usize = 0
  let share: f32 = 0
  for (let i = 0; i < scene.lightCount; i++) {
    const light = scene.lights + <usize>i * LIGHT_SIZE
    const kind = load<i32>(light, LIGHT_KIND)
    if (((isDistant(kind) ? DISTANT : NEAR) & among) == 0) continue
    const g = guess(light, kind, p)
    if (g <= 0) continue
    picked = light
    share = g
    if (rest < g) break
    rest -= g
  }
  if (picked == 0) return false
  const probability = share / sum
  const kind = load<i32>(picked, LIGHT_KIND)
  lightDistance = ENDLESS
  lightDensity = 0
  lightThrough = true
  if (kind == KIND_EMITTER) return chooseEmitter(picked, p, clamp01(rest / share), probability, pair)
  if (kind == KIND_SUN) return chooseSun(probability, pair)
  if (kind == KIND_ENVIRONMENT) return chooseMap(probability, pair)
  const colour = v.scale(v128.load(picked, LIGHT_COLOUR), 1 / probability)
  if (kind == KIND_DIRECTIONAL) {
    lightDirection = v128.load(picked, LIGHT_DIRECTION)
    lightValue = colour
    return true
  }
  return choosePoint(picked, kind, p, colour)
}

function choosePoint(light: usize, kind: i32, p: v128, colour: v128): bool {
  const d = v.sub(v128.load(light, LIGHT_POSITION), p)
  const d2 = v.dot(d, d)
  if (!(d2 > <f32>1e-12)) return false
  lightDistance = sqrt<f32>(d2)
  lightDirection = v.scale(d, 1 / lightDistance)
  let strength: f32 = 1 / d2
  if (kind == KIND_SPOT) {
    const c = -v.dot(v128.load(light, LIGHT_DIRECTION), lightDirection)
    const t = clamp01(c * load<f32>(light, LIGHT_SPOT_SCALE) + load<f32>(light, LIGHT_SPOT_OFFSET))
    strength *= t * t
  }
  const range = load<f32>(light, LIGHT_RANGE)
  if (range > 0) {
    const r2 = d2 / (range * range)
    strength *= clamp01(1 - r2 * r2)
  }
  lightValue = v.scale(colour, strength)
  return strength > 0
}

function chooseSun(probability: f32, pair: u32): bool {
  draw(pair)
  const tall = load<f32>(scene.sky, SKY_SUN_ONE_MINUS_COS)
  const low = randomX * tall
  sincos(randomY)
  const r = sqrt<f32>(most(low * (2 - low), 0))
  const n = v128.load(scene.sky, SKY_SUN_DIRECTION)
  const t = v.tangentOf(n)
  const b = v.cross(n, t)
  lightDirection = v.normalize(
    v.add(v.add(v.scale(t, r * cosine), v.scale(b, r * sine)), v.scale(n, 1 - low))
  )
  lightDensity = probability / (2 * PI * tall)
  lightValue = v.scale(sunRadiance(), 1 / lightDensity)
  return true
}

function chooseMap(probability: f32, pair: u32): bool {
  draw(pair)
  lightDirection = sampleMap(randomX, randomY)
  const radiance = coarse(lightDirection)
  lightDensity = probability * coarseDensity
  lightThrough = false
  if (!(lightDensity > <f32>1e-12)) return false
  lightValue = v.scale(radiance, 1 / lightDensity)
  return true
}

// @ts-ignore: decorator
@inline
function lane3(at: usize): v128 {
  return v.vec(load<f32>(at), load<f32>(at, 16), load<f32>(at, 32))
}

function chooseEmitter(light: usize, p: v128, u: f32, probability: f32, pair: u32): bool {
  lightThrough = false
  const list = scene.emitters + <usize>load<i32>(light, LIGHT_FIRST) * EMITTER_SIZE
  const index = findEmitter(list, load<i32>(light, LIGHT_COUNT), u)
  const emitter = list + <usize>index * EMITTER_SIZE
  const below: f32 = index > 0 ? load<f32>(emitter - EMITTER_SIZE, 8) : 0
  const share = load<f32>(emitter, 8) - below
  const at = scene.packets + <usize>load<u32>(emitter) * PACKET_SIZE + (<usize>load<u32>(emitter, 4) << 2)
  const instance = scene.instances + <usize>load<i32>(light, LIGHT_INSTANCE) * INSTANCE_SIZE
  const corner = lane3(at)
  const a = place(instance, corner)
  const edge1 = v.sub(place(instance, v.add(corner, lane3(at + 48))), a)
  const edge2 = v.sub(place(instance, v.add(corner, lane3(at + 96))), a)

  draw(pair)
  const root = sqrt<f32>(randomX)
  const tu: f32 = 1 - root
  const tv = randomY * root
  const d = v.sub(v.along(v.along(a, edge1, tu), edge2, tv), p)
  const d2: f32 = v.dot(d, d)
  if (!(d2 > <f32>1e-12)) return false
  const distance = sqrt<f32>(d2)
  lightDirection = v.scale(d, 1 / distance)
  lightDistance = distance * <f32>0.9999
  const face = v.cross(edge1, edge2)
  const doubleArea = v.length(face)
  const c = v.dot(face, lightDirection) / doubleArea // above zero: we see the back, or the front of a mirrored instance
  const id = load<u32>(emitter, 12)
  const material = materialAt(id, tu, tv)
  setFootprint(0)
  const back = mirrored(instance) ? c < 0 : c > 0
  if (back && (load<i32>(material, MATERIAL_FLAGS) & FLAG_DOUBLE_SIDED) == 0) return false
  const across = abs<f32>(c)
  if (!(across > <f32>1e-6)) return false
  lightDensity = (probability * share * d2) / (across * doubleArea * <f32>0.5)
  lightValue = v.scale(emissionAt(material), 1 / lightDensity)
  return true
}

/** True if the instance turns triangles inside out. */
// @ts-ignore: decorator
@inline
function mirrored(instance: usize): bool {
  return v.dot(v.cross(v128.load(instance), v128.load(instance, 16)), v128.load(instance, 32)) < 0
}

function findEmitter(list: usize, count: i32, u: f32): i32 {
  let lo = 0
  let hi = count - 1
  while (lo < hi) {
    const mid = (lo + hi) >> 1
    if (load<f32>(list + <usize>mid * EMITTER_SIZE, 8) > u) hi = mid
    else lo = mid + 1
  }
  return lo
}

/** Density with which `choose` at `p` would have found the emitting triangle that was hit at `distance`. */
export function emitterDensity(
  instance: usize,
  packet: usize,
  lane: i32,
  direction: v128,
  distance: f32,
  p: v128,
  among: i32
): f32 {
  const index = load<i32>(instance, INSTANCE_LIGHT)
  if (index < 0) return 0
  const light = scene.lights + <usize>index * LIGHT_SIZE
  const at = packet + (<usize>lane << 2)
  const corner = lane3(at)
  const objectEdge1 = lane3(at + 48)
  const objectEdge2 = lane3(at + 96)
  const a = place(instance, corner)
  const edge1 = v.sub(place(instance, v.add(corner, objectEdge1)), a)
  const edge2 = v.sub(place(instance, v.add(corner, objectEdge2)), a)
  const share = (v.length(v.cross(objectEdge1, objectEdge2)) * <f32>0.5) / load<f32>(light, LIGHT_AREA)
  const face = v.cross(edge1, edge2)
  const doubleArea = v.length(face)
  const across = abs<f32>(v.dot(face, direction)) * <f32>0.5 // cosine × area
  if (!(across > 0) || doubleArea == 0) return 0
  const probability = guess(light, KIND_EMITTER, p) / total(p, among)
  return (probability * share * distance * distance) / across
}

/** Density with which `choose` at `p` would have drawn this direction to distant light `index`. */
export function distantDensity(index: i32, p: v128, among: i32, within: f32): f32 {
  const light = scene.lights + <usize>index * LIGHT_SIZE
  return (guess(light, load<i32>(light, LIGHT_KIND), p) / total(p, among)) * within
}

export function sunWithin(): f32 {
  return 1 / (2 * PI * load<f32>(scene.sky, SKY_SUN_ONE_MINUS_COS))
}
