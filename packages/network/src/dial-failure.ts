/**
 * - `silent`: nothing came back, as from behind a cut.
 * - `refused`: the host, or another peer, answered in its place.
 */
export type DialFailure = 'silent' | 'refused'

const SILENT_CODES = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EHOSTDOWN'])
const SILENT_NAMES = new Set(['TimeoutError', 'AbortError'])
/** libp2p wraps what ended a handshake, and keeps only its text. */
const SILENT_TEXT = /\babort|\btime(d )?out/i
/** An error of errors of errors; nobody makes deeper ones. */
const DEPTH_MAX = 4

/** What a failed dial says of the peer. `expired`: we gave up. One silent address of several is enough. */
export function dialFailure(error: unknown, expired: boolean): DialFailure {
  return expired || isSilent(error, 0) ? 'silent' : 'refused'
}

function isSilent(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth > DEPTH_MAX) return false
  if (error instanceof AggregateError) return error.errors.some(part => isSilent(part, depth + 1))
  const { name, message, code = '' } = error as NodeJS.ErrnoException
  return SILENT_NAMES.has(name) || SILENT_CODES.has(code) || SILENT_TEXT.test(message)
}
