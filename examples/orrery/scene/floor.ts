/** The terrace: an inlaid compass of marble and brass, flagstones around it, steps down to the sea. */

import { moved, polar, Soup, TAU, turnedY, type Vec2, type Vec3 } from './geometry.ts'
import type { MaterialName } from './materials.ts'
import { hash } from './noise.ts'
import { Part } from './part.ts'
import { lathe } from './shapes.ts'

/** Thickness of an inlay above the stone it lies on: enough to be told apart by a ray, too thin to be seen. */
const INLAY = 0.002

/** Planar texture coordinates that differ from stone to stone, so that veins end at the joints. */
function cut(id: number): (p: Vec3) => Vec2 {
  const turn = turnedY(hash(id, 1, 0, 7) * TAU)
  const [du, dv] = [hash(id, 2, 0, 7), hash(id, 3, 0, 7)]
  return p => {
    const q = turn(p)
    return [q[0] * 0.36 + du, q[2] * 0.36 + dv]
  }
}

/** A stone between two radii and two angles, with bevelled edges and a joint around it. */
function slab(r0: number, r1: number, a0: number, a1: number, y = 0): Soup {
  const joint = 0.006
  const bevel = 0.01
  // Flat enough that low light does not flash from every edge.
  const drop = 0.003
  const steps = Math.max(2, Math.ceil((a1 - a0) / 0.09))
  const soup = new Soup()
  const row = (radius: number, inset: number, height: number) =>
    Array.from({ length: steps + 1 }, (_, i) => {
      const edge = inset / radius
      return polar(radius, a0 + edge + ((a1 - a0 - 2 * edge) * i) / steps, height)
    })
  const rows = [
    row(r1 - joint, joint, y - drop),
    row(r1 - joint - bevel, joint + bevel, y),
    row(r0 + joint + bevel, joint + bevel, y),
    row(r0 + joint, joint, y - drop)
  ]
  for (let r = 0; r < 3; r++) {
    for (let i = 0; i < steps; i++)
      soup.quad(rows[r]![i]!, rows[r]![i + 1]!, rows[r + 1]![i + 1]!, rows[r + 1]![i]!)
  }
  const [outer, high, low, inner] = rows as [Vec3[], Vec3[], Vec3[], Vec3[]]
  soup.quad(outer[0]!, high[0]!, low[0]!, inner[0]!)
  soup.quad(high[steps]!, outer[steps]!, inner[steps]!, low[steps]!)
  return soup
}

/** Flat ring on the ground. */
function inlayRing(inner: number, outer: number, y: number, segments = 160): Soup {
  return lathe(
    [
      [outer, y - INLAY],
      [outer, y],
      [inner, y],
      [inner, y - INLAY]
    ],
    segments
  )
}

/** One course of equal stones. */
function course(
  part: Part,
  r0: number,
  r1: number,
  count: number,
  shift: number,
  tones: readonly MaterialName[]
) {
  for (let i = 0; i < count; i++) {
    const id = Math.round(r0 * 1000) + i
    const tone = tones[Math.floor(hash(id, 9, 0, 3) * tones.length)]!
    const stone = slab(r0, r1, ((i + shift) / count) * TAU, ((i + 1 + shift) / count) * TAU)
    part.of(tone).add(stone.mapped(cut(id)))
  }
}

/** Points of the compass: kites of a light and a dark half, framed in brass. */
function star(
  part: Part,
  points: number,
  shift: number,
  waist: number,
  foot: number,
  tip: number,
  y: number
) {
  const tones: readonly [MaterialName, MaterialName] = ['ivory marble', 'grey marble']
  for (let i = 0; i < points; i++) {
    const angle = ((i + shift) / points) * TAU
    const spread = TAU / points / 2
    const [near, far] = [polar(foot, angle, y), polar(tip, angle, y)]
    for (const side of [-1, 1]) {
      const knee = polar(waist, angle + side * spread, y)
      const half = new Soup()
      if (side < 0) half.triangle(near, knee, far)
      else half.triangle(near, far, knee)
      part.of(tones[side < 0 ? 0 : 1]).add(half.mapped(cut(points * 100 + i * 2 + side)))
      strip(part.of('satin brass'), knee, far, 0.014, y + INLAY)
    }
    strip(part.of('satin brass'), near, far, 0.008, y + INLAY)
  }
}

