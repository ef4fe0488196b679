import { setTimeout as delay } from 'node:timers/promises'
import { type Amount, type Log, RayswarmError } from '@rayswarm/interface'
import type { Screen } from '../cli/screen.ts'
import type { Home } from '../compose.ts'
import { formatTokens } from '../tokens.ts'

/** Play money is handed out in multiples of this. */
const FAUCET_UNIT = 100_000_000n
const GAS_ATTEMPT_COUNT_MAX = 8
const GAS_RETRY_MS = 250

/** Who hears of it, and what the money is for. */
export interface FundsUse {
  readonly screen: Pick<Screen, 'say'>
  /** What becomes of the amount, after "tokens, 5". */
  readonly use?: string
}

/**
 * Make sure that the account holds what is to be locked, on a test network with a faucet by asking it.
 *
 * @throws {RayswarmError} `ERR_BALANCE_TOO_LOW`, and what the chain throws
 */
export async function ensureFunds(home: Home, amount: Amount, { screen, use }: FundsUse): Promise<void> {
  const { chain, swarm } = home
  const { account } = home.account
  const balance = await chain.balanceOf(account)
  const { faucetKey } = swarm
  const { rpcUrl, chainId, token } = swarm.chain
  if (faucetKey !== undefined) {
    const missing = amount > balance ? amount - balance : 0n
    const gift = ((missing + FAUCET_UNIT - 1n) / FAUCET_UNIT) * FAUCET_UNIT
    const { fund } = await import('@rayswarm/chain')
    // Also pays for gas, where the account has none.
    await fund({ rpcUrl, chainId, token, key: faucetKey }, [{ account, amount: gift }])
    if (gift > 0n)
      screen.say(`TEST NETWORK: its faucet gave ${account} ${formatTokens(gift)} tokens of play money`)
    return
  }
  if (balance < amount)
    throw new RayswarmError(
      'ERR_BALANCE_TOO_LOW',
      `account ${account} holds ${formatTokens(balance)} tokens, ${formatTokens(amount)} ${use ?? 'are to be locked'}`,
      {
        thing: 'balance',
        value: formatTokens(balance),
        remedy:
          use === undefined
            ? `Give it ${formatTokens(amount - balance)} more, or lower the price cap, the samples or the frames.`
            : `Give it ${formatTokens(amount - balance)} more.`
      }
    )
}

/**
 * Coins for gas from a test network's faucet, for a node that may have to settle as a witness. Tried again when the faucet is busy:
 * everybody sends with its one key.
 */
export async function ensureGas(home: Home, log: Log, signal: AbortSignal): Promise<void> {
  if (home.swarm.faucetKey === undefined) return
  const quiet = { screen: { say: () => {} } }
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await ensureFunds(home, 0n, quiet)
    } catch (cause) {
      if (signal.aborted) return
      if (attempt >= GAS_ATTEMPT_COUNT_MAX) return log.warn('no coins for gas from the faucet', { cause })
      await delay(GAS_RETRY_MS * 2 ** attempt * Math.random(), undefined, { signal }).catch(() => {})
    }
  }
}

/**
 * The amount to lock.
 *
 * @throws {RayswarmError} `ERR_BUDGET_BELOW_QUOTE`
 */
export function budgetFor(quote: Amount, budget: Amount | undefined): Amount {
  if (budget === undefined || budget >= quote) return quote
  throw new RayswarmError(
    'ERR_BUDGET_BELOW_QUOTE',
    `budget ${formatTokens(budget)} is below the quote ${formatTokens(quote)}`,
    {
      thing: 'budget',
      value: formatTokens(budget),
      remedy: `Give --budget ${formatTokens(quote)} or more, or lower the price cap, the samples or the frames.`
    }
  )
}
