// The point a ray hit, in world space, with its material evaluated.
import { baseAt, materialAt, textureU, textureV, uvArea } from './clear'
import {
  FLAG_DOUBLE_SIDED,
  FLAG_EMISSIVE,
  FLAG_SOLID,
  ID_MASK,
  INSTANCE_IDENTITY,
  INSTANCE_INVERSE,
  MATERIAL_ABSORPTION,
  MATERIAL_EMISSION,
  MATERIAL_EMISSION_TEXTURE,
  MATERIAL_F0,
  MATERIAL_FLAGS,
  MATERIAL_IOR,
  MATERIAL_METALLIC,
  MATERIAL_MR_TEXTURE,
  MATERIAL_NORMAL_SCALE,
  MATERIAL_NORMAL_TEXTURE,
  MATERIAL_ROUGHNESS,
  MATERIAL_TRANSMISSION,
  MATERIAL_TRANSMISSION_TEXTURE,
  PACKET_IDS,
  TRIANGLE_FLAT,
  TRIANGLE_MATERIAL,
  TRIANGLE_SIZE,
  VERTEX_SIZE,
  VERTEX_UV
} from './layout'
import * as scene from './scene'
import { sample, setFootprint } from './texture'
import * as v from './vec'

/** Below this roughness a surface is a perfect mirror or lens. */
const SMOOTH: f32 = 0.03

/** Least roughness of opaque surfaces after a blurred scattering. */
const SOFT: f32 = 0.45

export let point: v128 = i64x2.splat(0)
/** Geometric and shading normal, on the side the ray came from. */
export let flatNormal: v128 = i64x2.splat(0)
export let normal: v128 = i64x2.splat(0)
/** The ray came from the back of the triangle. */
export let fromBack: bool = false
export let triangleId: u32 = 0

export let base: v128 = i64x2.splat(0)
export let emission: v128 = i64x2.splat(0)
export let emissive: bool = false
export let metallic: f32 = 0
export let alpha: f32 = 0
export let smooth: bool = false
export let f0: f32 = 0
export let ior: f32 = 0
export let transmission: f32 = 0
export let solid: bool = false
export let absorption: v128 = i64x2.splat(0)

// @ts-ignore: decorator
@inline
function lane3(at: usize): v128 {
  return v.vec(load<f32>(at), load<f32>(at, 16), load<f32>(at, 32))
}

/** Normal from object to world space; not unit. */
// @ts-ignore: decorator
@inline
function turn(instance: usize, n: v128): v128 {
  if (load<i32>(instance, INSTANCE_IDENTITY) != 0) return n
  const row0 = v128.load(instance, INSTANCE_INVERSE)
  const row1 = v128.load(instance, INSTANCE_INVERSE + 16)
  const row2 = v128.load(instance, INSTANCE_INVERSE + 32)
  return v.add(v.add(v.scale(row0, v.x(n)), v.scale(row1, v.y(n))), v.scale(row2, v.z(n)))
}

/** Point from object to world space. */
// @ts-ignore: decorator
@inline
export function place(instance: usize, p: v128): v128 {
  if (load<i32>(instance, INSTANCE_IDENTITY) != 0) return p
  return v.vec(
    v.dot(v128.load(instance, 0), p) + load<f32>(instance, 12),
    v.dot(v128.load(instance, 16), p) + load<f32>(instance, 28),
    v.dot(v128.load(instance, 32), p) + load<f32>(instance, 44)
  )
}

/** Direction from object to world space; not unit. */
// @ts-ignore: decorator
@inline
export function aim(instance: usize, d: v128): v128 {
  if (load<i32>(instance, INSTANCE_IDENTITY) != 0) return d
  return v.vec(v.dot(v128.load(instance, 0), d), v.dot(v128.load(instance, 16), d), v.dot(v128.load(instance, 32), d))
}

/** Unit normal of a vertex, from its octahedral coordinates. */
// @ts-ignore: decorator
@inline
function normalAt(vertex: u32): v128 {
  const word = load<u32>(scene.vertices + <usize>vertex * VERTEX_SIZE)
  let a: f32 = <f32>(<i32>(word << 16) >> 16) * <f32>(1.0 / 32767.0)
  let b: f32 = <f32>(<i32>word >> 16) * <f32>(1.0 / 32767.0)
  const up: f32 = 1 - abs<f32>(a) - abs<f32>(b)
  if (up < 0) {
    const fold = a
    a = (1 - abs<f32>(b)) * (fold < 0 ? -1 : 1)
    b = (1 - abs<f32>(fold)) * (b < 0 ? -1 : 1)
  }
  return v.normalize(v.vec(a, up, b))
}

