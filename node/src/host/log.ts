import type { Log } from '@rayswarm/interface'
import { pino } from 'pino'

/** How much is logged, least first. */
export const LOG_LEVELS = ['silent', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Structured lines for `write`, one JSON object each. */
export function openLog(level: LogLevel, write: (line: string) => void): Log {
  const serializers = { cause: pino.stdSerializers.err, error: pino.stdSerializers.err }
  const logger = pino({ level, base: null, serializers }, { write })
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message)
  }
}
