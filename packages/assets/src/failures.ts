import { isRayswarmError, RayswarmError } from '@rayswarm/interface'

const CAUSE_DEPTH_MAX = 8

/** Our error for whatever a disk, a database or a stream threw. `thing` names what we were doing it to. */
export function failureOf(error: unknown, thing: string): RayswarmError {
  const own = ownError(error, 0)
  if (own !== undefined) return own
  if (isDiskFull(error)) return diskFull(thing, error)
  return new RayswarmError(
    'ERR_INTERNAL',
    `${thing}: ${error instanceof Error ? error.message : String(error)}`,
    {
      thing,
      cause: error,
      remedy: 'Report this with the log.'
    }
  )
}

// Libraries wrap what our block store throws: in a cause, or among the errors of several attempts.
function ownError(error: unknown, depth: number): RayswarmError | undefined {
  if (isRayswarmError(error)) return error
  if (!(error instanceof Error) || depth > CAUSE_DEPTH_MAX) return undefined
  const inner = error instanceof AggregateError ? [error.cause, ...error.errors] : [error.cause]
  for (const cause of inner) {
    const own = ownError(cause, depth + 1)
    if (own !== undefined) return own
  }
  return undefined
}

/** Whether the disk, or our share of it, has no room left. */
export function isDiskFull(error: unknown): boolean {
  // blockstore-fs and datastore-level keep only the text of the system's error.
  return (
    error instanceof Error &&
    /\bENOSPC\b|\bEDQUOT\b|No space left on device/.test(`${codeOf(error)} ${error.message}`)
  )
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : ''
}

function diskFull(thing: string, cause: unknown): RayswarmError {
  return new RayswarmError('ERR_DISK_FULL', `no space left on the disk for ${thing}`, {
    thing,
    cause,
    remedy: 'Free space on the disk that holds the state directory, or move the directory.'
  })
}

/** A download that hands out more than it declared, or more than we agreed to take. */
export function oversizedFailure(value: number, sizeBytesMax: number): RayswarmError {
  return new RayswarmError(
    'ERR_OVERSIZED',
    `content has ${value} bytes, at most ${sizeBytesMax} were agreed`,
    {
      thing: 'content',
      value,
      remedy: 'Raise the limit, or refuse the job.'
    }
  )
}
