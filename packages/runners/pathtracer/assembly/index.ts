// The kernel's exports. The host owns all memory; see layout.ts.
import { tabulate } from './bsdf'
import { build, buildScratchSize, builtLeaves } from './build'
import {
  CAMERA_FOCUS,
  CAMERA_FORWARD,
  CAMERA_LENS,
  CAMERA_RIGHT,
  CAMERA_SPREAD,
  CAMERA_UP,
  PACKET_IDS,
  PACKET_SIZE,
  SKY_EXPOSURE
} from './layout'
import { cosine, sincos, sine } from './math'
import { radiance } from './path'
import { draw, randomX, randomY, startFrame, startPixel, startSample, startVertex } from './random'
import { camera, readHeader, sky } from './scene'
import { closest, hitT, rayCount, resetRayCount, shadowed } from './trace'
import * as v from './vec'

export { build, buildScratchSize, builtLeaves, tabulate }

/** True when the host wants the current call to end. */
@external("env", "stopped")
declare function stopped(): i32

let width: f32 = 1
let height: f32 = 1
let bounces: i32 = 4

/** Most that one sample may be; and the grid samples are rounded to, so that sums are exact in any order. */
const SAMPLE_MAX: f32 = 4096
const GRID: f64 = 65536
/** Samples between two looks at the stop flag. */
const SAMPLES_PER_LOOK: i32 = 16
/** Half the width of the tent that pixels are filtered with. */
const FILTER_RADIUS: f32 = 0.9

export function configure(head: usize, widthPx: i32, heightPx: i32, samples: i32, seed: u32, frame: u32, bounceCount: i32): void {
  readHeader(head)
  width = <f32>widthPx
  height = <f32>heightPx
  startFrame(seed, frame, max<i32>(widthPx, heightPx), samples)
  bounces = bounceCount
}

/** Put the triangles of leaf ranges into packets. `ids` are final triangle ids; positions are f32 × 3 per corner. */
export function fillPackets(leaves: usize, leafCount: i32, order: usize, corners: usize, ids: usize, out: usize): void {
  for (let i = 0; i < leafCount; i++) {
    const first = load<i32>(leaves + (<usize>i << 3))
    const count = load<i32>(leaves + (<usize>i << 3), 4)
    const packet = out + <usize>i * PACKET_SIZE
    memory.fill(packet, 0, PACKET_SIZE)
    for (let k = 0; k < count; k++) {
      const triangle = <usize>load<i32>(order + (<usize>(first + k) << 2))
      const c = corners + triangle * 36
      const at = packet + (<usize>k << 2)
      for (let axis: usize = 0; axis < 3; axis++) {
        const a = load<f32>(c + axis * 4)
        store<f32>(at + axis * 16, a)
        store<f32>(at + axis * 16, load<f32>(c + axis * 4, 12) - a, 48)
        store<f32>(at + axis * 16, load<f32>(c + axis * 4, 24) - a, 96)
      }
      store<u32>(at, load<u32>(ids + (triangle << 2)), PACKET_IDS)
    }
  }
}

/** Boxes of triangles given as corners. */
export function boxTriangles(corners: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    const c = corners + <usize>i * 36
    const a = v.vec(load<f32>(c), load<f32>(c, 4), load<f32>(c, 8))
    const b = v.vec(load<f32>(c, 12), load<f32>(c, 16), load<f32>(c, 20))
    const d = v.vec(load<f32>(c, 24), load<f32>(c, 28), load<f32>(c, 32))
    v128.store(out + (<usize>i << 5), f32x4.pmin(f32x4.pmin(a, b), d))
    v128.store(out + (<usize>i << 5), f32x4.pmax(f32x4.pmax(a, b), d), 16)
  }
}

// @ts-ignore: decorator
@inline
function tent(u: f32): f32 {
  const r = u * 2 - 1
  return r < 0 ? FILTER_RADIUS * (sqrt<f32>(1 + r) - 1) : FILTER_RADIUS * (1 - sqrt<f32>(1 - r))
}

function samplePixel(column: i32, row: i32): v128 {
  startVertex(0)
  draw(0)
  const px: f32 = ((<f32>column + <f32>0.5 + tent(randomX)) * 2) / width - 1
  const py: f32 = 1 - ((<f32>row + <f32>0.5 + tent(randomY)) * 2) / height
  const right = v128.load(camera, CAMERA_RIGHT)
  const up = v128.load(camera, CAMERA_UP)
  let direction = v.along(v.along(v128.load(camera, CAMERA_FORWARD), right, px), up, py)
  let origin = v128.load(camera)
  const lens = load<f32>(camera, CAMERA_LENS)
  if (lens > 0) {
    draw(1)
    sincos(randomX)
    const r = lens * sqrt<f32>(randomY)
    const focus = v.scale(direction, load<f32>(camera, CAMERA_FOCUS))
    const shift = v.add(v.scale(v.normalize(right), r * cosine), v.scale(v.normalize(up), r * sine))
    origin = v.add(origin, shift)
    direction = v.sub(focus, shift)
  }
  return radiance(origin, v.normalize(direction), bounces, load<f32>(camera, CAMERA_SPREAD))
}

// @ts-ignore: decorator
@inline
function quantised(value: f32): f64 {
  const bounded: f32 = value > 0 ? (value < SAMPLE_MAX ? value : SAMPLE_MAX) : 0
  return nearest<f64>(<f64>bounded * GRID) / GRID
}

/**
 * Add samples `from..to` of `count` pixels from (column, row) on to `out` (f64 × 3 per pixel).
 * Returns the number of finished pixels: fewer than `count` only if stopped.
 */
export function render(column: i32, row: i32, count: i32, from: i32, to: i32, out: usize): i32 {
  const exposure = load<f32>(sky, SKY_EXPOSURE)
  for (let i = 0; i < count; i++) {
    startPixel(column + i, row)
    let red: f64 = 0
    let green: f64 = 0
    let blue: f64 = 0
    for (let k = from; k < to; k++) {
      if ((k - from) % SAMPLES_PER_LOOK == 0 && stopped() != 0) return i
      startSample(k)
      const c = v.scale(samplePixel(column + i, row), exposure)
      red += quantised(v.x(c))
      green += quantised(v.y(c))
      blue += quantised(v.z(c))
    }
    const at = out + <usize>i * 24
    store<f64>(at, load<f64>(at) + red)
    store<f64>(at, load<f64>(at, 8) + green, 8)
    store<f64>(at, load<f64>(at, 16) + blue, 16)
  }
  return count
}

export function rays(): i64 {
  return rayCount
}

export function resetRays(): void {
  resetRayCount()
}

/** Trace rays (origin, direction as f32 × 4 each) for the bench and for tests; distances go to `out`, or 1/0 for shadow rays. */
export function traceMany(raysIn: usize, count: i32, out: usize, shadow: i32): void {
  for (let i = 0; i < count; i++) {
    const ray = raysIn + (<usize>i << 5)
    const origin = v128.load(ray)
    const direction = v128.load(ray, 16)
    let result: f32 = -1
    if (shadow != 0) result = shadowed(origin, direction, 1e30, false) ? 1 : 0
    else if (closest(origin, direction, 1e30)) result = hitT
    store<f32>(out + (<usize>i << 2), result)
  }
}

/** First address the host may use. */
export function heapBase(): usize {
  return __heap_base
}
