import type { EngineCapability, Issue, JobSpec, Subtask } from './job.ts'

/** Linear radiance sums of one rectangle of one frame over one sample range. */
export interface Raster {
  readonly frame: number
  readonly xPx: number
  readonly yPx: number
  readonly widthPx: number
  readonly heightPx: number
  readonly samplesFrom: number
  readonly samplesTo: number
  /**
   * Row by row from the top, red, green, blue interleaved: `widthPx × heightPx × 3` values.
   *
   * Every value is a multiple of 2^-16 and at most 2^20 per sample, so that sums of sums are exact in any order.
   */
  readonly sums: Float64Array
}

/** What one execution of a subtask produced, decoded. */
export interface SubtaskOutput {
  readonly rasters: readonly Raster[]
}

/** A finished file. `path` is relative to the job's output directory. */
export interface Artifact {
  readonly path: string
  readonly bytes: Uint8Array
}

/** How to stop an execution, and how to follow it. */
export interface RunOptions {
  readonly signal: AbortSignal
  /** Called after each slice with the finished share, `0..1`, never backwards. */
  readonly onProgress?: (share: number) => void
}

/** One job's scene, loaded. Never shared between jobs. */
export interface Session {
  /**
   * Execute one subtask. Aborting stops within 50 ms.
   *
   * @throws {RayswarmError} `ERR_ABORTED`, `ERR_SCENE_MEMORY`
   */
  run(subtask: Subtask, options: RunOptions): Promise<SubtaskOutput>
  close(): Promise<void>
}

/** Probed facts of a runner on this machine. */
export interface Probe extends EngineCapability {
  /** Executions that may run side by side. */
  readonly concurrency: number
}

/** An engine. */
export interface Runner {
  readonly engine: string

  /** Run the engine once and say what it is, or why it cannot be used. */
  probe(): Promise<Probe | { readonly unavailable: string }>

  /** Check scene and spec without rendering. `dir` holds the manifest's files. */
  inspect(spec: JobSpec, dir: string): Promise<readonly Issue[]>

  /**
   * Load the scene.
   *
   * @throws {RayswarmError} `ERR_NOT_GLTF`, `ERR_FILE_MISSING`, `ERR_PATH_ESCAPES`, `ERR_SCENE_UNSUPPORTED`, `ERR_SCENE_MEMORY`
   */
  open(spec: JobSpec, dir: string): Promise<Session>

  /** Turn one whole frame into its files. Deterministic. */
  finish(spec: JobSpec, frame: Raster): Promise<readonly Artifact[]>
}
