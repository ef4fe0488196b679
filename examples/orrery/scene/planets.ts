/** The bodies: which stone or glass, how large, how far, how fast. */

import { moved, polar, Soup, TAU, turnedX, turnedY } from './geometry.ts'
import type { MaterialName } from './materials.ts'
import { Part } from './part.ts'
import { band, bar, geodesic, globe, lathe } from './shapes.ts'

/** One body on an arm. */
export interface Planet {
  readonly name: string
  readonly material: MaterialName
  readonly radius: number
  readonly reach: number
  /** Level of the wheel that carries it; 0 is the slowest. */
  readonly level: number
  /** Where its arm points when the film begins. */
  readonly angle: number
  /** Own turns per loop. */
  readonly spin: number
  readonly tiltDegrees: number
}

/** Turns per loop of the five wheels; each leaves its wheel an even number of teeth. */
export const WHEEL_REVOLUTIONS = [1, 2, 3, 6, 7] as const

/** Height of every body's centre. */
export const ECLIPTIC = 2.42

const degrees = (d: number) => (d / 360) * TAU

export const PLANETS: readonly Planet[] = [
  {
    name: 'Mercury',
    material: 'steel',
    radius: 0.1,
    reach: 1.02,
    level: 4,
    angle: degrees(200),
    spin: 3,
    tiltDegrees: 0
  },
  {
    name: 'Venus',
    material: 'amber glass',
    radius: 0.17,
    reach: 1.42,
    level: 3,
    angle: degrees(20),
    spin: 1,
    tiltDegrees: 0
  },
  {
    name: 'Earth',
    material: 'earth',
    radius: 0.23,
    reach: 1.98,
    level: 2,
    angle: degrees(-75),
    spin: 8,
    tiltDegrees: 23
  },
  {
    name: 'Mars',
    material: 'jasper',
    radius: 0.16,
    reach: 2.55,
    level: 1,
    angle: degrees(88),
    spin: 6,
    tiltDegrees: 25
  },
  {
    name: 'Jupiter',
    material: 'agate',
    radius: 0.42,
    reach: 3.1,
    level: 0,
    angle: degrees(-128),
    spin: 5,
    tiltDegrees: 6
  },
  {
    name: 'Saturn',
    material: 'clear glass',
    radius: 0.36,
    reach: 3.3,
    level: 0,
    angle: degrees(16),
    spin: 1,
    tiltDegrees: 24
  },
  {
    name: 'Uranus',
    material: 'teal glass',
    radius: 0.25,
    reach: 3.5,
    level: 0,
    angle: degrees(128),
    spin: 1,
    tiltDegrees: 0
  }
]

/** The body alone, centred on the origin. */
export function body({ name, material, radius }: Planet): Part {
  const part = new Part()
  if (material.endsWith('glass')) part.of(material).add(geodesic(radius, 18))
  else part.of(material).add(globe(radius, radius > 0.2 ? 88 : 56))
  if (name === 'Saturn') part.add(rings(radius))
  return part
}

function rings(radius: number): Part {
  const part = new Part()
  const t = 0.007
  part.of('polished brass').add(band(radius * 1.28, radius * 1.5, -t, t, 0.003, 96))
  part.of('silver').add(band(radius * 1.53, radius * 1.78, -t, t, 0.003, 96))
  part.of('polished brass').add(band(radius * 1.84, radius * 1.98, -t, t, 0.003, 96))
  for (let i = 0; i < 6; i++) {
    const angle = (i / 6) * TAU
    part
      .of('satin brass')
      .add(bar([polar(radius * 0.985, angle), polar(radius * 1.9, angle)], () => 0.006, 8))
  }
  return part
}

/** The Moon on its little arm, drawn about the Earth's axis. */
export function moon(): Part {
  const part = new Part()
  const reach = 0.42
  part.of('silver').add(globe(0.062, 40), moved([0, 0, reach]))
  const path = Array.from({ length: 13 }, (_, i) => {
    const a = (i / 12) * (Math.PI / 2)
    return [0, -0.3 + 0.235 * (1 - Math.cos(a)), 0.03 + (reach - 0.03) * Math.sin(a)] as const
  })
  part.of('polished brass').add(bar(path, () => 0.009, 8))
  part.of('polished brass').add(band(0.02, 0.045, -0.315, -0.285, 0.005, 24))
  return part
}

/** The glowing heart and its bearing. */
export function sun(): Part {
  const part = new Part()
  part.of('sun').add(globe(SUN_RADIUS, 32))
  part.of('polished brass').add(
    lathe(
      [
        [0.03, -0.34],
        [0.07, -0.33],
        [0.07, -0.31],
        [0.04, -0.3],
        [0.05, -0.27],
        [0.13, -0.23],
        [0.15, -0.19],
        [0.1, -0.2],
        [0, -0.24]
      ],
      32
    ),
    moved([0, -0.06, 0])
  )
  return part
}

export const SUN_RADIUS = 0.34

/** One graduated hoop of the armillary around the sun, standing upright on its pivots. */
export function hoop(radius: number, width: number): Part {
  const part = new Part()
  const upright = turnedX(Math.PI / 2)
  part.of('polished brass').add(band(radius - 0.016, radius + 0.016, -width, width, 0.005, 96), upright)
  const marks = new Soup()
  for (let i = 0; i < 36; i++) {
    marks.add(
      lathe(
        [
          [0.012, 0],
          [0.009, 0.007],
          [0, 0.01]
        ],
        8
      ),
      turnedX(Math.PI / 2),
      moved([0, 0, radius + 0.015]),
      turnedY((i / 36) * TAU)
    )
  }
  part.of('steel').add(marks, upright)
  for (const end of [0, Math.PI]) {
    part.of('satin brass').add(
      lathe(
        [
          [0.024, 0],
          [0.03, 0.02],
          [0.02, 0.04],
          [0.012, 0.06],
          [0, 0.065]
        ],
        16
      ),
      moved([0, radius + 0.01, 0]),
      turnedX(end)
    )
  }
  return part
}
