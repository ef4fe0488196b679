import type { Signed } from '@rayswarm/interface'

/**
 * What one simulated world found out about messages, by the very objects they came in: the same bytes reach many of its
 * peers, and each would find the same. Sound only among contexts of one chain and network whose objects nobody changes.
 */
export class WireMemo {
  /** @internal Messages that decoded, by their bytes. */
  readonly decoded = new WeakMap<Uint8Array, { readonly type: string }>()
  /** @internal Whether a decoded message's signature verified. */
  readonly verified = new WeakMap<Signed<unknown>, boolean>()
}
