/**
 * @packageDocumentation
 *
 * What crosses the wire: one canonical encoding, content ids, domain-separated ed25519 signatures under one strict rule, and
 * decoders that judge every byte string and never throw.
 *
 * @example
 *
 * ```ts
 * import { decodeMessage, encodeMessage, message, nodeIdentity } from '@rayswarm/wire'
 *
 * const context = { identity: nodeIdentity(new Uint8Array(32).fill(7)), chainId: 31_337, netId: 'docs' }
 * const bytes = encodeMessage(message('items-page', { items: [] }))
 * const decoded = decodeMessage(bytes, ['items-page'], context)
 * if (decoded.ok) console.log(decoded.value.body.items.length) // 0
 * ```
 */
export { isAccount, toAccount } from './account.ts'
export { bytesEqual, fromHex, sha256, toHex } from './bytes.ts'
export {
  canonical,
  cidOf,
  decodeCanonical,
  decodeRaw,
  escrowSaltOf,
  jobHashOf,
  jobIdOf,
  jobOfHash
} from './canonical.ts'
export { WireMemo } from './memo.ts'
export { decodeMessage, encodeMessage, message, messageSizeBytesMax } from './message.ts'
export { nobleIdentity } from './noble-identity.ts'
export { nodeIdentity } from './node-identity.ts'
export { peerIdOf, publicKeyOf } from './peer-id.ts'
export { replicaId } from './replica-id.ts'
export { isAssetPath } from './schema/fields.ts'
export { schemas } from './schema/index.ts'
export { jobSpecSchema } from './schema/job.ts'
export { commitCertSchema, leaseCertSchema } from './schema/lease.ts'
export {
  isSignedType,
  type MessageOf,
  SIGNED_TYPES,
  type SignedType,
  signed,
  verifySigned,
  type WireContext
} from './signed.ts'
