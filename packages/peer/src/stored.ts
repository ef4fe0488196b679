import type { Grant, Signed } from '@rayswarm/interface'
import { decodeRaw } from '@rayswarm/wire'

/** A record of our own, as it was put into the store. Written by this peer, so its shape is not judged again. */
export function parseStored<T>(bytes: Uint8Array): T {
  const raw = decodeRaw(bytes)
  if (raw === undefined) throw new TypeError('a stored record is not dag-cbor')
  return raw.value as T
}

/** Small amounts come back from the store as numbers. */
export function reviveGrant(grant: Signed<Grant>): Signed<Grant> {
  return { ...grant, body: { ...grant.body, price: BigInt(grant.body.price) } }
}
