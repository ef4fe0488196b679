import type {
  Admission,
  Commit,
  CommitCert,
  CommitVote,
  LeaseCert,
  LeasePromise,
  PeerId,
  ReplicaKey,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { bytesEqual, verifySigned, type WireContext } from '@rayswarm/wire'
import { witnessesOf } from './views.ts'

/** Why a certificate, or a record that carries one, does not hold. */
export type LeaseFault =
  | 'oversized' // longer than a record may be, or more signatures than witnesses
  | 'malformed' // not the canonical encoding of a certificate
  | 'wrong-key' // stored under a key that does not follow from it
  | 'unknown-job' // its witnesses cannot be named here, so nobody can say
  | 'no-quorum' // too few signatures
  | 'not-witness' // signed by somebody who is none of the job's witnesses
  | 'twice' // one witness counted twice
  | 'mismatch' // a signature for something else than the certificate claims
  | 'bad-signature'

export const ACCEPT = { action: 'accept' } as const

/** True if both name the same generation of the same replica. */
export function sameReplica(a: ReplicaKey, b: ReplicaKey): boolean {
  return (
    a.job === b.job && a.subtask === b.subtask && a.replica === b.replica && a.generation === b.generation
  )
}

/** True if both would put the same value into a register: the fence is no part of it. */
export function sameCommit(a: CommitVote, b: CommitVote): boolean {
  return (
    sameReplica(a.replica, b.replica) &&
    a.holder === b.holder &&
    a.price === b.price &&
    bytesEqual(a.seal, b.seal)
  )
}

/** What a vote for a commit says. */
export function voteOf({ replica, holder, seal, lease }: Commit): CommitVote {
  return { replica, holder, seal, price: lease.price }
}

function samePromise(
  a: Pick<LeasePromise, 'replica' | 'holder' | 'fence' | 'price'>,
  b: Pick<LeasePromise, 'replica' | 'holder' | 'fence' | 'price'>
): boolean {
  const alike = a.holder === b.holder && a.fence === b.fence && a.price === b.price
  return alike && sameReplica(a.replica, b.replica)
}

/**
 * A lease certificate, as soon as `q` distinct witnesses promised one holder the same fence; of several, the latest.
 *
 * Promises that do not count (foreign signer, bad signature, another fence) are passed over: they cannot do harm.
 */
export function leaseCertOf(
  promises: readonly Signed<LeasePromise>[],
  witnesses: WitnessSet,
  context: WireContext
): LeaseCert | undefined {
  const valid = promises
    .filter(promise => counts(promise, 'promise', witnesses, context))
    .sort((a, b) => b.body.fence - a.body.fence)

  for (const { body } of valid) {
    const { replica, holder, fence, price } = body
    const alike = valid.filter(other => samePromise(other.body, body))
    const quorum = quorumOf(alike, replica, witnesses)
    if (quorum !== undefined) return { replica, holder, fence, price, promises: quorum }
  }
  return undefined
}

/** A commit certificate, as soon as `q` distinct witnesses voted for the same commit. */
export function commitCertOf(
  votes: readonly Signed<CommitVote>[],
  witnesses: WitnessSet,
  context: WireContext
): CommitCert | undefined {
  const valid = votes.filter(vote => counts(vote, 'commit-vote', witnesses, context))

  for (const { body } of valid) {
    const { replica, holder, seal, price } = body
    const alike = valid.filter(other => sameCommit(other.body, body))
    const quorum = quorumOf(alike, replica, witnesses)
    if (quorum !== undefined) return { replica, holder, seal, price, votes: quorum }
  }
  return undefined
}

/** Check a lease certificate on its own. @see spec/lease.md#certificates */
export function judgeLeaseCert(
  cert: LeaseCert,
  witnesses: WitnessSet,
  context: WireContext
): Admission<LeaseFault> {
  return judgeSignatures(cert.promises, 'promise', body => samePromise(body, cert), cert, witnesses, context)
}

/** Check a commit certificate on its own. @see spec/lease.md#certificates */
export function judgeCommitCert(
  cert: CommitCert,
  witnesses: WitnessSet,
  context: WireContext
): Admission<LeaseFault> {
  return judgeSignatures(cert.votes, 'commit-vote', body => sameCommit(body, cert), cert, witnesses, context)
}

/** Whether a commit was made under a lease that holds, by one who was shown no other commit: else it had to finish that. */
export function isLeased(
  { replica, holder, fence, lease }: Commit,
  witnesses: WitnessSet,
  context: WireContext
): boolean {
  return (
    sameReplica(lease.replica, replica) &&
    lease.holder === holder &&
    lease.fence === fence &&
    lease.promises.every(promise => promise.body.register === undefined) &&
    judgeLeaseCert(lease, witnesses, context).action === 'accept'
  )
}

/** Whether a commit that a witness shows may stand in its register. @see spec/lease.md#claim */
export function isSoundCommit(commit: Signed<Commit>, witnesses: WitnessSet, context: WireContext): boolean {
  return (
    commit.type === 'commit' &&
    commit.signer === commit.body.holder &&
    isLeased(commit.body, witnesses, context) &&
    verifySigned(commit, context)
  )
}

function judgeSignatures<Body extends { readonly replica: ReplicaKey }>(
  signatures: readonly Signed<Body>[],
  type: 'promise' | 'commit-vote',
  matches: (body: Body) => boolean,
  cert: { readonly replica: ReplicaKey },
  witnesses: WitnessSet,
  context: WireContext
): Admission<LeaseFault> {
  const reject = (fault: LeaseFault): Admission<LeaseFault> => ({ action: 'reject', fault })

  if (cert.replica.job !== witnesses.job) return reject('mismatch')
  const members = witnessesOf(witnesses, cert.replica)
  if (signatures.length > witnesses.witnessCount) return reject('oversized')
  if (signatures.length < witnesses.quorum || signatures.length === 0) return reject('no-quorum')

  const signers = new Set<PeerId>()
  for (const { signer, type: signedType, body } of signatures) {
    if (!members.includes(signer)) return reject('not-witness')
    if (signers.has(signer)) return reject('twice')
    if (signedType !== type || !matches(body)) return reject('mismatch')
    signers.add(signer)
  }
  // Signatures last: they are the only expensive test.
  return signatures.every(signature => verifySigned(signature, context)) ? ACCEPT : reject('bad-signature')
}

function counts(
  signature: Signed<unknown>,
  type: 'promise' | 'commit-vote',
  witnesses: WitnessSet,
  context: WireContext
): boolean {
  return (
    signature.type === type &&
    witnesses.members.includes(signature.signer) &&
    verifySigned(signature, context)
  )
}

/** Exactly `q` signatures of distinct signers in the order of the witness set, so that everybody builds the same bytes. */
function quorumOf<Body>(
  signatures: readonly Signed<Body>[],
  replica: ReplicaKey,
  witnesses: WitnessSet
): Signed<Body>[] | undefined {
  const bySigner = new Map(signatures.map(signature => [signature.signer, signature]))
  const ordered = witnessesOf(witnesses, replica).flatMap(member => bySigner.get(member) ?? [])
  return ordered.length < witnesses.quorum ? undefined : ordered.slice(0, witnesses.quorum)
}
