// Three-component vectors in the first three lanes of a v128. The fourth lane means nothing.

// @ts-ignore: decorator
@inline
export function vec(x: f32, y: f32, z: f32): v128 {
  return f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(x), 1, y), 2, z)
}

// @ts-ignore: decorator
@inline
export function splat(x: f32): v128 {
  return f32x4.splat(x)
}

// @ts-ignore: decorator
@inline
export function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b)
}

// @ts-ignore: decorator
@inline
export function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b)
}

// @ts-ignore: decorator
@inline
export function mul(a: v128, b: v128): v128 {
  return f32x4.mul(a, b)
}

// @ts-ignore: decorator
@inline
export function scale(a: v128, s: f32): v128 {
  return f32x4.mul(a, f32x4.splat(s))
}

/** a + b × s */
// @ts-ignore: decorator
@inline
export function along(a: v128, b: v128, s: f32): v128 {
  return f32x4.add(a, f32x4.mul(b, f32x4.splat(s)))
}

// @ts-ignore: decorator
@inline
export function negate(a: v128): v128 {
  return f32x4.neg(a)
}

// @ts-ignore: decorator
@inline
export function x(a: v128): f32 {
  return f32x4.extract_lane(a, 0)
}

// @ts-ignore: decorator
@inline
export function y(a: v128): f32 {
  return f32x4.extract_lane(a, 1)
}

// @ts-ignore: decorator
@inline
export function z(a: v128): f32 {
  return f32x4.extract_lane(a, 2)
}

// @ts-ignore: decorator
@inline
export function dot(a: v128, b: v128): f32 {
  const p = f32x4.mul(a, b)
  return f32x4.extract_lane(p, 0) + f32x4.extract_lane(p, 1) + f32x4.extract_lane(p, 2)
}

// @ts-ignore: decorator
@inline
export function cross(a: v128, b: v128): v128 {
  const aYzx = v128.shuffle<f32>(a, a, 1, 2, 0, 3)
  const bYzx = v128.shuffle<f32>(b, b, 1, 2, 0, 3)
  const c = f32x4.sub(f32x4.mul(a, bYzx), f32x4.mul(aYzx, b))
  return v128.shuffle<f32>(c, c, 1, 2, 0, 3)
}

// @ts-ignore: decorator
@inline
export function length(a: v128): f32 {
  return sqrt<f32>(dot(a, a))
}

/** Unit vector; zero stays zero. */
// @ts-ignore: decorator
@inline
export function normalize(a: v128): v128 {
  const l2 = dot(a, a)
  return l2 > 0 ? f32x4.div(a, f32x4.splat(sqrt<f32>(l2))) : a
}

/** Largest of the three components. */
// @ts-ignore: decorator
@inline
export function maxOf(a: v128): f32 {
  let m = x(a)
  if (y(a) > m) m = y(a)
  if (z(a) > m) m = z(a)
  return m
}

// @ts-ignore: decorator
@inline
export function luminance(a: v128): f32 {
  return <f32>0.2126 * x(a) + <f32>0.7152 * y(a) + <f32>0.0722 * z(a)
}

/** a + (b - a) × t */
// @ts-ignore: decorator
@inline
export function mix(a: v128, b: v128, t: f32): v128 {
  return f32x4.add(a, f32x4.mul(f32x4.sub(b, a), f32x4.splat(t)))
}

/** A unit vector at right angles to the unit vector `n`. (Duff et al. 2017) */
// @ts-ignore: decorator
@inline
export function tangentOf(n: v128): v128 {
  const sign: f32 = z(n) >= 0 ? 1 : -1
  const a: f32 = -1 / (sign + z(n))
  const b: f32 = x(n) * y(n) * a
  return vec(1 + sign * x(n) * x(n) * a, sign * b, -sign * x(n))
}

/** A point slightly off a surface at `p` with unit normal `n`, so that a ray from it misses the surface. (Wächter, Binder 2019) */
// @ts-ignore: decorator
@inline
export function offset(p: v128, n: v128): v128 {
  const steps = i32x4.trunc_sat_f32x4_s(f32x4.mul(n, f32x4.splat(256)))
  const negative = f32x4.lt(p, f32x4.splat(0))
  const signed = v128.bitselect(i32x4.neg(steps), steps, negative)
  const far = i32x4.add(p, signed)
  const near = f32x4.add(p, f32x4.mul(n, f32x4.splat(<f32>(1.0 / 65536.0))))
  return v128.bitselect(near, far, f32x4.lt(f32x4.abs(p), f32x4.splat(<f32>(1.0 / 32.0))))
}
