import { type Account, type Amount, isRayswarmError, RayswarmError } from '@rayswarm/interface'
import { ESCROW, REGISTRY, TOKEN } from './artifacts.ts'

/** What ethers puts on its errors, as far as we look. */
interface Failure {
  readonly code?: unknown
  readonly data?: unknown
  readonly message?: unknown
}

// Nobody answered, or not with JSON-RPC. Node's own codes appear when a socket fails before ethers wraps it.
const UNREACHABLE = new Set([
  'NETWORK_ERROR',
  'SERVER_ERROR',
  'TIMEOUT',
  'UNSUPPORTED_OPERATION',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT'
])
// The caller handed in something that cannot be encoded: a bug here, not a state of the chain.
const OURS = new Set(['INVALID_ARGUMENT', 'NUMERIC_FAULT', 'MISSING_ARGUMENT', 'UNEXPECTED_ARGUMENT'])

/** `0x` and the four bytes that name an error. */
const SELECTOR_CHARS = 10

/** A coded error for whatever an RPC call threw. Our own errors and wrong arguments pass through. */
export function chainError(error: unknown, rpcUrl: string): Error {
  if (isRayswarmError(error)) return error
  const { code, data, message } = (error ?? {}) as Failure
  if (OURS.has(String(code))) return new RangeError(String(message), { cause: error })
  if (code === 'CALL_EXCEPTION') return reverted(errorName(data), error)
  if (code === 'INSUFFICIENT_FUNDS')
    return new RayswarmError('ERR_BALANCE_TOO_LOW', 'the account cannot pay the gas of its transaction', {
      thing: 'gas balance',
      value: 'insufficient',
      remedy: 'Give the account some of the coin of this chain.',
      cause: error
    })
  if (UNREACHABLE.has(String(code))) return unreachable(rpcUrl, error)
  if (error instanceof TypeError || error instanceof RangeError) return error
  return reverted(String(code ?? 'UNKNOWN_ERROR'), error)
}

export function unreachable(rpcUrl: string, cause?: unknown): RayswarmError {
  const url = withoutSecrets(rpcUrl)
  const { code, shortMessage } = (cause ?? {}) as { code?: unknown; shortMessage?: unknown }
  const why = [code, shortMessage].filter(part => typeof part === 'string').join(', ')
  return new RayswarmError('ERR_CHAIN_UNREACHABLE', `no chain answers at ${url}${why && ` (${why})`}`, {
    thing: 'RPC URL',
    value: url,
    remedy: 'Start the chain or correct its URL.',
    cause
  })
}

export function wrongChainId(expected: number, got: number): RayswarmError {
  return new RayswarmError('ERR_CHAIN_ID', `expected chain ${expected}, got chain ${got}`, {
    thing: 'chain id',
    value: got,
    remedy: `Use chain ${expected}, or correct the chain id.`
  })
}

export function balanceTooLow(account: Account, balance: Amount, amount: Amount): RayswarmError {
  return new RayswarmError('ERR_BALANCE_TOO_LOW', `account ${account} holds ${balance}, needs ${amount}`, {
    thing: 'balance',
    value: balance,
    remedy: `Give ${account} at least ${amount - balance} more base units of the work token.`
  })
}

export function reverted(name: string, cause?: unknown): RayswarmError {
  if (name === 'ERC20InsufficientBalance')
    return new RayswarmError('ERR_BALANCE_TOO_LOW', 'the account does not hold that many tokens', {
      thing: 'balance',
      value: 'insufficient',
      remedy: 'Give the account more of the work token.',
      cause
    })
  return new RayswarmError('ERR_CHAIN_REVERTED', `the chain refused: ${name}`, {
    thing: 'transaction',
    value: name,
    remedy: `See ${name} in spec/${pageOf(name)}.md#errors.`,
    cause
  })
}

function pageOf(name: string): string {
  const isOfRegistry = REGISTRY.getError(name) !== null && ESCROW.getError(name) === null
  return isOfRegistry ? 'registry' : 'escrow'
}

/** Name of the custom error in revert data; the text itself if it is a plain one. */
function errorName(data: unknown): string {
  // A contract that cannot decode its arguments says nothing.
  if (typeof data !== 'string' || data.length < SELECTOR_CHARS) return 'unknown'
  for (const contract of [ESCROW, REGISTRY, TOKEN]) {
    const parsed = contract.parseError(data)
    if (parsed !== null) return parsed.name === 'Error' ? String(parsed.args[0]) : parsed.name
  }
  return 'unknown'
}

// Endpoints of hosted nodes carry a user's key in the user part, the path or the query.
function withoutSecrets(rpcUrl: string): string {
  if (!URL.canParse(rpcUrl)) return rpcUrl
  const { protocol, host } = new URL(rpcUrl)
  return `${protocol}//${host}`
}
