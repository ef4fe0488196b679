// Functions that WebAssembly does not have, from + - × ÷ only, so that every machine gets the same bits.

export const PI: f32 = 3.14159265
export const INVERSE_PI: f32 = 0.318309886

export let sine: f32 = 0
export let cosine: f32 = 0

/** Set `sine` and `cosine` of an angle given in turns, 0..1. */
export function sincos(turns: f32): void {
  const quarters = turns * 4
  const nearestQuarter = nearest<f32>(quarters)
  const a: f32 = (quarters - nearestQuarter) * <f32>1.57079633
  const a2: f32 = a * a
  const s: f32 =
    a * (1 + a2 * (<f32>-0.166666667 + a2 * (<f32>0.00833333333 + a2 * <f32>-0.000198412698)))
  const c: f32 =
    1 + a2 * (<f32>-0.5 + a2 * (<f32>0.0416666667 + a2 * (<f32>-0.00138888889 + a2 * <f32>0.0000248015873)))
  const quadrant = <i32>nearestQuarter & 3
  if (quadrant == 0) {
    sine = s
    cosine = c
  } else if (quadrant == 1) {
    sine = c
    cosine = -s
  } else if (quadrant == 2) {
    sine = -s
    cosine = -c
  } else {
    sine = -c
    cosine = s
  }
}

/** e^v for v <= 0. */
export function exponential(v: f32): f32 {
  if (v < <f32>-87) return 0
  const t: f32 = v * <f32>1.44269504
  const whole = nearest<f32>(t)
  const f: f32 = (t - whole) * <f32>0.693147181
  const p: f32 =
    1 + f * (1 + f * (<f32>0.5 + f * (<f32>0.166666667 + f * (<f32>0.0416666667 + f * <f32>0.00833333333))))
  return p * reinterpret<f32>((<i32>whole + 127) << 23)
}

// @ts-ignore: decorator
@inline
export function clamp01(v: f32): f32 {
  return v > 0 ? (v < 1 ? v : 1) : 0
}

// @ts-ignore: decorator
@inline
export function least(a: f32, b: f32): f32 {
  return a < b ? a : b
}

// @ts-ignore: decorator
@inline
export function most(a: f32, b: f32): f32 {
  return a > b ? a : b
}

// @ts-ignore: decorator
@inline
export function pow5(v: f32): f32 {
  const v2 = v * v
  return v2 * v2 * v
}
