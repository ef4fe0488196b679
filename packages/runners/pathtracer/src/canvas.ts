import type { Raster, RenderSpec, RenderWork } from '@rayswarm/interface'
import { FrameMemory } from './frame.ts'
import type { Kernel } from './kernel.ts'
import type { RenderConstants } from './messages.ts'
import type { PreparedScene } from './prepared.ts'

const CHANNELS = 3
const SUM_BYTES = 8
/** A call into the kernel should last about this long, so that progress flows. */
const SLICE_MS = 40

/** Bytes of one frame's sums. */
export function rasterBytes(widthPx: number, heightPx: number): number {
  return widthPx * heightPx * CHANNELS * SUM_BYTES
}

/** Bytes of what one subtask of a job returns. */
export function outputBytes({ widthPx, heightPx, split }: RenderSpec): number {
  const tile = rasterBytes(Math.ceil(widthPx / split.tileColumns), Math.ceil(heightPx / split.tileRows))
  return tile * split.framesPerSubtask
}

/** A kernel with one scene in its memory. */
export class Canvas {
  readonly #kernel: Kernel
  readonly #frame: FrameMemory

  constructor(kernel: Kernel, scene: PreparedScene) {
    this.#kernel = kernel
    const base = kernel.take(scene.bytes.byteLength)
    new Uint8Array(kernel.buffer).set(new Uint8Array(scene.bytes), base)
    this.#frame = new FrameMemory(kernel, scene, base)
  }

  /** Render a subtask's frames; undefined if the kernel was told to stop. */
  render(
    work: RenderWork,
    constants: RenderConstants,
    onSlice: (share: number) => void
  ): readonly Raster[] | undefined {
    const rasters: Raster[] = []
    for (const [index, frame] of work.frames.entries()) {
      this.#frame.show({ frame, ...constants })
      const sums = this.#renderTile(work, part => onSlice((index + part) / work.frames.length))
      if (sums === undefined) return undefined
      const { samples, tile } = work
      rasters.push({ frame, ...tile, samplesFrom: samples.from, samplesTo: samples.to, sums })
    }
    return rasters
  }

  #renderTile({ tile, samples }: RenderWork, onSlice: (share: number) => void): Float64Array | undefined {
    const mark = this.#kernel.mark()
    const size = rasterBytes(tile.widthPx, tile.heightPx)
    const address = this.#kernel.take(size)
    new Uint8Array(this.#kernel.buffer, address, size).fill(0)
    let reportedAtMs = performance.now()
    for (let row = 0; row < tile.heightPx; row++) {
      const out = address + rasterBytes(tile.widthPx, row)
      const { from, to } = samples
      const done = this.#kernel.exports.render(tile.xPx, tile.yPx + row, tile.widthPx, from, to, out)
      if (done < tile.widthPx) {
        this.#kernel.release(mark)
        return undefined
      }
      if (performance.now() - reportedAtMs < SLICE_MS) continue
      reportedAtMs = performance.now()
      onSlice((row + 1) / tile.heightPx)
    }
    const sums = new Float64Array(this.#kernel.buffer, address, size / SUM_BYTES).slice()
    this.#kernel.release(mark)
    return sums
  }
}
