import { type ErrorContext, isRayswarmError, RayswarmError } from '@rayswarm/interface'

/** What to say instead of a contract's error. */
export interface Refusal extends ErrorContext {
  readonly message: string
}

/** Our words for what a contract refused, where we have any; else the error itself. */
export function refusalOf(
  error: unknown,
  refusals: Readonly<Record<string, (() => Refusal) | undefined>>
): unknown {
  if (!isRayswarmError(error) || error.code !== 'ERR_CHAIN_REVERTED') return error
  const refusal = refusals[String(error.value)]?.()
  if (refusal === undefined) return error
  const { message, ...context } = refusal
  return new RayswarmError('ERR_CHAIN_REVERTED', message, { ...context, cause: error })
}

/** An instant of the chain, for people. */
export function instantOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('.000', '')
}
