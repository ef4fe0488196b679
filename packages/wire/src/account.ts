import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Account } from '@rayswarm/interface'
import { BoundedMap } from './bounded-map.ts'

const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const ZERO_ACCOUNT = `0x${'00'.repeat(20)}`
const accounts = new BoundedMap<string, Account>(8_192)

/**
 * The one spelling of an account: EIP-55 checksummed. Undefined when the text is no address.
 *
 * @example `toAccount('0x' + '00'.repeat(19) + 'aa')` is `0x00000000000000000000000000000000000000AA`
 */
export function toAccount(address: string): Account | undefined {
  const known = accounts.get(address)
  if (known !== undefined) return known
  if (!ADDRESS.test(address)) return undefined
  const digits = address.slice(2).toLowerCase()
  const hash = bytesToHex(keccak_256(new TextEncoder().encode(digits)))
  let account = '0x'
  for (let i = 0; i < digits.length; i++) account += hash[i]! >= '8' ? digits[i]!.toUpperCase() : digits[i]!
  accounts.set(address, account)
  return account
}

/**
 * Whether the text is somebody's account in its one spelling.
 *
 * Two spellings would let one payee look like two. The zero account is nobody's: the contract refuses a settlement that pays it,
 * so one such bid could keep a whole job from being settled.
 */
export function isAccount(text: string): boolean {
  return toAccount(text) === text && text !== ZERO_ACCOUNT
}
