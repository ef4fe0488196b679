// Texture look-up: bilinear, with the wrap modes of glTF. Texels are linear RGBA, of 16 bits where the file has sRGB, else of 8.
import {
  TEXTURE_FLAGS,
  TEXTURE_HEIGHT,
  TEXTURE_LEVELS,
  TEXTURE_LEVEL_COUNT,
  TEXTURE_MATRIX,
  TEXTURE_NEAREST,
  TEXTURE_SIZE,
  TEXTURE_STRETCH,
  TEXTURE_WIDE,
  TEXTURE_WIDTH,
  WRAP_CLAMP,
  WRAP_MIRROR
} from './layout'
import * as scene from './scene'
import * as v from './vec'

const WIDE_UNIT: f32 = 1.0 / 65535.0
const NARROW_UNIT: f32 = 1.0 / 255.0

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
function wide(at: usize): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(v128.load64_zero(at)))
}

// @ts-ignore: decorator
@inline
function narrow(at: usize): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at))))
}

/** Keeps a coordinate in the range of i32 and turns NaN into 0. */
// @ts-ignore: decorator
@inline
function sane(c: f32): f32 {
  return c > <f32>-1e6 && c < <f32>1e6 ? c : 0
}

/** Square of the footprint of the ray, over twice the area of the triangle and times that of its uv: texels per sample, but for the texture's size. */
export let footprint: f32 = 0

export function setFootprint(value: f32): void {
  footprint = value
}

/** Colour and alpha of texture `index` at (u, v). */
export function sample(index: i32, u: f32, vv: f32): v128 {
  const t = scene.textures + <usize>index * TEXTURE_SIZE
  let width = load<i32>(t, TEXTURE_WIDTH)
  let height = load<i32>(t, TEXTURE_HEIGHT)
  const flags = load<i32>(t, TEXTURE_FLAGS)
  const tu = sane(load<f32>(t, TEXTURE_MATRIX) * u + load<f32>(t, TEXTURE_MATRIX + 4) * vv + load<f32>(t, TEXTURE_MATRIX + 8))
  const tv = sane(load<f32>(t, TEXTURE_MATRIX + 12) * u + load<f32>(t, TEXTURE_MATRIX + 16) * vv + load<f32>(t, TEXTURE_MATRIX + 20))
  const covered: f32 = footprint * load<f32>(t, TEXTURE_STRETCH)
  // Half the binary logarithm of the texels covered, rounded down.
  let level = ((reinterpret<i32>(covered) >> 23) - 127) >> 1
  const last = load<i32>(t, TEXTURE_LEVEL_COUNT) - 1
  level = level < 0 ? 0 : level > last ? last : level
  width = max<i32>(width >> level, 1)
  height = max<i32>(height >> level, 1)
  const texels = scene.texels + <usize>load<u32>(t + (<usize>level << 2), TEXTURE_LEVELS)
  const wrapU = flags & 3
  const wrapV = (flags >> 2) & 3
  const isWide = (flags & TEXTURE_WIDE) != 0
  if ((flags & TEXTURE_NEAREST) != 0) {
    const i = wrap(<i32>floor<f32>(tu * <f32>width), width, wrapU)
    const j = wrap(<i32>floor<f32>(tv * <f32>height), height, wrapV)
    const k = <usize>(j * width + i)
    return isWide ? v.scale(wide(texels + (k << 3)), WIDE_UNIT) : v.scale(narrow(texels + (k << 2)), NARROW_UNIT)
  }
  const px = tu * <f32>width - <f32>0.5
  const py = tv * <f32>height - <f32>0.5
  const fx = floor<f32>(px)
  const fy = floor<f32>(py)
  const i0 = wrap(<i32>fx, width, wrapU)
  const i1 = wrap(<i32>fx + 1, width, wrapU)
  const j0 = wrap(<i32>fy, height, wrapV) * width
  const j1 = wrap(<i32>fy + 1, height, wrapV) * width
  const dx = px - fx
  const a = <usize>(j0 + i0)
  const b = <usize>(j0 + i1)
  const c = <usize>(j1 + i0)
  const d = <usize>(j1 + i1)
  if (isWide) {
    const top = v.mix(wide(texels + (a << 3)), wide(texels + (b << 3)), dx)
    const bottom = v.mix(wide(texels + (c << 3)), wide(texels + (d << 3)), dx)
    return v.scale(v.mix(top, bottom, py - fy), WIDE_UNIT)
  }
  const top = v.mix(narrow(texels + (a << 2)), narrow(texels + (b << 2)), dx)
  const bottom = v.mix(narrow(texels + (c << 2)), narrow(texels + (d << 2)), dx)
  return v.scale(v.mix(top, bottom, py - fy), NARROW_UNIT)
}
