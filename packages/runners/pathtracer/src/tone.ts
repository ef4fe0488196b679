import type { Raster, RenderOutput } from '@rayswarm/interface'
import { exp2, linearOfSrgb } from './exact-math.ts'

/** Linear value at which the encoded byte becomes `k + 1`. */
const THRESHOLDS = Float64Array.from({ length: 255 }, (_, k) => linearOfSrgb((k + 0.5) / 255))

/** Nearest sRGB byte of a linear value. */
export function srgbByte(linear: number): number {
  let low = 0
  let high = 255
  while (low < high) {
    const middle = (low + high) >> 1
    if (linear >= THRESHOLDS[middle]!) low = middle + 1
    else high = middle
  }
  return low
}

// The fit of the ACES reference and output transforms by Stephen Hill, for linear sRGB in and out.
const ACES_IN = [0.59719, 0.35458, 0.04823, 0.076, 0.90834, 0.01566, 0.0284, 0.13383, 0.83777] as const
const ACES_OUT = [
  1.60475, -0.53108, -0.07367, -0.10208, 1.10813, -0.00605, -0.00327, -0.07276, 1.07602
] as const

function acesCurve(v: number): number {
  return (v * (v + 0.0245786) - 0.000090537) / (v * (0.983729 * v + 0.432951) + 0.238081)
}

type Triple = [number, number, number]

function apply(m: readonly number[], r: number, g: number, b: number): Triple {
  return [
    m[0]! * r + m[1]! * g + m[2]! * b,
    m[3]! * r + m[4]! * g + m[5]! * b,
    m[6]! * r + m[7]! * g + m[8]! * b
  ]
}

/** Display-linear colour of a scene-linear one. */
export function toneMapped(r: number, g: number, b: number, toneMap: RenderOutput['toneMap']): Triple {
  if (toneMap === 'linear') return [r, g, b]
  const [x, y, z] = apply(ACES_IN, r, g, b)
  return apply(ACES_OUT, acesCurve(x), acesCurve(y), acesCurve(z))
}

/** Eight-bit picture of rows `from..to`, three bytes per pixel, written into `out`. */
export function developRows(
  raster: Raster,
  output: RenderOutput,
  from: number,
  to: number,
  out: Uint8Array
): void {
  const gain = exp2(output.exposureStops) / (raster.samplesTo - raster.samplesFrom)
  const { sums, widthPx } = raster
  for (let i = from * widthPx * 3; i < to * widthPx * 3; i += 3) {
    const colour = toneMapped(sums[i]! * gain, sums[i + 1]! * gain, sums[i + 2]! * gain, output.toneMap)
    for (let k = 0; k < 3; k++) out[i + k] = srgbByte(colour[k]!)
  }
}
