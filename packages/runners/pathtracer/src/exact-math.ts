// Elementary functions from + - × ÷ sqrt only: JavaScript engines may differ in the last bit of Math.sin and the like,
// and a differing bit is a differing picture. Never replace these by their Math namesakes.

export const PI = Math.PI
const HALF_PI_HIGH = 1.5707963267948966
const HALF_PI_LOW = 6.123233995736766e-17

function sinSeries(r: number): number {
  const r2 = r * r
  let sum = 0
  for (let k = 17; k >= 3; k -= 2) sum = (1 - sum) * (r2 / (k * (k - 1)))
  return r * (1 - sum)
}

function cosSeries(r: number): number {
  const r2 = r * r
  let sum = 0
  for (let k = 18; k >= 2; k -= 2) sum = (1 - sum) * (r2 / (k * (k - 1)))
  return 1 - sum
}

function quarterTurns(x: number): readonly [quadrant: number, rest: number] {
  const k = Math.floor(x / HALF_PI_HIGH + 0.5)
  return [((k % 4) + 4) % 4, x - k * HALF_PI_HIGH - k * HALF_PI_LOW]
}

export function sin(x: number): number {
  const [quadrant, r] = quarterTurns(x)
  if (quadrant === 0) return sinSeries(r)
  if (quadrant === 1) return cosSeries(r)
  return quadrant === 2 ? -sinSeries(r) : -cosSeries(r)
}

export function cos(x: number): number {
  const [quadrant, r] = quarterTurns(x)
  if (quadrant === 0) return cosSeries(r)
  if (quadrant === 1) return -sinSeries(r)
  return quadrant === 2 ? -cosSeries(r) : sinSeries(r)
}

export function tan(x: number): number {
  return sin(x) / cos(x)
}

export function atan(x: number): number {
  if (x < 0) return -atan(-x)
  if (x > 1) return HALF_PI_HIGH - atan(1 / x)
  const root3 = Math.sqrt(3)
  if (x > 0.2679491924311227) return PI / 6 + atanSeries((x * root3 - 1) / (x + root3))
  return atanSeries(x)
}

function atanSeries(x: number): number {
  const x2 = x * x
  let sum = 0
  for (let k = 27; k >= 3; k -= 2) sum = x2 * (1 / k - sum)
  return x * (1 - sum)
}

export function atan2(y: number, x: number): number {
  if (x > 0) return atan(y / x)
  if (x < 0) return y >= 0 ? atan(y / x) + PI : atan(y / x) - PI
  return y > 0 ? HALF_PI_HIGH : y < 0 ? -HALF_PI_HIGH : 0
}

export function acos(x: number): number {
  const c = x > 1 ? 1 : Math.max(x, -1)
  return atan2(Math.sqrt(1 - c * c), c)
}

export function exp2(x: number): number {
  const whole = Math.floor(x + 0.5)
  const f = (x - whole) * Math.LN2
  let sum = 1
  for (let k = 16; k >= 1; k--) sum = 1 + (sum * f) / k
  let scale = 1
  for (let k = 0; k < Math.abs(whole) && k < 1100; k++) scale *= whole < 0 ? 0.5 : 2
  return sum * scale
}

/** Length of a vector. Math.hypot may differ between engines. */
export function length3(x: number, y: number, z: number): number {
  return Math.sqrt(x * x + y * y + z * z)
}

function fifthRoot(a: number): number {
  if (a <= 0) return 0
  let y = 1
  for (let k = 0; k < 80; k++) y = (4 * y + a / (y * y * y * y)) / 5
  return y
}

/** Linear value of an sRGB-encoded one, both in 0..1. */
export function linearOfSrgb(c: number): number {
  if (c <= 0.04045) return c / 12.92
  const t = (c + 0.055) / 1.055
  return t * t * fifthRoot(t * t)
}

/** Natural logarithm of a positive number. */
export function ln(value: number): number {
  let x = value
  let halvings = 0
  for (; x < 0.75 && halvings < 1100; halvings++) x *= 2
  for (; x > 1.5 && halvings > -1100; halvings--) x /= 2
  const y = (x - 1) / (x + 1)
  let sum = 0
  for (let k = 41; k >= 1; k -= 2) sum = 1 / k + y * y * sum
  return 2 * y * sum - halvings * Math.LN2
}
