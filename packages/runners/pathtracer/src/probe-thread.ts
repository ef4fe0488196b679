// Renders the built-in scene once, away from the main thread, and tells the digest of its pixels.
import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { Canvas } from './canvas.ts'
import { parseGltf } from './gltf-file.ts'
import { Kernel } from './kernel.ts'
import { prepare } from './prepare.ts'
import { PROBE_FRAME } from './probe.ts'
import { probeScene } from './probe-scene.ts'

const ALLOWED_BYTES = 256 * 1024 * 1024

const kernel = workerData as WebAssembly.Module
const file = parseGltf('built-in.glb', Buffer.from(await probeScene()))
const scene = await prepare('.', file, {
  camera: undefined,
  allowedBytes: ALLOWED_BYTES,
  rasterBytes: 0,
  kernel
})
const { work, constants } = PROBE_FRAME
const rasters = new Canvas(new Kernel(kernel), scene).render(work, constants, () => undefined)
const hash = createHash('sha256')
for (const { sums } of rasters ?? []) {
  const bytes = new DataView(new ArrayBuffer(sums.length * 8))
  for (const [k, value] of sums.entries()) bytes.setFloat64(k * 8, value, true)
  hash.update(new Uint8Array(bytes.buffer))
}
parentPort?.postMessage(hash.digest('hex'))
