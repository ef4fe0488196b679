// What rays pass: cut-outs, blended surfaces, and clear things on the way to a small light.
import {
  FLAG_BLEND,
  FLAG_MASK,
  ID_MASK,
  MATERIAL_BASE,
  MATERIAL_BASE_TEXTURE,
  MATERIAL_CUTOFF,
  MATERIAL_F0,
  MATERIAL_FLAGS,
  MATERIAL_METALLIC,
  MATERIAL_SIZE,
  MATERIAL_TRANSMISSION,
  MATERIAL_TRANSMISSION_TEXTURE,
  TRIANGLE_MATERIAL,
  TRIANGLE_MATERIAL_MASK,
  TRIANGLE_SIZE,
  VERTEX_COLOUR,
  VERTEX_SIZE,
  VERTEX_UV
} from './layout'
import { chance } from './random'
import * as scene from './scene'
import { sample, setFootprint } from './texture'
import * as v from './vec'

export let textureU: f32 = 0
export let textureV: f32 = 0
export let colour: v128 = i64x2.splat(0)
/** Twice the area of the triangle in texture coordinates. */
export let uvArea: f32 = 0

// @ts-ignore: decorator
@inline
function bytes(word: u32): v128 {
  let c = f32x4.splat(<f32>(word >> 24))
  c = f32x4.replace_lane(c, 0, <f32>(word & 0xff))
  c = f32x4.replace_lane(c, 1, <f32>((word >> 8) & 0xff))
  c = f32x4.replace_lane(c, 2, <f32>((word >> 16) & 0xff))
  return f32x4.mul(c, f32x4.splat(<f32>(1.0 / 255.0)))
}

/** Material of triangle `id`; sets `textureU`, `textureV` and vertex `colour` at (u, v). */
export function materialAt(id: u32, u: f32, vv: f32): usize {
  const triangle = scene.triangles + <usize>(id & ID_MASK) * TRIANGLE_SIZE
  const a = scene.vertices + <usize>load<u32>(triangle) * VERTEX_SIZE
  const b = scene.vertices + <usize>load<u32>(triangle, 4) * VERTEX_SIZE
  const c = scene.vertices + <usize>load<u32>(triangle, 8) * VERTEX_SIZE
  const ua = load<f32>(a, VERTEX_UV)
  const va = load<f32>(a, VERTEX_UV + 4)
  const du1 = load<f32>(b, VERTEX_UV) - ua
  const dv1 = load<f32>(b, VERTEX_UV + 4) - va
  const du2 = load<f32>(c, VERTEX_UV) - ua
  const dv2 = load<f32>(c, VERTEX_UV + 4) - va
  textureU = ua + u * du1 + vv * du2
  textureV = va + u * dv1 + vv * dv2
  uvArea = abs<f32>(du1 * dv2 - du2 * dv1)
  const ca = load<u32>(a, VERTEX_COLOUR)
  const cb = load<u32>(b, VERTEX_COLOUR)
  const cc = load<u32>(c, VERTEX_COLOUR)
  if ((ca & cb & cc) == 0xffffffff) colour = f32x4.splat(1)
  else colour = v.add(v.add(v.scale(bytes(ca), 1 - u - vv), v.scale(bytes(cb), u)), v.scale(bytes(cc), vv))
  return scene.materials + <usize>(load<u32>(triangle, TRIANGLE_MATERIAL) & TRIANGLE_MATERIAL_MASK) * MATERIAL_SIZE
}

/** Base colour and alpha of the material at the point `materialAt` found. */
// @ts-ignore: decorator
@inline
export function baseAt(material: usize): v128 {
  const base = f32x4.mul(v128.load(material, MATERIAL_BASE), colour)
  const texture = load<i32>(material, MATERIAL_BASE_TEXTURE)
  return texture < 0 ? base : f32x4.mul(base, sample(texture, textureU, textureV))
}

/** True if a ray goes through triangle `id` at (u, v) because of its alpha. */
export function passes(id: u32, u: f32, vv: f32): bool {
  const material = materialAt(id, u, vv)
  setFootprint(0)
  const flags = load<i32>(material, MATERIAL_FLAGS)
  const alpha = f32x4.extract_lane(baseAt(material), 3)
  if ((flags & FLAG_MASK) != 0) return alpha < load<f32>(material, MATERIAL_CUTOFF)
  if ((flags & FLAG_BLEND) != 0) return chance(id) >= alpha
  return false
}

/** Share of light that goes straight through clear triangle `id`. An approximation: nothing is bent. */
export function shine(id: u32, u: f32, vv: f32): v128 {
  const material = materialAt(id, u, vv)
  setFootprint(0)
  let share = load<f32>(material, MATERIAL_TRANSMISSION) * (1 - load<f32>(material, MATERIAL_METALLIC))
  const texture = load<i32>(material, MATERIAL_TRANSMISSION_TEXTURE)
  if (texture >= 0) share *= f32x4.extract_lane(sample(texture, textureU, textureV), 0)
  return v.scale(baseAt(material), share * (1 - load<f32>(material, MATERIAL_F0)))
}
