/** Parametric solids: turned, swept, cut and geodesic. */

import {
  add,
  cross,
  length,
  normalize,
  polar,
  Soup,
  scale,
  subtract,
  TAU,
  type Vec2,
  type Vec3
} from './geometry.ts'

/** Turns a profile of `[radius, y]` points about the Y axis. Upwards along the outside faces outwards. */
export function lathe(profile: readonly Vec2[], segments: number): Soup {
  const soup = new Soup()
  for (let i = 0; i + 1 < profile.length; i++) {
    const [r0, y0] = profile[i]!
    const [r1, y1] = profile[i + 1]!
    for (let s = 0; s < segments; s++) {
      const a = (s / segments) * TAU
      const b = ((s + 1) / segments) * TAU
      const v0 = i / (profile.length - 1)
      const v1 = (i + 1) / (profile.length - 1)
      soup.quad(
        polar(r0, a, y0),
        polar(r0, b, y0),
        polar(r1, b, y1),
        polar(r1, a, y1),
        [s / segments, 1 - v0],
        [(s + 1) / segments, 1 - v0],
        [(s + 1) / segments, 1 - v1],
        [s / segments, 1 - v1]
      )
    }
  }
  return soup
}

/** Sphere with latitude and longitude texture coordinates. */
export function globe(radius: number, segments: number): Soup {
  const rings = Math.floor(segments / 2)
  const profile = Array.from({ length: rings + 1 }, (_, i): Vec2 => {
    const a = (i / rings) * Math.PI
    return [i === 0 || i === rings ? 0 : radius * Math.sin(a), -radius * Math.cos(a)]
  })
  return lathe(profile, segments)
}

/** Sphere of nearly equal triangles: an icosahedron with every edge cut into `frequency` parts. */
export function geodesic(radius: number, frequency: number): Soup {
  const soup = new Soup()
  const top: Vec3 = [0, 1, 0]
  const belt = (i: number, y: number, shift: number) => polar(2 / Math.sqrt(5), ((i + shift) / 5) * TAU, y)
  const h = 1 / Math.sqrt(5)
  for (let i = 0; i < 5; i++) {
    const u0 = belt(i, h, 0)
    const u1 = belt(i + 1, h, 0)
    const l0 = belt(i, -h, 0.5)
    const l1 = belt(i + 1, -h, 0.5)
    facet(soup, top, u0, u1, radius, frequency)
    facet(soup, u0, l0, u1, radius, frequency)
    facet(soup, u1, l0, l1, radius, frequency)
    facet(soup, l0, [0, -1, 0], l1, radius, frequency)
  }
  return soup
}

function facet(soup: Soup, a: Vec3, b: Vec3, c: Vec3, radius: number, n: number): void {
  const at = (i: number, j: number): Vec3 =>
    scale(normalize(add(a, add(scale(subtract(b, a), i / n), scale(subtract(c, a), j / n)))), radius)
  for (let i = 0; i < n; i++) {
    for (let j = 0; i + j < n; j++) {
      soup.triangle(at(i, j), at(i + 1, j), at(i, j + 1))
      if (i + j + 1 < n) soup.triangle(at(i + 1, j), at(i + 1, j + 1), at(i, j + 1))
    }
  }
}

/** Ring with a rectangular section and bevelled edges, lying flat around the Y axis. */
export function band(
  inner: number,
  outer: number,
  y0: number,
  y1: number,
  bevel: number,
  segments: number
): Soup {
  return lathe(
    [
      [outer - bevel, y0],
      [outer, y0 + bevel],
      [outer, y1 - bevel],
      [outer - bevel, y1],
      [inner + bevel, y1],
      [inner, y1 - bevel],
      [inner, y0 + bevel],
      [inner + bevel, y0],
      [outer - bevel, y0]
    ],
    segments
  )
}

/** Round bar along a path; `radiusAt` takes 0 at the start and 1 at the end. */
export function bar(path: readonly Vec3[], radiusAt: (t: number) => number, sides: number): Soup {
  const soup = new Soup()
  let side: Vec3 = [0, 0, 0]
  const rings = path.map((p, i) => {
    const along = normalize(subtract(path[Math.min(i + 1, path.length - 1)]!, path[Math.max(i - 1, 0)]!))
    if (i === 0) side = normalize(cross(along, Math.abs(along[1]) > 0.9 ? [1, 0, 0] : [0, 1, 0]))
    const up = normalize(cross(side, along))
    side = normalize(cross(along, up))
    const r = radiusAt(i / (path.length - 1))
    return Array.from({ length: sides }, (_, k) => {
      const a = (k / sides) * TAU
      return add(p, add(scale(side, r * Math.cos(a)), scale(up, -r * Math.sin(a))))
    })
  })
  for (let i = 0; i + 1 < rings.length; i++) {
    for (let k = 0; k < sides; k++) {
      const next = (k + 1) % sides
      soup.quad(rings[i]![k]!, rings[i]![next]!, rings[i + 1]![next]!, rings[i + 1]![k]!)
    }
  }
  for (let k = 0; k < sides; k++) {
    const next = (k + 1) % sides
    soup.triangle(path[0]!, rings[0]![next]!, rings[0]![k]!)
    soup.triangle(path.at(-1)!, rings.at(-1)![k]!, rings.at(-1)![next]!)
  }
  return soup
}

