import {
  type Artifact,
  type Clock,
  type EquivalenceClass,
  type Issue,
  type JobSpec,
  type Probe,
  type Raster,
  RayswarmError,
  type Runner,
  type RunOptions,
  type Session,
  type Subtask,
  type SubtaskOutput
} from '@rayswarm/interface'

/** What every {@link VirtualRunner} executes in. */
export const VIRTUAL_CLASS: EquivalenceClass = 'pathtracer/virtual/1'

const SLICE_COUNT = 4

export interface VirtualRunnerInit {
  /** Work units finished per virtual millisecond. */
  readonly unitsPerMs: number
  readonly concurrency: number
}

/** An engine that takes virtual time and paints a picture that depends on nothing but the subtask. */
export class VirtualRunner implements Runner {
  readonly engine = 'pathtracer'
  readonly #clock: Clock
  readonly #init: VirtualRunnerInit

  constructor(components: { clock: Clock }, init: VirtualRunnerInit) {
    this.#clock = components.clock
    this.#init = init
  }

  async probe(): Promise<Probe> {
    return {
      engine: this.engine,
      equivalenceClass: VIRTUAL_CLASS,
      concurrency: this.#init.concurrency
    }
  }

  async inspect(): Promise<readonly Issue[]> {
    return []
  }

  async open(spec: JobSpec): Promise<Session> {
    return {
      run: async (subtask, options) => {
        const sliceMs = subtask.workUnits / this.#init.unitsPerMs / SLICE_COUNT
        for (let slice = 1; slice <= SLICE_COUNT; slice++) {
          await pause(this.#clock, sliceMs, options)
          options.onProgress?.(slice / SLICE_COUNT)
        }
        return paint(spec, subtask)
      },
      close: async () => {}
    }
  }

  async finish(_spec: JobSpec, frame: Raster): Promise<readonly Artifact[]> {
    return [
      { path: `frame_${String(frame.frame).padStart(4, '0')}.raw`, bytes: new Uint8Array(frame.sums.buffer) }
    ]
  }
}

function pause(clock: Clock, delayMs: number, options: RunOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel()
      reject(new RayswarmError('ERR_ABORTED', 'the execution was aborted'))
    }
    const timer = clock.after(delayMs, () => {
      options.signal.removeEventListener('abort', onAbort)
      resolve()
    })
    if (options.signal.aborted) onAbort()
    else options.signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Exact sums by construction: every value is a multiple of 2^-16. */
function paint(spec: JobSpec, subtask: Subtask): SubtaskOutput {
  const { tile, samples, frames } = subtask.work
  const rasters = frames.map(frame => {
    const sums = new Float64Array(tile.widthPx * tile.heightPx * 3)
    for (let i = 0; i < sums.length; i++) {
      const pixel = (Math.floor(i / 3 / tile.widthPx) + tile.yPx) * spec.work.widthPx
      const shade = (pixel + ((i / 3) % tile.widthPx) + frame * 7 + spec.work.seed) % 251
      sums[i] = (Math.floor(shade) / 256) * (samples.to - samples.from)
    }
    return {
      frame,
      xPx: tile.xPx,
      yPx: tile.yPx,
      widthPx: tile.widthPx,
      heightPx: tile.heightPx,
      samplesFrom: samples.from,
      samplesTo: samples.to,
      sums
    }
  })
  return { rasters }
}
