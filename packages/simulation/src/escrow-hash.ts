import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Account, Appointment, Hex, SettlementOrder } from '@rayswarm/interface'

/** spec/escrow.md#signature. Written out by hand, so that it checks the library the adapter uses. */
const DOMAIN_TYPE = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'
const PAYOUT_TYPE = 'Payout(address account,uint64 gross)'
const SETTLEMENT_TYPE = `Settlement(bytes32 id,Payout[] payouts,bytes32 receiptsRoot)${PAYOUT_TYPE}`
const WORD_HEX_DIGITS = 64
const UINT64_MAX = (1n << 64n) - 1n

/** keccak256 of a text. */
export function keccak(text: string): Hex {
  return toHex(keccak_256(Buffer.from(text, 'utf8')))
}

/** An account nobody has a key for, always the same for the same name. For simulations. */
export function accountOf(name: string): Account {
  const digits = keccak(`account ${name}`).slice(-40)
  // EIP-55: a digit is upper case when the matching digit of the hash is 8 or more.
  const hash = keccak(digits).slice(2)
  return `0x${[...digits].map((digit, i) => (hash[i]! >= '8' ? digit.toUpperCase() : digit)).join('')}`
}

/** keccak256(abi.encode(creator, jobHash, salt)), spec/escrow.md#id. */
export function escrowIdOf(creator: Account, jobHash: Hex, salt: Hex): Hex {
  return hashWords(word(creator), word32(jobHash), word32(salt))
}

/** What a creator signs, spec/escrow.md#signature. */
export function settlementDigest(order: SettlementOrder): Hex {
  const { chainId, contract, id } = order.escrow
  const domain = hashWords(
    word(keccak(DOMAIN_TYPE)),
    word(keccak('Rayswarm JobEscrow')),
    word(keccak('1')),
    word(BigInt(chainId)),
    word(contract)
  )
  const payoutType = word(keccak(PAYOUT_TYPE))
  const payouts = order.payouts.map(({ account, gross }) => {
    if (gross < 0n || gross > UINT64_MAX) throw new RangeError(`gross out of range: ${gross}`)
    return word(hashWords(payoutType, word(account), word(gross)))
  })
  const settlement = hashWords(
    word(keccak(SETTLEMENT_TYPE)),
    word32(id),
    word(hashWords(...payouts)),
    word32(order.receiptsRoot)
  )
  return toHex(keccak_256(Buffer.from(`1901${domain.slice(2)}${settlement.slice(2)}`, 'hex')))
}

/** keccak256(abi.encode((address[] witnesses, uint256 viewSize, uint256 quorum))), spec/escrow.md#witnesses. */
export function appointmentHash({ views, quorum }: Appointment): Hex {
  const witnesses = views.flat()
  const viewSize = views[0]?.length ?? 0
  // The struct comes after its offset; in it the array comes last, after its own offset and two numbers.
  const head = [32n, 96n, ...[viewSize, quorum, witnesses.length].map(BigInt)].map(word)
  return hashWords(...head, ...witnesses.map(word))
}

function hashWords(...words: readonly string[]): Hex {
  return toHex(keccak_256(Buffer.from(words.join(''), 'hex')))
}

function word(value: Hex | bigint): string {
  const digits = typeof value === 'bigint' ? value.toString(16) : value.slice(2).toLowerCase()
  return digits.padStart(WORD_HEX_DIGITS, '0')
}

function word32(value: Hex): string {
  if (!/^0x[0-9a-f]{64}$/i.test(value)) throw new RangeError(`not 32 bytes: ${value}`)
  return word(value)
}

function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`
}