/** Points of a smooth curve through `knots` (Catmull-Rom), `steps` per span. */
export function curve(knots: readonly Vec3[], steps: number): Vec3[] {
  const at = (i: number) => knots[Math.min(Math.max(i, 0), knots.length - 1)]!
  const points: Vec3[] = []
  for (let i = 0; i + 1 < knots.length; i++) {
    for (let s = 0; s < steps; s++) {
      const t = s / steps
      const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)]
      const tangent0 = scale(subtract(p2, p0), 0.5)
      const tangent1 = scale(subtract(p3, p1), 0.5)
      const t2 = t * t
      const t3 = t2 * t
      const ends = add(scale(p1, 2 * t3 - 3 * t2 + 1), scale(p2, 3 * t2 - 2 * t3))
      points.push(add(ends, add(scale(tangent0, t3 - 2 * t2 + t), scale(tangent1, t3 - t2))))
    }
  }
  points.push(knots.at(-1)!)
  return points
}

/** Teeth, spokes and hub of one wheel. Radii follow from teeth and module as in any pair that meshes. */
export interface GearShape {
  readonly teeth: number
  /** Pitch diameter per tooth. */
  readonly module: number
  readonly thickness: number
  readonly spokes: number
  readonly hub: number
}

/** Spur gear lying flat, centred on the origin, one tooth gap at angle 0. */
export function gear({ teeth, module, thickness, spokes, hub }: GearShape): Soup {
  const soup = new Soup()
  const pitch = (teeth * module) / 2
  const root = pitch - 1.15 * module
  const tip = pitch + 0.95 * module
  const rim = Math.max(hub, root - 4.2 * module)
  const half = thickness / 2
  const outline: Vec3[] = []
  const inner: Vec3[] = []
  for (let t = 0; t < teeth; t++) {
    // The pitch circle is shared equally by tooth and gap: flanks cross it at a quarter and at three quarters.
    for (const [part, radius] of [
      [0.16, root],
      [0.36, tip],
      [0.64, tip],
      [0.84, root]
    ] as const) {
      const angle = ((t + part) / teeth) * TAU
      outline.push(polar(radius, angle))
      inner.push(polar(rim, angle))
    }
  }
  const lift = (p: Vec3, y: number): Vec3 => [p[0], y, p[2]]
  for (let i = 0; i < outline.length; i++) {
    const j = (i + 1) % outline.length
    const [a, b, c, d] = [outline[i]!, outline[j]!, inner[j]!, inner[i]!]
    soup.quad(lift(a, half), lift(b, half), lift(c, half), lift(d, half))
    soup.quad(lift(d, -half), lift(c, -half), lift(b, -half), lift(a, -half))
    soup.quad(lift(a, -half), lift(b, -half), lift(b, half), lift(a, half))
    if (rim > hub) soup.quad(lift(c, -half), lift(d, -half), lift(d, half), lift(c, half))
  }
  if (rim > hub) {
    for (let s = 0; s < spokes; s++)
      soup.add(spoke(rim, hub, half * 0.8, module), p => turn(p, (s / spokes) * TAU))
  }
  return soup.add(band(hub * 0.45, hub, -half * 1.6, half * 1.6, module * 0.3, 32))
}

function turn(p: Vec3, angle: number): Vec3 {
  const radius = length([p[0], 0, p[2]])
  return polar(radius, Math.atan2(p[0], p[2]) + angle, p[1])
}

function spoke(rim: number, hub: number, half: number, module: number): Soup {
  const soup = new Soup()
  const outerHalf = module * 1.3
  const innerHalf = module * 2.2
  const z0 = hub * 0.9
  const z1 = rim + module * 0.5
  const corner = (x: number, y: number, z: number): Vec3 => [x, y, z]
  const top = [
    corner(-innerHalf, half, z0),
    corner(-outerHalf, half, z1),
    corner(outerHalf, half, z1),
    corner(innerHalf, half, z0)
  ] as const
  const low = top.map(p => corner(p[0], -half, p[2]))
  soup.quad(top[0], top[1], top[2], top[3])
  soup.quad(low[3]!, low[2]!, low[1]!, low[0]!)
  soup.quad(low[0]!, low[1]!, top[1], top[0])
  soup.quad(low[2]!, low[3]!, top[3], top[2])
  return soup
}
