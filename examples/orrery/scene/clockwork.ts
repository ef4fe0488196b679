/** Stand, wheels and arms of the orrery. The wheels really mesh: ratios follow from tooth counts. */

import { moved, polar, type Soup, TAU, turnedX, turnedY, type Vec2, type Vec3 } from './geometry.ts'
import { Part } from './part.ts'
import { band, bar, curve, gear, geodesic, lathe } from './shapes.ts'

const MODULE = 0.0125
/** Teeth of a wheel and of the pinion that drives it, together; so all pairs fit between the same two axes. */
const PAIR_TEETH = 120
const WHEEL_GAP = 0.1
const LOWEST_WHEEL = 1.2
const AXIS_DISTANCE = (PAIR_TEETH * MODULE) / 2

/** The driving shaft turns this often in one loop, against the wheels. */
export const SHAFT_REVOLUTIONS = 3
/** Where the driving shaft stands. */
const SHAFT_ANGLE = 1.3

/** A wheel that turns `revolutions` times per loop, from the slowest at the bottom to the fastest. */
export interface Wheel {
  readonly level: number
  readonly revolutions: number
}

const wheelTeeth = (w: Wheel) => (PAIR_TEETH * SHAFT_REVOLUTIONS) / (SHAFT_REVOLUTIONS + w.revolutions)
const wheelHeight = (level: number) => LOWEST_WHEEL + level * WHEEL_GAP
const collarHeight = (level: number) => 1.74 + level * 0.085

export const shaftPlace = (): Vec3 => polar(AXIS_DISTANCE, SHAFT_ANGLE)

/** Steps, column and plate that stand still. */
export function stand(): Part {
  const part = new Part()
  const steps = lathe(
    [
      [1.36, -0.02],
      [1.36, 0.15],
      [1.33, 0.18],
      [1.06, 0.18],
      [1.06, 0.33],
      [1.03, 0.36],
      [0, 0.36]
    ],
    96
  )
  part.of('ivory marble').add(steps.mapped(p => [p[0] * 0.4 + p[1] * 0.3, p[2] * 0.4 + p[1] * 0.3]))
  part
    .of('polished brass')
    .add(band(1.3, 1.385, 0.05, 0.085, 0.006, 128))
    .add(band(1.0, 1.085, 0.225, 0.26, 0.006, 96))
  part.of('hammered bronze').add(lathe(BALUSTER, 64))
  part
    .of('polished brass')
    .add(band(0.84, 0.93, 1.075, 1.135, 0.01, 96))
    .add(band(0.06, 0.2, 1.075, 1.15, 0.01, 48))
  for (let i = 0; i < 6; i++) {
    const angle = ((i + 0.5) / 6) * TAU + SHAFT_ANGLE
    part.of('satin brass').add(bar([polar(0.17, angle, 1.1), polar(0.86, angle, 1.1)], () => 0.03, 12))
    part.of('polished brass').add(lathe(FINIAL, 20), moved(polar(0.885, angle, 1.13)))
    const foot = curve([polar(0.3, angle, 0.62), polar(0.52, angle, 0.8), polar(0.86, angle, 1.08)], 8)
    part.of('satin brass').add(bar(foot, t => 0.034 - 0.014 * Math.sin(t * Math.PI), 10))
  }
  const toShaft = [polar(0.17, SHAFT_ANGLE, 1.1), polar(0.86, SHAFT_ANGLE, 1.1)]
  part.of('satin brass').add(bar(toShaft, () => 0.04, 12))
  part.of('steel').add(
    bar(
      [
        [0, 1.1, 0],
        [0, 2.12, 0]
      ],
      () => 0.035,
      16
    )
  )
  return part
}

const BALUSTER: readonly Vec2[] = [
  [0.5, 0.36],
  [0.5, 0.4],
  [0.46, 0.43],
  [0.4, 0.44],
  [0.36, 0.47],
  [0.34, 0.52],
  [0.2, 0.58],
  [0.15, 0.63],
  [0.19, 0.645],
  [0.19, 0.665],
  [0.15, 0.68],
  [0.18, 0.74],
  [0.22, 0.82],
  [0.2, 0.9],
  [0.13, 0.97],
  [0.12, 1.0],
  [0.16, 1.015],
  [0.16, 1.035],
  [0.13, 1.05],
  [0.24, 1.075],
  [0.06, 1.076]
]

