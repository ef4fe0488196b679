import { decodeRaw } from '@rayswarm/wire'

/** The type a message's bytes claim to be of; undefined when they are none. */
export function messageTypeOf(bytes: Uint8Array): string | undefined {
  const value = decodeRaw(bytes)?.value
  if (typeof value !== 'object' || value === null || !('t' in value)) return undefined
  return typeof value.t === 'string' ? value.t : undefined
}
