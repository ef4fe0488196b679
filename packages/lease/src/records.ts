import type {
  Admission,
  CommitCert,
  Decoded,
  JobId,
  LeaseCert,
  ReplicaKey,
  WitnessSet
} from '@rayswarm/interface'
import { RECORD_SIZE_BYTES_MAX } from '@rayswarm/params'
import { commitCertSchema, decodeCanonical, leaseCertSchema, type WireContext } from '@rayswarm/wire'
import { judgeCommitCert, judgeLeaseCert, type LeaseFault } from './certs.ts'

/** What a certificate proves: that a replica is leased, or that it is closed. */
export type CertKind = 'lease' | 'commit'

const KEY = /^\/rayswarm\/cert\/[a-z0-9]+\/\d+\.\d+\/\d+\/(lease|commit)$/

/** Where a certificate is kept in the DHT. @see spec/lease.md#records */
export function certKey(kind: CertKind, replica: ReplicaKey): string {
  const { job, subtask, replica: index, generation } = replica
  return `/rayswarm/cert/${job}/${subtask}.${index}/${generation}/${kind}`
}

/** Read a record. Says nothing about its signatures: see {@link judgeCertRecord}. */
export function decodeCert<Kind extends CertKind>(
  kind: Kind,
  bytes: Uint8Array
): Decoded<Kind extends 'lease' ? LeaseCert : CommitCert>
export function decodeCert(kind: CertKind, bytes: Uint8Array): Decoded<LeaseCert | CommitCert> {
  return kind === 'lease'
    ? decodeCanonical(bytes, leaseCertSchema, RECORD_SIZE_BYTES_MAX)
    : decodeCanonical(bytes, commitCertSchema, RECORD_SIZE_BYTES_MAX)
}

/**
 * Judge a record of the DHT on its own: the key must follow from the value, the value must certify itself.
 *
 * @param known the witnesses of a job, if this peer has seen its offer
 * @see spec/lease.md#records
 */
export function judgeCertRecord(
  key: string,
  value: Uint8Array,
  known: (job: JobId) => WitnessSet | undefined,
  context: WireContext
): Admission<LeaseFault> {
  const kind = KEY.exec(key)?.[1]
  if (kind === 'lease') {
    const cert = decodeCert(kind, value)
    return cert.ok
      ? judge(key, kind, cert.value, known, set => judgeLeaseCert(cert.value, set, context))
      : faulty(cert)
  }
  if (kind === 'commit') {
    const cert = decodeCert(kind, value)
    return cert.ok
      ? judge(key, kind, cert.value, known, set => judgeCommitCert(cert.value, set, context))
      : faulty(cert)
  }
  return { action: 'reject', fault: 'wrong-key' }
}

function judge(
  key: string,
  kind: CertKind,
  cert: { readonly replica: ReplicaKey },
  known: (job: JobId) => WitnessSet | undefined,
  verify: (witnesses: WitnessSet) => Admission<LeaseFault>
): Admission<LeaseFault> {
  if (key !== certKey(kind, cert.replica)) return { action: 'reject', fault: 'wrong-key' }
  const witnesses = known(cert.replica.job)
  return witnesses === undefined ? { action: 'ignore', fault: 'unknown-job' } : verify(witnesses)
}

function faulty(decoded: Extract<Decoded<unknown>, { ok: false }>): Admission<LeaseFault> {
  return { action: 'reject', fault: decoded.fault === 'oversized' ? 'oversized' : 'malformed' }
}
