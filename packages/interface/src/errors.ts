/** Codes of local failures. Each is listed with its remedy in spec/errors.md. */
export type ErrorCode =
  | 'ERR_FILE_MISSING'
  | 'ERR_NOT_GLTF'
  | 'ERR_PATH_ESCAPES'
  | 'ERR_JOB_INVALID'
  | 'ERR_FRAMES_EMPTY'
  | 'ERR_SCENE_UNSUPPORTED'
  | 'ERR_SCENE_MEMORY'
  | 'ERR_BUDGET_BELOW_QUOTE'
  | 'ERR_BALANCE_TOO_LOW'
  | 'ERR_CHAIN_ID'
  | 'ERR_CHAIN_UNREACHABLE'
  | 'ERR_CHAIN_REVERTED'
  | 'ERR_CHAIN_BINARY'
  | 'ERR_PORT_IN_USE'
  | 'ERR_DISK_FULL'
  | 'ERR_NOT_WRITABLE'
  | 'ERR_QUOTA'
  | 'ERR_BLOCK_CORRUPT'
  | 'ERR_NOT_FOUND'
  | 'ERR_TIMEOUT'
  | 'ERR_TOO_FEW_WITNESSES'
  | 'ERR_ABORTED'
  | 'ERR_LEASE_LOST'
  | 'ERR_UNREACHABLE'
  | 'ERR_REMOTE'
  | 'ERR_OVERSIZED'
  | 'ERR_STORE_LOCKED'
  | 'ERR_NO_NODES'
  | 'ERR_USAGE'
  | 'ERR_INTERNAL'

/** Context of a {@link RayswarmError}: what a person needs to act. */
export interface ErrorContext extends ErrorOptions {
  /** What it is about, e.g. `scene file`, `port`. */
  readonly thing?: string
  /** The offending value, as given. */
  readonly value?: unknown
  /** One imperative sentence: what to do about it. */
  readonly remedy?: string
}

/**
 * A local failure with a stable code. Print `message` and `remedy`, match on `code`.
 *
 * Remote input never causes one: it is judged by value, see {@link Admission}.
 */
export class RayswarmError extends Error {
  override readonly name = 'RayswarmError'
  readonly thing: string | undefined
  readonly value: unknown
  readonly remedy: string | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    context: ErrorContext = {}
  ) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause })
    this.thing = context.thing
    this.value = context.value
    this.remedy = context.remedy
  }
}

/** True for our own errors, also those of another copy of this package. */
export function isRayswarmError(error: unknown): error is RayswarmError {
  return error instanceof Error && error.name === 'RayswarmError' && 'code' in error
}
