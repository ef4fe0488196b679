import type { JobSpec, Raster, Subtask, SubtaskOutput } from '@rayswarm/interface'
import { cidOf, nodeIdentity } from '@rayswarm/wire'
import { type JobContext, type JobFile, jobSpecOf, parseJobFile } from '../src/index.ts'

export const context: JobContext = {
  creator: nodeIdentity(new Uint8Array(32).fill(7)).peerId,
  manifest: cidOf({ entries: [] }),
  assetsSizeBytes: 12_345,
  nonce: 0
}

/** The spec of a small job file. */
export function specOf(over: Partial<JobFile> = {}): JobSpec {
  return jobSpecOf(
    parseJobFile({ scene: 'scene.glb', widthPx: 17, heightPx: 11, samplesPerPixel: 5, ...over }),
    context
  )
}

/** Radiance of one channel of one sample: any function of the place will do, its values multiples of 2^-16. */
function radiance(frame: number, xPx: number, yPx: number, channel: number, sample: number): number {
  let hash =
    Math.imul(frame + 1, 0x9e3779b1) ^ Math.imul(xPx + 1, 0x85ebca6b) ^ Math.imul(yPx + 1, 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 13) ^ Math.imul(channel + 3 * sample + 1, 0x27d4eb2f), 0x165667b1)
  const bits = (hash ^ (hash >>> 16)) >>> 0
  // Mostly small, sometimes up to the bound of one sample.
  return bits % 7 === 0
    ? (bits % 2 ** 20) + bits / 2 ** 16 / 2 ** 16 - (bits % 2 ** 16) / 2 ** 32
    : (bits % 2 ** 18) / 2 ** 16
}

/** What an honest engine gives for a subtask. */
export function render({ work }: Pick<Subtask, 'work'>): SubtaskOutput {
  return { rasters: work.frames.map(frame => rasterOf(frame, work)) }
}

function rasterOf(frame: number, { tile, samples }: Subtask['work']): Raster {
  const sums = new Float64Array(tile.widthPx * tile.heightPx * 3)
  for (let i = 0; i < sums.length; i++) {
    const pixel = Math.floor(i / 3)
    const xPx = tile.xPx + (pixel % tile.widthPx)
    const yPx = tile.yPx + Math.floor(pixel / tile.widthPx)
    for (let sample = samples.from; sample < samples.to; sample++)
      sums[i]! += radiance(frame, xPx, yPx, i % 3, sample)
  }
  return { frame, ...tile, samplesFrom: samples.from, samplesTo: samples.to, sums }
}
