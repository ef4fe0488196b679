/** Sixteen fluted columns under a ring of stone, open to the sky. */

import { length, moved, polar, type Soup, TAU, type Vec2, type Vec3 } from './geometry.ts'
import { Part } from './part.ts'
import { lathe } from './shapes.ts'

export const COLUMN_COUNT = 16
const COLUMN_RADIUS = 9.5
const COLUMN_HEIGHT = 5.4

/** Where a column stands. */
export const columnPlace = (i: number): Vec3 => polar(COLUMN_RADIUS, ((i + 0.5) / COLUMN_COUNT) * TAU)

const wrapped = (soup: Soup): Soup =>
  soup.mapped(p => [(Math.atan2(p[0], p[2]) / TAU) * 2, p[1] * 0.35 + length([p[0], 0, p[2]]) * 0.3])

/** One column; its base stands on y = 0. */
export function column(): Part {
  const part = new Part()
  const stone = part.of('column stone')
  const [foot, top] = [0.42, COLUMN_HEIGHT - 0.55]
  const rows = 7
  const shaft = Array.from({ length: rows + 1 }, (_, i): Vec2 => {
    const t = i / rows
    // Entasis: the shaft swells a little below the middle before it narrows.
    return [0.36 - 0.07 * t + 0.022 * Math.sin(t * Math.PI), foot + (top - foot) * t]
  })
  const flutes = 18
  stone.add(lathe(shaft, flutes * 4), p => {
    const phase = ((Math.atan2(p[0], p[2]) / TAU) * flutes + flutes) % 1
    const depth = 4 * phase * (1 - phase)
    const k = 1 - 0.075 * depth
    return [p[0] * k, p[1], p[2] * k]
  })
  stone.add(
    lathe(
      [
        [0.52, 0],
        [0.52, 0.14],
        [0.5, 0.17],
        [0.53, 0.21],
        [0.53, 0.26],
        [0.49, 0.3],
        [0.43, 0.32],
        [0.42, 0.35],
        [0.44, 0.37],
        [0.44, 0.4],
        [0.4, 0.42],
        [0.3, 0.42]
      ],
      36
    )
  )
  stone.add(
    lathe(
      [
        [0.28, top],
        [0.32, top],
        [0.33, top + 0.04],
        [0.31, top + 0.06],
        [0.33, top + 0.14],
        [0.4, top + 0.24],
        [0.48, top + 0.3],
        [0.5, top + 0.34],
        [0.46, top + 0.36],
        [0.2, top + 0.36]
      ],
      36
    )
  )
  const abacus = lathe(
    [
      [0.76, top + 0.36],
      [0.76, top + 0.55],
      [0, top + 0.55]
    ],
    4
  )
  const underside = lathe(
    [
      [0.3, top + 0.36],
      [0.76, top + 0.36]
    ],
    4
  )
  stone.add(abacus, turnedEighth).add(underside, turnedEighth)
  wrapped(stone)
  return part
}

const turnedEighth = (p: Vec3): Vec3 => {
  const k = Math.SQRT1_2
  return [(p[0] + p[2]) * k, p[1], (p[2] - p[0]) * k]
}

/** The ring that the columns carry. */
export function entablature(): Part {
  const part = new Part()
  const y = COLUMN_HEIGHT
  const ring = lathe(
    [
      [9.05, y],
      [9.95, y],
      [9.95, y + 0.22],
      [10.0, y + 0.24],
      [10.0, y + 0.46],
      [10.06, y + 0.5],
      [10.06, y + 0.9],
      [10.25, y + 1.0],
      [10.36, y + 1.06],
      [10.36, y + 1.2],
      [8.7, y + 1.2],
      [8.7, y + 1.1],
      [8.95, y + 1.0]
    ],
    128
  )
  const frieze = lathe(
    [
      [8.95, y + 1.0],
      [8.95, y + 0.5]
    ],
    128
  )
  const soffit = lathe(
    [
      [8.95, y + 0.5],
      [9.05, y + 0.46],
      [9.05, y]
    ],
    128
  )
  const around = (p: Vec3): Vec2 => [Math.atan2(p[0], p[2]) * 3, p[1] * 0.35]
  part.of('column stone').add(ring.mapped(around)).add(soffit.mapped(around))
  part.of('night marble').add(frieze.mapped(around))
  const studs = 48
  for (let i = 0; i < studs; i++) {
    const place = moved(polar(8.94, ((i + 0.5) / studs) * TAU, y + 0.75))
    part.of('satin brass').add(stud(), p => turnOut(p, ((i + 0.5) / studs) * TAU), place)
  }
  return part
}

const stud = () =>
  lathe(
    [
      [0.09, 0],
      [0.07, 0.035],
      [0, 0.05]
    ],
    10
  )

/** Lays a stud on its side, facing the axis. */
function turnOut(p: Vec3, angle: number): Vec3 {
  const flat: Vec3 = [p[0], p[2], -p[1]]
  const [s, c] = [Math.sin(angle), Math.cos(angle)]
  return [flat[0] * c + flat[2] * s, flat[1], flat[2] * c - flat[0] * s]
}