/** Thin straight inlay between two points. */
function strip(soup: Soup, a: Vec3, b: Vec3, half: number, y: number): void {
  const l = Math.sqrt((b[0] - a[0]) ** 2 + (b[2] - a[2]) ** 2)
  const [nx, nz] = [((b[2] - a[2]) / l) * half, (-(b[0] - a[0]) / l) * half]
  soup.quad(
    [a[0] - nx, y, a[2] - nz],
    [b[0] - nx, y, b[2] - nz],
    [b[0] + nx, y, b[2] + nz],
    [a[0] + nx, y, a[2] + nz]
  )
}

/** Degree marks and the twelve houses between the compass and the flagstones. */
function calendar(part: Part, r0: number, r1: number): void {
  const brass = part.of('satin brass')
  brass.add(inlayRing(r0 - 0.035, r0 + 0.035, INLAY)).add(inlayRing(r1 - 0.035, r1 + 0.035, INLAY))
  brass.add(inlayRing(r1 - 0.17, r1 - 0.155, INLAY))
  for (let i = 0; i < 180; i++) {
    const angle = (i / 180) * TAU
    const depth = i % 15 === 0 ? r1 - r0 : i % 5 === 0 ? 0.15 : 0.09
    const [a, b] = [polar(r1 - depth, angle, INLAY), polar(r1, angle, INLAY)]
    strip(brass, a, b, i % 15 === 0 ? 0.014 : 0.006, INLAY * 1.5)
  }
  for (let i = 0; i < 12; i++) {
    const middle = polar((r0 + r1) / 2 - 0.06, ((i + 0.5) / 12) * TAU)
    brass.add(inlayRing(0.085, 0.105, INLAY, 40), moved(middle))
    for (let k = 0; k < 8; k++) {
      const angle = (k / 8) * TAU
      strip(
        brass,
        [...polarAround(middle, 0.03, angle)],
        [...polarAround(middle, 0.075, angle)],
        0.006,
        INLAY
      )
    }
  }
}

const polarAround = (middle: Vec3, radius: number, angle: number): Vec3 => moved(middle)(polar(radius, angle))

/** Everything underfoot. */
export function terrace(): Part {
  const part = new Part()
  part.of('grout').add(
    lathe(
      [
        [10.6, -0.05],
        [10.6, -0.004],
        [0, -0.004]
      ],
      96
    )
  )
  course(part, 1.35, 1.8, 24, 0.5, ['night marble'])
  part.of('satin brass').add(inlayRing(1.78, 1.84, INLAY))
  course(part, 1.8, 2.95, 32, 0, ['night marble'])
  course(part, 2.95, 4.5, 32, 0.5, ['night marble'])
  part.of('satin brass').add(inlayRing(2.93, 2.97, INLAY))
  star(part, 8, 0.5, 2.2, 1.8, 3.75, INLAY)
  star(part, 8, 0, 2.45, 1.8, 4.42, INLAY * 2.5)
  course(part, 4.5, 5.2, 24, 0, ['night marble'])
  calendar(part, 4.5, 5.2)
  course(part, 5.2, 6.3, 36, 0, ['ivory marble', 'cream marble', 'cream marble'])
  course(part, 6.3, 7.4, 40, 0.5, ['ivory marble', 'cream marble', 'ivory marble'])
  course(part, 7.4, 8.5, 48, 0, ['ivory marble', 'cream marble', 'cream marble'])
  course(part, 8.5, 8.75, 48, 0.5, ['night marble'])
  course(part, 8.75, 10.45, 32, 0, ['cream marble'])
  const steps = lathe(
    [
      [12.6, -1.6],
      [12.6, -1.2],
      [12.0, -1.2],
      [12.0, -0.8],
      [11.4, -0.8],
      [11.4, -0.4],
      [10.8, -0.4],
      [10.6, -0.004],
      [10.45, -0.004]
    ],
    128
  )
  part.of('column stone').add(steps.mapped(p => [p[0] * 0.3, p[2] * 0.3 + p[1]]))
  return part
}

/** Water to the horizon. */
export function sea(): Part {
  const part = new Part()
  const plane = lathe(
    [
      [900, -1.5],
      [200, -1.5],
      [40, -1.5],
      [10, -1.5]
    ],
    64
  )
  part.of('sea').add(plane.mapped(p => [p[0] * 0.21, p[2] * 0.21]))
  return part
}