/** Evaluate everything at a hit of a ray with unit `direction`, whose cone is `coneWidth` wide there. `blurred`: it was scattered before. */
export function evaluate(direction: v128, packet: usize, lane: i32, instance: usize, u: f32, vv: f32, coneWidth: f32, blurred: bool): void {
  const at = packet + (<usize>lane << 2)
  const corner = lane3(at)
  const edge1 = lane3(at + 48)
  const edge2 = lane3(at + 96)
  const id = load<u32>(at, PACKET_IDS)
  triangleId = id & ID_MASK
  point = place(instance, v.along(v.along(corner, edge1, u), edge2, vv))
  const outward = v.normalize(turn(instance, v.cross(edge1, edge2)))
  const area: f32 = v.length(v.cross(aim(instance, edge1), aim(instance, edge2))) * abs<f32>(v.dot(outward, direction))

  const triangle = scene.triangles + <usize>(id & ID_MASK) * TRIANGLE_SIZE
  const material = materialAt(id, u, vv)
  setFootprint(area > 0 ? (coneWidth * coneWidth * uvArea) / area : 0)
  let shading = outward
  if ((load<u32>(triangle, TRIANGLE_MATERIAL) & TRIANGLE_FLAT) == 0) {
    const a = normalAt(load<u32>(triangle))
    const b = normalAt(load<u32>(triangle, 4))
    const c = normalAt(load<u32>(triangle, 8))
    const n = v.add(v.add(v.scale(a, 1 - u - vv), v.scale(b, u)), v.scale(c, vv))
    shading = v.normalize(turn(instance, n))
    if (!(v.dot(shading, shading) > <f32>0.5)) shading = outward
    if (v.dot(shading, outward) < 0) shading = v.negate(shading)
  }
  const flags = load<i32>(material, MATERIAL_FLAGS)
  const normalTexture = load<i32>(material, MATERIAL_NORMAL_TEXTURE)
  if (normalTexture >= 0 && !blurred) shading = bump(material, normalTexture, triangle, instance, edge1, edge2, shading)

  fromBack = v.dot(outward, direction) > 0
  flatNormal = fromBack ? v.negate(outward) : outward
  normal = fromBack ? v.negate(shading) : shading
  // A shading normal that faces away from the ray is pulled just into view.
  const facing = -v.dot(normal, direction)
  if (facing < <f32>0.001) normal = v.normalize(v.along(normal, direction, -(<f32>0.001 - facing)))

  base = baseAt(material)
  metallic = load<f32>(material, MATERIAL_METALLIC)
  let roughness = load<f32>(material, MATERIAL_ROUGHNESS)
  const mrTexture = load<i32>(material, MATERIAL_MR_TEXTURE)
  if (mrTexture >= 0) {
    const mr = sample(mrTexture, textureU, textureV)
    roughness *= v.y(mr)
    metallic *= v.z(mr)
  }
  f0 = load<f32>(material, MATERIAL_F0)
  ior = load<f32>(material, MATERIAL_IOR)
  solid = (flags & FLAG_SOLID) != 0
  transmission = load<f32>(material, MATERIAL_TRANSMISSION)
  if (transmission > 0) {
    const texture = load<i32>(material, MATERIAL_TRANSMISSION_TEXTURE)
    if (texture >= 0) transmission *= v.x(sample(texture, textureU, textureV))
    transmission *= 1 - metallic
    absorption = v128.load(material, MATERIAL_ABSORPTION)
  }
  // Sharp highlights seen by way of a blurred surface would be rare and glaring: soften them. Glass stays as it is, because
  // shadow rays already go through it.
  if (blurred && transmission == 0 && roughness < SOFT) roughness = SOFT
  smooth = roughness < SMOOTH
  alpha = roughness * roughness
  emissive = (flags & FLAG_EMISSIVE) != 0 && (!fromBack || (flags & FLAG_DOUBLE_SIDED) != 0)
  if (emissive) emission = emissionAt(material)
}

/** Radiance of the material at the point `materialAt` found. */
export function emissionAt(material: usize): v128 {
  const e = v128.load(material, MATERIAL_EMISSION)
  const texture = load<i32>(material, MATERIAL_EMISSION_TEXTURE)
  return texture < 0 ? e : v.mul(e, sample(texture, textureU, textureV))
}

/** Tilt the shading normal by the normal map. Tangents follow from the triangle's texture coordinates. */
function bump(material: usize, texture: i32, triangle: usize, instance: usize, edge1: v128, edge2: v128, n: v128): v128 {
  const a = scene.vertices + <usize>load<u32>(triangle) * VERTEX_SIZE
  const b = scene.vertices + <usize>load<u32>(triangle, 4) * VERTEX_SIZE
  const c = scene.vertices + <usize>load<u32>(triangle, 8) * VERTEX_SIZE
  const u0 = load<f32>(a, VERTEX_UV)
  const v0 = load<f32>(a, VERTEX_UV + 4)
  const du1 = load<f32>(b, VERTEX_UV) - u0
  const dv1 = load<f32>(b, VERTEX_UV + 4) - v0
  const du2 = load<f32>(c, VERTEX_UV) - u0
  const dv2 = load<f32>(c, VERTEX_UV + 4) - v0
  const det = du1 * dv2 - du2 * dv1
  if (det == 0) return n
  const sign: f32 = det < 0 ? -1 : 1
  // glTF: v grows downwards in the picture, green points up, so the bitangent is against growing v.
  const t = aim(instance, v.scale(v.sub(v.scale(edge1, dv2), v.scale(edge2, dv1)), sign))
  const s = aim(instance, v.scale(v.sub(v.scale(edge1, du2), v.scale(edge2, du1)), sign))
  const tangent = v.normalize(v.along(t, n, -v.dot(t, n)))
  let bitangent = v.cross(n, tangent)
  if (v.dot(bitangent, s) < 0) bitangent = v.negate(bitangent)
  const m = sample(texture, textureU, textureV)
  const k = load<f32>(material, MATERIAL_NORMAL_SCALE)
  const mx: f32 = (v.x(m) * 2 - 1) * k
  const my: f32 = (v.y(m) * 2 - 1) * k
  const mz: f32 = v.z(m) * 2 - 1
  const tilted = v.normalize(v.add(v.add(v.scale(tangent, mx), v.scale(bitangent, my)), v.scale(n, mz)))
  return v.dot(tilted, tilted) > <f32>0.5 ? tilted : n
}
