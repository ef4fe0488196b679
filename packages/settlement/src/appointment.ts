import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Appointment, Hex } from '@rayswarm/interface'
import { fromHex, toHex } from '@rayswarm/wire'

const WORD_BYTES = 32

/**
 * What an escrow remembers of those who may settle in its creator's place:
 * `keccak256(abi.encode((address[] witnesses, uint256 viewSize, uint256 quorum)))`, the views one after the other.
 *
 * @see spec/escrow.md#witnesses
 */
export function appointmentHash({ views, quorum }: Appointment): Hex {
  const witnesses = views.flat()
  const viewSize = views[0]?.length ?? 0
  // Where the struct begins; in it, where the list begins: behind three words.
  const head = [WORD_BYTES, 3 * WORD_BYTES, viewSize, quorum, witnesses.length].map(wordOf)
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
