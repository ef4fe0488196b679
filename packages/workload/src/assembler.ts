import type { JobSpec, Raster, Subtask, SubtaskOutput } from '@rayswarm/interface'

const CHANNEL_COUNT = 3

interface OpenFrame {
  readonly sums: Float64Array
  /** Subtasks that have still to add to this frame. */
  missing: number
}

/**
 * Puts canonical results together to whole frames. Exact: sums are added, and sums of multiples of 2^-16 have no rounding,
 * so neither order nor cut can be seen in the result.
 */
export class FrameAssembler {
  readonly #spec: JobSpec
  /** Subtasks per frame, before any was added. */
  readonly #parts = new Map<number, number>()
  readonly #added = new Set<number>()
  readonly #open = new Map<number, OpenFrame>()

  /** @param subtasks all of the job's */
  constructor(spec: JobSpec, subtasks: readonly Subtask[]) {
    this.#spec = spec
    for (const { work } of subtasks)
      for (const frame of work.frames) this.#parts.set(frame, (this.#parts.get(frame) ?? 0) + 1)
  }

  /**
   * Add one subtask's canonical result. A subtask that was added before is ignored.
   *
   * @returns the frames that are complete now, whole
   * @throws {RangeError} if the result is not of this subtask; nothing was added then
   */
  add(subtask: Subtask, output: SubtaskOutput): Raster[] {
    if (this.#added.has(subtask.index)) return []
    requireShape(subtask, output)
    this.#added.add(subtask.index)

    const complete: Raster[] = []
    for (const raster of output.rasters) {
      const open = this.#openFrame(raster.frame)
      this.#accumulate(open.sums, raster)
      open.missing--
      if (open.missing > 0) continue
      this.#open.delete(raster.frame)
      complete.push(this.#whole(raster.frame, open.sums))
    }
    return complete
  }

  #openFrame(frame: number): OpenFrame {
    const known = this.#open.get(frame)
    if (known !== undefined) return known
    const { widthPx, heightPx } = this.#spec.work
    const open = {
      sums: new Float64Array(widthPx * heightPx * CHANNEL_COUNT),
      missing: this.#parts.get(frame) ?? 0
    }
    this.#open.set(frame, open)
    return open
  }

  #accumulate(sums: Float64Array, raster: Raster): void {
    const rowLength = raster.widthPx * CHANNEL_COUNT
    for (let row = 0; row < raster.heightPx; row++) {
      let to = ((raster.yPx + row) * this.#spec.work.widthPx + raster.xPx) * CHANNEL_COUNT
      let from = row * rowLength
      for (const end = from + rowLength; from < end; from++, to++) sums[to]! += raster.sums[from]!
    }
  }

  #whole(frame: number, sums: Float64Array): Raster {
    const { widthPx, heightPx, samplesPerPixel } = this.#spec.work
    return { frame, xPx: 0, yPx: 0, widthPx, heightPx, samplesFrom: 0, samplesTo: samplesPerPixel, sums }
  }
}

function requireShape({ index, work }: Subtask, output: SubtaskOutput): void {
  const { frames, tile, samples } = work
  const fits =
    output.rasters.length === frames.length &&
    output.rasters.every(
      (raster, i) =>
        raster.frame === frames[i] &&
        raster.xPx === tile.xPx &&
        raster.yPx === tile.yPx &&
        raster.widthPx === tile.widthPx &&
        raster.heightPx === tile.heightPx &&
        raster.samplesFrom === samples.from &&
        raster.samplesTo === samples.to &&
        raster.sums.length === tile.widthPx * tile.heightPx * CHANNEL_COUNT
    )
  if (!fits) throw new RangeError(`output is not of subtask ${index}`)
}
