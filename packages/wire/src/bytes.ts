import { hash } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import type { Hex } from '@rayswarm/interface'

/** sha2-256 of the parts, one after the other. 32 bytes. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  // Node's one-shot call is several times as fast as a hash object, which costs more than putting the parts together; and a
  // buffer with memory of its own costs more than hashing a small message, so the digest comes as text.
  const digest = hash('sha256', parts.length === 1 ? parts[0]! : Buffer.concat(parts), 'binary')
  const bytes = new Uint8Array(digest.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = digest.charCodeAt(i)
  return bytes
}

/** Whether two byte strings are equal. Not constant in time: never compare secrets with it. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Bytes as `0x…` text in lower case. */
export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.prototype.hexSlice.call(bytes, 0, bytes.length)}`
}

/**
 * Bytes of `0x…` text.
 *
 * @throws {TypeError} if it is not `0x` and an even number of lower-case hex digits
 */
export function fromHex(hex: Hex): Uint8Array {
  if (!HEX.test(hex)) throw new TypeError(`not lower-case hex with 0x: ${hex.slice(0, 80)}`)
  return hexToBytes(hex.slice(2))
}

const HEX = /^0x(?:[0-9a-f]{2})*$/

/** A plain `Uint8Array` over the same memory: a `Buffer` would otherwise breed buffers in what is decoded from it. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
