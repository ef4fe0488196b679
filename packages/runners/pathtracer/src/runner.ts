import { availableParallelism } from 'node:os'
import type { Artifact, Issue, JobSpec, Probe, Raster, Runner } from '@rayswarm/interface'
import { outputBytes } from './canvas.ts'
import { finishFrame } from './finish.ts'
import { inspectScene } from './inspect.ts'
import { kernelModule } from './kernel.ts'
import { PROBE_DIGEST, probeDigest } from './probe.ts'
import { loadScene, PathtracerSession } from './session.ts'

/** Name of this engine in job specs. */
export const ENGINE = 'pathtracer'
/** Results of all machines with this class are equal bit for bit. */
export const EQUIVALENCE_CLASS = 'pathtracer/1/wasm'

export interface PathtracerInit {
  /** Executions side by side; the number of cores when absent. */
  readonly concurrency?: number
}

/** The embedded renderer. */
export class PathtracerRunner implements Runner {
  readonly engine = ENGINE
  readonly #concurrency: number

  constructor(init: PathtracerInit = {}) {
    this.#concurrency = Math.max(1, init.concurrency ?? availableParallelism())
  }

  async probe(): Promise<Probe | { readonly unavailable: string }> {
    try {
      const digest = await probeDigest()
      if (digest === PROBE_DIGEST)
        return { engine: ENGINE, equivalenceClass: EQUIVALENCE_CLASS, concurrency: this.#concurrency }
      return { unavailable: `the built-in scene has digest ${digest} instead of ${PROBE_DIGEST}` }
    } catch (error) {
      return { unavailable: error instanceof Error ? error.message : String(error) }
    }
  }

  inspect(spec: JobSpec, dir: string): Promise<readonly Issue[]> {
    return inspectScene(spec, dir)
  }

  async open(spec: JobSpec, dir: string): Promise<PathtracerSession> {
    const { entry, camera } = spec.work
    const kernel = await kernelModule()
    const scene = await loadScene({
      dir,
      entry,
      camera,
      allowedBytes: spec.memoryBytes,
      rasterBytes: outputBytes(spec.work),
      kernel
    })
    return new PathtracerSession(scene, kernel, spec, this.#concurrency)
  }

  finish(spec: JobSpec, frame: Raster): Promise<readonly Artifact[]> {
    return finishFrame(spec, frame)
  }
}
