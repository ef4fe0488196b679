import { RayswarmError } from '@rayswarm/interface'
import { witnessRuleOf } from '../cli/options.ts'

const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const BPS = 10_000
const PERCENT_BPS = 100

/**
 * A time span like `500ms`, `20s`, `1.5m`.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function parseSpanMs(text: string, thing: string): number {
  const [, sign = '', number = '', unit = ''] =
    /^([+-]?)(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/.exec(text.trim()) ?? []
  const value = Number(number) * (MS_OF[unit] ?? Number.NaN) * (sign === '-' ? -1 : 1)
  if (number !== '' && Number.isFinite(value)) return Math.round(value)
  throw new RayswarmError('ERR_USAGE', `${thing} "${text}" is not a time span`, {
    thing,
    value: text,
    remedy: 'Write it like 500ms, 20s or 2m.'
  })
}

/**
 * A share like `30%` or `0.5%`, in hundredths of a percent.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function parseShareBps(text: string, thing: string): number {
  const [, number = ''] = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim()) ?? []
  const value = Math.round(Number(number) * PERCENT_BPS)
  if (number !== '' && value <= BPS) return value
  throw new RayswarmError('ERR_USAGE', `${thing} "${text}" is not a share`, {
    thing,
    value: text,
    remedy: 'Write it like 30%.'
  })
}

/**
 * Witnesses and their quorum, like `7/5`.
 *
 * @throws {RayswarmError} `ERR_USAGE` for a quorum that cannot be
 */
export function parseWitnesses(text: string): { witnessCount: number; witnessQuorum: number } {
  const { witnessCount, quorum } = witnessRuleOf(text)
  return { witnessCount, witnessQuorum: quorum }
}
