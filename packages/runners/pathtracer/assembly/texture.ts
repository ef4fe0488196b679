// Texture look-up: bilinear, with the wrap modes of glTF. Texels are RGBA bytes.
import {
  TEXTURE_FLAGS,
  TEXTURE_HEIGHT,
  TEXTURE_MATRIX,
  TEXTURE_NEAREST,
  TEXTURE_OFFSET,
  TEXTURE_SIZE,
  TEXTURE_SRGB,
  TEXTURE_WIDTH,
  TABLE_LINEAR,
  WRAP_CLAMP,
  WRAP_MIRROR
} from './layout'
import * as scene from './scene'
import * as v from './vec'

// @ts-ignore: decorator
@inline
function wrap(i: i32, size: i32, mode: i32): i32 {
  if (<u32>i < <u32>size) return i
  if (mode == WRAP_CLAMP) return i < 0 ? 0 : size - 1
  if (mode == WRAP_MIRROR) {
    let m = i % (2 * size)
    if (m < 0) m += 2 * size
    return m < size ? m : 2 * size - 1 - m
  }
  const m = i % size
  return m < 0 ? m + size : m
}

// @ts-ignore: decorator
@inline
function texel(at: usize, table: usize): v128 {
  const word = load<u32>(at)
  let c = f32x4.splat(load<f32>(scene.tables + TABLE_LINEAR + (<usize>(word >> 24) << 2)))
  c = f32x4.replace_lane(c, 0, load<f32>(table + (<usize>(word & 0xff) << 2)))
  c = f32x4.replace_lane(c, 1, load<f32>(table + (<usize>((word >> 8) & 0xff) << 2)))
  return f32x4.replace_lane(c, 2, load<f32>(table + (<usize>((word >> 16) & 0xff) << 2)))
}

/** Keeps a coordinate in the range of i32 and turns NaN into 0. */
// @ts-ignore: decorator
@inline
function sane(c: f32): f32 {
  return c > <f32>-1e6 && c < <f32>1e6 ? c : 0
}

/** Colour and alpha of texture `index` at (u, v). */
export function sample(index: i32, u: f32, vv: f32): v128 {
  const t = scene.textures + <usize>index * TEXTURE_SIZE
  const width = load<i32>(t, TEXTURE_WIDTH)
  const height = load<i32>(t, TEXTURE_HEIGHT)
  const flags = load<i32>(t, TEXTURE_FLAGS)
  const tu = sane(load<f32>(t, TEXTURE_MATRIX) * u + load<f32>(t, TEXTURE_MATRIX + 4) * vv + load<f32>(t, TEXTURE_MATRIX + 8))
  const tv = sane(load<f32>(t, TEXTURE_MATRIX + 12) * u + load<f32>(t, TEXTURE_MATRIX + 16) * vv + load<f32>(t, TEXTURE_MATRIX + 20))
  const table = (flags & TEXTURE_SRGB) != 0 ? scene.tables : scene.tables + TABLE_LINEAR
  const texels = scene.texels + <usize>load<u32>(t, TEXTURE_OFFSET)
  const wrapU = flags & 3
  const wrapV = (flags >> 2) & 3
  const px = tu * <f32>width - <f32>0.5
  const py = tv * <f32>height - <f32>0.5
  if ((flags & TEXTURE_NEAREST) != 0) {
    const i = wrap(<i32>floor<f32>(tu * <f32>width), width, wrapU)
    const j = wrap(<i32>floor<f32>(tv * <f32>height), height, wrapV)
    return texel(texels + (<usize>(j * width + i) << 2), table)
  }
  const fx = floor<f32>(px)
  const fy = floor<f32>(py)
  const i0 = wrap(<i32>fx, width, wrapU)
  const i1 = wrap(<i32>fx + 1, width, wrapU)
  const j0 = wrap(<i32>fy, height, wrapV) * width
  const j1 = wrap(<i32>fy + 1, height, wrapV) * width
  const a = v.mix(texel(texels + (<usize>(j0 + i0) << 2), table), texel(texels + (<usize>(j0 + i1) << 2), table), px - fx)
  const b = v.mix(texel(texels + (<usize>(j1 + i0) << 2), table), texel(texels + (<usize>(j1 + i1) << 2), table), px - fx)
  return v.mix(a, b, py - fy)
}
