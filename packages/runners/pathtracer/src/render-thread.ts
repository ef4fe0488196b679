// Renders runs one after another until its port closes. The stop flag is shared memory, because a kernel call blocks the port.
import { parentPort, workerData } from 'node:worker_threads'
import type { RenderWork } from '@rayswarm/interface'
import { Canvas } from './canvas.ts'
import { Kernel } from './kernel.ts'
import { failureOf, type RunOrder, type RunReply, type ThreadOrder } from './messages.ts'

const { scene, control, kernel: module } = workerData as ThreadOrder
const flags = new Int32Array(control)
let current = 0
const kernel = new Kernel(module, () => Atomics.load(flags, 0) === current)
let canvas: Canvas | undefined

function post(reply: RunReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(reply, transfer)
}

function render(run: number, work: RenderWork, order: RunOrder): void {
  canvas ??= new Canvas(kernel, scene)
  kernel.exports.resetRays()
  const rasters = canvas.render(work, order.constants, share => post({ run, kind: 'progress', share }))
  if (rasters === undefined) return post({ run, kind: 'stopped' })
  const buffers = rasters.map(({ sums }) => sums.buffer as ArrayBuffer)
  post({ run, kind: 'done', rasters, rays: Number(kernel.exports.rays()) }, buffers)
}

parentPort?.on('message', (order: RunOrder) => {
  current = order.run
  try {
    render(order.run, order.work, order)
  } catch (error) {
    post({ run: order.run, kind: 'failed', failure: failureOf(error) })
  }
})
