import type { Artifact, JobSpec, Raster } from '@rayswarm/interface'
import sharp from 'sharp'
import { encodeExr } from './exr.ts'
import { developRows } from './tone.ts'

const ROWS_PER_SLICE = 64
const DIGITS = 4

/** Lets other work run between slices of a long computation. */
function breathe(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** `frame_0001` for frame 1. */
export function frameName(frame: number): string {
  return `frame_${String(frame).padStart(DIGITS, '0')}`
}

async function png(spec: JobSpec, raster: Raster): Promise<Uint8Array> {
  const { widthPx: width, heightPx: height } = raster
  const pixels = new Uint8Array(width * height * 3)
  for (let row = 0; row < height; row += ROWS_PER_SLICE) {
    developRows(raster, spec.work.output, row, Math.min(row + ROWS_PER_SLICE, height), pixels)
    await breathe()
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9, adaptiveFiltering: true, palette: false })
    .toBuffer()
}

/** The files of one whole frame. */
export async function finishFrame(spec: JobSpec, raster: Raster): Promise<Artifact[]> {
  const name = frameName(raster.frame)
  const files: Artifact[] = [{ path: `${name}.png`, bytes: await png(spec, raster) }]
  const { exr } = spec.work.output
  if (exr !== 'none') files.push({ path: `${name}.exr`, bytes: await encodeExr(raster, exr) })
  return files
}
