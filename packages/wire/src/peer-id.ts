import type { PeerId } from '@rayswarm/interface'
import { base58btc } from 'multiformats/bases/base58'
import { BoundedMap } from './bounded-map.ts'

/** Identity multihash (0x00, 36 bytes) of the protobuf `{ type: Ed25519, key: 32 bytes }`. */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const KEY_SIZE_BYTES = 32
/** Every ed25519 peer id has this many characters. */
const TEXT_LENGTH = 52

/** Public keys of peers seen lately: decoding base58 is dear, and the same few peers sign everything. */
const keys = new BoundedMap<PeerId, Uint8Array>(8_192)

/** The ed25519 public key inside a peer id; undefined when the text is none. Do not write to it. */
export function publicKeyOf(peer: PeerId): Uint8Array | undefined {
  const known = keys.get(peer)
  if (known !== undefined) return known
  const key = parse(peer)
  if (key !== undefined) keys.set(peer, key)
  return key
}

/**
 * The peer id of an ed25519 public key.
 *
 * @throws {RangeError} if the key is not 32 bytes long
 */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== KEY_SIZE_BYTES)
    throw new RangeError(`an ed25519 public key has 32 bytes, not ${publicKey.length}`)
  const bytes = new Uint8Array(PREFIX.length + KEY_SIZE_BYTES)
  bytes.set(PREFIX)
  bytes.set(publicKey, PREFIX.length)
  return base58btc.baseEncode(bytes)
}

function parse(peer: PeerId): Uint8Array | undefined {
  if (peer.length !== TEXT_LENGTH) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(peer)
  } catch {
    return undefined
  }
  if (bytes.length !== PREFIX.length + KEY_SIZE_BYTES) return undefined
  if (PREFIX.some((byte, i) => bytes[i] !== byte)) return undefined
  return bytes.slice(PREFIX.length)
}
