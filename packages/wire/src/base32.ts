/** Lower case, without padding: RFC 4648 §6, as CIDs use it. */
const DIGITS = Uint8Array.from('abcdefghijklmnopqrstuvwxyz234567', digit => digit.charCodeAt(0))
const BITS_PER_DIGIT = 5
const PREFIX = 'b'.charCodeAt(0)

/**
 * Bytes as multibase base32 text.
 *
 * The usual way adds digit to digit, and leaves a string of sixty parts behind: every peer keeps thousands of ids.
 */
export function base32Of(bytes: Uint8Array): string {
  const text = Buffer.allocUnsafe(1 + Math.ceil((bytes.length * 8) / BITS_PER_DIGIT))
  text[0] = PREFIX
  let [at, bits, bitCount] = [1, 0, 0]
  for (const byte of bytes) {
    bits = ((bits & 0x1f) << 8) | byte
    for (bitCount += 8; bitCount >= BITS_PER_DIGIT; bitCount -= BITS_PER_DIGIT)
      text[at++] = DIGITS[(bits >>> (bitCount - BITS_PER_DIGIT)) & 0x1f]!
  }
  if (bitCount > 0) text[at] = DIGITS[(bits << (BITS_PER_DIGIT - bitCount)) & 0x1f]!
  return text.toString('latin1')
}
