import { type Amount, RayswarmError } from '@rayswarm/interface'
import { TOKEN_DECIMALS } from '@rayswarm/params'

const UNIT = 10n ** BigInt(TOKEN_DECIMALS)

/** Base units as decimal text in tokens, without trailing zeros. */
export function formatTokens(amount: Amount): string {
  const whole = amount / UNIT
  const part = String(amount % UNIT)
    .padStart(TOKEN_DECIMALS, '0')
    .replace(/0+$/, '')
  return part === '' ? String(whole) : `${whole}.${part}`
}

/**
 * Decimal text in tokens as base units.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function parseTokens(text: string, thing: string): Amount {
  const match = new RegExp(`^(\\d{1,12})(?:\\.(\\d{1,${TOKEN_DECIMALS}}))?$`).exec(text)
  if (match === null)
    throw new RayswarmError('ERR_USAGE', `${thing} "${text}" is not an amount in tokens`, {
      thing,
      value: text,
      remedy: `Write it like 2 or 0.05, with at most ${TOKEN_DECIMALS} decimals.`
    })
  return BigInt(match[1]! + (match[2] ?? '').padEnd(TOKEN_DECIMALS, '0'))
}
