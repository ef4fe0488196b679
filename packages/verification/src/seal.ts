import type { Admission, Attestation, CommitCert, Signed } from '@rayswarm/interface'
import { bytesEqual, canonical, replicaId, sha256, verifySigned, type WireContext } from '@rayswarm/wire'

/** Why an opening is not the one that was sealed. */
export type RevealFault =
  | 'malformed' // not an attestation, or an opening of the wrong size
  | 'wrong-replica'
  | 'wrong-holder' // attested by another peer than the one whose commit is certified
  | 'seal-mismatch' // the sealed value hides another attestation
  | 'bad-signature'

/**
 * Commitment to an attestation: it opens in one way only. Holder and replica are inside, so that a copied seal opens for
 * nobody else; the salt hides the rest.
 */
export function sealOf(attestation: Attestation): Uint8Array {
  return sha256(canonical(attestation))
}

/**
 * Check that an attestation opens the seal of a commit certificate. The certificate itself is judged by the lease rules.
 *
 * @see spec/verification.md#reveal
 */
export function judgeReveal(
  cert: CommitCert,
  attestation: Signed<Attestation>,
  context: WireContext
): Admission<RevealFault> {
  const reject = (fault: RevealFault): Admission<RevealFault> => ({ action: 'reject', fault })
  const { holder, replica, opening } = attestation.body

  if (attestation.type !== 'attestation') return reject('malformed')
  if (opening.digest.length !== 32 || opening.salt.length !== 32) return reject('malformed')
  if (replicaId(replica) !== replicaId(cert.replica)) return reject('wrong-replica')
  if (attestation.signer !== holder || holder !== cert.holder) return reject('wrong-holder')
  if (!bytesEqual(sealOf(attestation.body), cert.seal)) return reject('seal-mismatch')
  return verifySigned(attestation, context) ? { action: 'accept' } : reject('bad-signature')
}
