import { decodeRaw } from '@rayswarm/wire'

/** A record of our own, as it was put into the store. Written by this peer, so its shape is not judged again. */
export function parseStored<T>(bytes: Uint8Array): T {
  const raw = decodeRaw(bytes)
  if (raw === undefined) throw new TypeError('a stored record is not dag-cbor')
  reviveAmounts(raw.value)
  return raw.value as T
}

/** Small amounts come back from the store as numbers. All amounts that we store are called price. */
function reviveAmounts(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  const fields = value as Record<string, unknown>
  for (const [key, field] of Object.entries(fields)) {
    if (key === 'price' && typeof field === 'number') fields[key] = BigInt(field)
    else reviveAmounts(field)
  }
}
