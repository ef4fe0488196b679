import type { ErrorCode, Raster, RenderWork } from '@rayswarm/interface'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import type { PreparedScene } from './prepared.ts'

/** What the loading thread is started with. */
export interface LoadOrder {
  readonly dir: string
  readonly entry: string
  readonly camera: string | undefined
  /** Most bytes one execution may need; `rasterBytes` of them are for pixels. */
  readonly allowedBytes: number
  readonly rasterBytes: number
  readonly kernel: WebAssembly.Module
}

export type LoadReply =
  | { readonly scene: PreparedScene; readonly failure?: never }
  | { readonly failure: Failure; readonly scene?: never }

/** What a rendering thread is started with. */
export interface ThreadOrder {
  readonly scene: PreparedScene
  /** One i32: the number of the run that shall stop. */
  readonly control: SharedArrayBuffer
  /** Compiled once per process: threads share the machine code. */
  readonly kernel: WebAssembly.Module
}

/** The constants of a job that a frame depends on. */
export interface RenderConstants {
  readonly framesPerSecond: number
  readonly widthPx: number
  readonly heightPx: number
  readonly samplesPerPixel: number
  readonly seed: number
  readonly maxBounces: number
}

export interface RunOrder {
  readonly run: number
  readonly work: RenderWork
  readonly constants: RenderConstants
}

export type RunReply = { readonly run: number } & (
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done'; readonly rasters: readonly Raster[]; readonly rays: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly failure: Failure }
)

/** An error as it crosses threads. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly thing: string | undefined
  readonly value: unknown
  readonly remedy: string | undefined
}

export function failureOf(error: unknown): Failure {
  if (isRayswarmError(error)) {
    const { code, message, thing, value, remedy } = error
    return { code, message, thing, value, remedy }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'ERR_INTERNAL', message, thing: 'renderer', value: undefined, remedy: undefined }
}

export function errorOf(failure: Failure): RayswarmError {
  const { code, message, thing, value, remedy } = failure
  return new RayswarmError(code, message, {
    value,
    ...(thing === undefined ? {} : { thing }),
    ...(remedy === undefined ? {} : { remedy })
  })
}