const FINIAL: readonly Vec2[] = [
  [0.03, 0],
  [0.03, 0.02],
  [0.018, 0.03],
  [0.03, 0.055],
  [0.034, 0.075],
  [0.026, 0.095],
  [0.01, 0.11],
  [0, 0.115]
]

/** The driving shaft with a pinion for every wheel; drawn about its own axis. */
export function shaft(wheels: readonly Wheel[]): Part {
  const part = new Part()
  for (const wheel of wheels) {
    const teeth = wheelTeeth(wheel)
    const pinion = PAIR_TEETH - teeth
    // Fraction of a tooth by which the wheel's gap misses the line between the axes; the pinion's tooth must miss it alike.
    const miss = ((SHAFT_ANGLE / TAU) * teeth) % 1
    const turn = SHAFT_ANGLE + Math.PI - ((0.5 - miss) * TAU) / pinion
    const shape = { teeth: pinion, module: MODULE, thickness: 0.034, spokes: 5, hub: 0.06 }
    part.of('copper').add(gear(shape), turnedY(turn), moved([0, wheelHeight(wheel.level), 0]))
  }
  part.of('steel').add(
    bar(
      [
        [0, 1.09, 0],
        [0, 1.66, 0]
      ],
      () => 0.022,
      12
    )
  )
  part.of('polished brass').add(lathe(FINIAL, 20), moved([0, 1.64, 0]))
  return part
}

/** The wheel itself with the tube that carries its arms. */
export function wheel(w: Wheel): Part {
  const part = new Part()
  const shape = {
    teeth: wheelTeeth(w),
    module: MODULE,
    thickness: 0.034,
    spokes: 6,
    hub: 0.14 - w.level * 0.014
  }
  part.of('satin brass').add(gear(shape), moved([0, wheelHeight(w.level), 0]))
  const outer = 0.12 - w.level * 0.014
  const y = collarHeight(w.level)
  part.of('polished brass').add(band(outer - 0.012, outer, wheelHeight(w.level), y, 0.002, 32))
  part.of('polished brass').add(band(outer - 0.012, outer + 0.035, y - 0.032, y + 0.032, 0.008, 40))
  return part
}

/** An arm from its wheel's collar out to a planet, with its counterweight. */
export interface ArmShape {
  readonly level: number
  readonly angle: number
  readonly reach: number
  /** Height at which the cup ends and the planet begins. */
  readonly cup: number
  readonly gauge: number
}

export function arm({ level, angle, reach, cup, gauge }: ArmShape): Part {
  const part = new Part()
  const y = collarHeight(level)
  const knots: Vec3[] = [
    [0, y, 0.1],
    [0, y - 0.035, reach * 0.3],
    [0, y - 0.05, reach * 0.62],
    [0, y + 0.02, reach * 0.86],
    [0, y + (cup - y) * 0.45, reach * 0.985],
    [0, cup - 0.06, reach]
  ]
  const turn = turnedY(angle)
  part.of('satin brass').add(
    bar(curve(knots, 7), t => gauge * (1.15 - 0.5 * t), 12),
    turn
  )
  part.of('polished brass').add(lathe(cupProfile(gauge), 24), moved([0, cup, reach]), turn)
  for (const knot of [knots[1]!, knots[2]!]) {
    part.of('polished brass').add(lathe(BEAD, 18), turnedX(Math.PI / 2), moved(knot), turn)
  }
  const back = 0.3 + level * 0.05
  part.of('satin brass').add(
    bar(
      [
        [0, y, -0.08],
        [0, y, -back]
      ],
      () => gauge * 0.7,
      10
    ),
    turn
  )
  part.of('polished brass').add(weight(gauge), moved([0, y, -back]), turn)
  return part
}

const weight = (gauge: number): Soup => geodesic(gauge * 2.3, 8)

const BEAD: readonly Vec2[] = [
  [0, -0.05],
  [0.03, -0.05],
  [0.036, -0.035],
  [0.03, -0.02],
  [0.045, 0],
  [0.03, 0.02],
  [0.036, 0.035],
  [0.03, 0.05],
  [0, 0.05]
]

const cupProfile = (g: number): Vec2[] => [
  [g * 0.7, -0.075],
  [g * 1.4, -0.065],
  [g * 1.4, -0.055],
  [g * 0.8, -0.045],
  [g * 0.9, -0.03],
  [g * 1.6, -0.012],
  [g * 2.2, 0.012],
  [g * 2.05, 0.014],
  [g * 1.2, -0.004],
  [0, -0.006]
]
