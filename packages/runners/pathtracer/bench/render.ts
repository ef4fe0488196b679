// node dist/bench/render.js scene.glb --frame 1 --width 320 --height 180 --spp 32 --out x.png
import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { Raster, Subtask } from '@rayswarm/interface'
import { PathtracerRunner } from '../src/index.ts'
import { benchSpec } from './spec.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    frame: { type: 'string', default: '1' },
    fps: { type: 'string', default: '24' },
    width: { type: 'string', default: '320' },
    height: { type: 'string', default: '180' },
    spp: { type: 'string', default: '32' },
    bounces: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    stops: { type: 'string', default: '0' },
    tone: { type: 'string', default: 'aces' },
    exr: { type: 'string', default: 'none' },
    camera: { type: 'string' },
    threads: { type: 'string', default: '2' },
    out: { type: 'string', default: 'frame.png' }
  }
})
const [scene] = positionals
if (scene === undefined)
  throw new Error(
    'usage: render.js scene.glb [--frame 1] [--width 320] [--height 180] [--spp 32] [--out x.png]'
  )

const widthPx = Number(values.width)
const heightPx = Number(values.height)
const spp = Number(values.spp)
const frame = Number(values.frame)
const threads = Number(values.threads)
const spec = benchSpec({
  entry: basename(scene),
  frames: [{ first: frame, last: frame }],
  framesPerSecond: Number(values.fps),
  widthPx,
  heightPx,
  samplesPerPixel: spp,
  maxBounces: Number(values.bounces),
  seed: Number(values.seed),
  ...(values.camera === undefined ? {} : { camera: values.camera }),
  output: {
    exposureStops: Number(values.stops),
    toneMap: values.tone === 'linear' ? 'linear' : 'aces',
    exr: values.exr === 'half' ? 'half' : values.exr === 'float' ? 'float' : 'none'
  }
})

const runner = new PathtracerRunner({ concurrency: threads })
const startedMs = performance.now()
const session = await runner.open(spec, dirname(scene))
const openedMs = performance.now()
const cpuBefore = process.cpuUsage()
// Rows in stripes, so that both threads are busy to the end.
const stripe = 8
const stripes = Array.from({ length: Math.ceil(heightPx / stripe) }, (_, index) => {
  const yPx = index * stripe
  const tile = { xPx: 0, yPx, widthPx, heightPx: Math.min(stripe, heightPx - yPx) }
  const work = { kind: 'render' as const, frames: [frame], tile, samples: { from: 0, to: spp } }
  const subtask: Subtask = { id: '', job: '', index, work, workUnits: 0 }
  return session.run(subtask, { signal: AbortSignal.timeout(3_600_000) })
})
const sums = new Float64Array(widthPx * heightPx * 3)
for (const { rasters } of await Promise.all(stripes)) {
  for (const raster of rasters) sums.set(raster.sums, raster.yPx * widthPx * 3)
}
const cpu = process.cpuUsage(cpuBefore)
const cpuS = (cpu.user + cpu.system) / 1e6
const wallS = (performance.now() - openedMs) / 1000
const rays = session.rayCount
await session.close()
const raster: Raster = { frame, xPx: 0, yPx: 0, widthPx, heightPx, samplesFrom: 0, samplesTo: spp, sums }
for (const { path, bytes } of await runner.finish(spec, raster)) {
  await writeFile(path.endsWith('.png') ? values.out : values.out.replace(/\.png$/, '.exr'), bytes)
}
const loadS = (openedMs - startedMs) / 1000
process.stdout.write(
  `load ${loadS.toFixed(2)} s, render ${wallS.toFixed(2)} s wall, ${cpuS.toFixed(2)} s CPU, ` +
    `${(rays / 1e6).toFixed(2)} M rays, ${(rays / 1e6 / cpuS).toFixed(2)} M rays/s per CPU second\n`
)
