// Affine transforms as twelve numbers: three rows of four. Exact: + - × ÷ sqrt only.

export type Affine = readonly number[]
export type Vec3 = readonly [number, number, number]
export type Quaternion = readonly [number, number, number, number]

export const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]

export function compose(t: Vec3, q: Quaternion, s: Vec3): Affine {
  const l2 = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
  const n = l2 > 0 ? 2 / l2 : 0
  const [x, y, z, w] = q
  const xx = x * x * n
  const yy = y * y * n
  const zz = z * z * n
  const xy = x * y * n
  const xz = x * z * n
  const yz = y * z * n
  const wx = w * x * n
  const wy = w * y * n
  const wz = w * z * n
  return [
    ...[(1 - (yy + zz)) * s[0], (xy - wz) * s[1], (xz + wy) * s[2], t[0]],
    ...[(xy + wz) * s[0], (1 - (xx + zz)) * s[1], (yz - wx) * s[2], t[1]],
    ...[(xz - wy) * s[0], (yz + wx) * s[1], (1 - (xx + yy)) * s[2], t[2]]
  ]
}

/** From the sixteen column-major numbers of glTF. */
export function ofColumns(m: readonly number[]): Affine {
  const at = (i: number): number => m[i] ?? 0
  return [at(0), at(4), at(8), at(12), at(1), at(5), at(9), at(13), at(2), at(6), at(10), at(14)]
}

/** First `b`, then `a`. */
export function multiply(a: Affine, b: Affine): Affine {
  const out: number[] = []
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = column === 3 ? a[row * 4 + 3]! : 0
      for (let k = 0; k < 3; k++) sum += a[row * 4 + k]! * b[k * 4 + column]!
      out.push(sum)
    }
  }
  return out
}

export function determinant(m: Affine): number {
  return (
    m[0]! * (m[5]! * m[10]! - m[6]! * m[9]!) -
    m[1]! * (m[4]! * m[10]! - m[6]! * m[8]!) +
    m[2]! * (m[4]! * m[9]! - m[5]! * m[8]!)
  )
}

/** The inverse, or the identity of a flat transform: what it places has no extent to be hit. */
export function inverse(m: Affine): Affine {
  const det = determinant(m)
  if (!(Math.abs(det) > 1e-30)) return IDENTITY
  const [a, b, c, tx, d, e, f, ty, g, h, i, tz] = m as number[] as [
    ...[number, number, number, number],
    ...[number, number, number, number],
    ...[number, number, number, number]
  ]
  const r = [
    ...[(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
    ...[(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
    ...[(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det]
  ]
  const out: number[] = []
  for (let row = 0; row < 3; row++) {
    const [p, q, s] = [r[row * 3]!, r[row * 3 + 1]!, r[row * 3 + 2]!]
    out.push(p, q, s, -(p * tx + q * ty + s * tz))
  }
  return out
}

export function transformPoint(m: Affine, x: number, y: number, z: number): Vec3 {
  return [
    m[0]! * x + m[1]! * y + m[2]! * z + m[3]!,
    m[4]! * x + m[5]! * y + m[6]! * z + m[7]!,
    m[8]! * x + m[9]! * y + m[10]! * z + m[11]!
  ]
}

/** A normal transforms with the transposed inverse. */
export function transformNormal(inverted: Affine, x: number, y: number, z: number): Vec3 {
  return [
    inverted[0]! * x + inverted[4]! * y + inverted[8]! * z,
    inverted[1]! * x + inverted[5]! * y + inverted[9]! * z,
    inverted[2]! * x + inverted[6]! * y + inverted[10]! * z
  ]
}

export function normalized(v: Vec3): Vec3 {
  const l = Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
  return l > 0 ? [v[0] / l, v[1] / l, v[2] / l] : v
}
