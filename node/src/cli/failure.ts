import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import pc from 'picocolors'
import type { Screen } from './screen.ts'

/** How a command ends. spec/cli.md#exit-codes */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

/** An error as the last line of `--json`. */
export interface FailureJson {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly thing?: string
    readonly value?: string
    readonly remedy?: string
  }
}

/** Whatever was thrown, as one of our errors. */
export function asFailure(error: unknown): RayswarmError {
  if (isRayswarmError(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  return new RayswarmError('ERR_INTERNAL', message, {
    thing: 'program',
    remedy: 'This is a bug: please report it with the lines above.',
    cause: error
  })
}

export function failureJson(error: RayswarmError): FailureJson {
  const { code, message, thing, value, remedy } = error
  return {
    error: {
      code,
      message,
      ...(thing === undefined ? {} : { thing }),
      ...(value === undefined ? {} : { value: String(value) }),
      ...(remedy === undefined ? {} : { remedy })
    }
  }
}

export function sayFailure(error: RayswarmError, screen: Screen): void {
  if (error.code === 'ERR_INTERNAL' && error.cause instanceof Error)
    screen.say(pc.dim(error.cause.stack ?? ''))
  screen.say(`${pc.red(`error ${error.code}`)}: ${error.message}`)
  if (error.value !== undefined && !error.message.includes(String(error.value)))
    screen.say(`${error.thing ?? 'value'}: ${error.value}`)
  if (error.remedy !== undefined) screen.say(`${pc.bold('fix')}: ${error.remedy}`)
}

export function exitCodeOf(error: RayswarmError): number {
  if (error.code === 'ERR_USAGE') return EXIT.usage
  return error.code === 'ERR_ABORTED' ? EXIT.interrupted : EXIT.failure
}
