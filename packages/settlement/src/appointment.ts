import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Appointment, Hex } from '@rayswarm/interface'
import { fromHex, toHex } from '@rayswarm/wire'

const WORD_BYTES = 32

/**
 * What an escrow remembers of those who may settle in its creator's place:
 * `keccak256(abi.encode(address[] witnesses, uint256 quorum))`.
 *
 * @see spec/escrow.md
 */
export function appointmentHash({ witnesses, quorum }: Appointment): Hex {
  // The list comes behind two words: where it begins, and the quorum.
  const head = [2 * WORD_BYTES, quorum, witnesses.length].map(wordOf)
  const accounts = witnesses.map(account => padded(fromHex(account.toLowerCase())))
  return toHex(keccak_256(Uint8Array.from([...head, ...accounts].flatMap(word => [...word]))))
}

function wordOf(value: number): Uint8Array {
  return padded(fromHex(`0x${value.toString(16).padStart(WORD_BYTES * 2, '0')}`))
}

function padded(bytes: Uint8Array): Uint8Array {
  const word = new Uint8Array(WORD_BYTES)
  word.set(bytes, WORD_BYTES - bytes.length)
  return word
}
