import type {
  Admission,
  CommitCert,
  CommitVote,
  EquivocationClaim,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { canonical, toHex, verifySigned, type WireContext } from '@rayswarm/wire'
import { ACCEPT, type LeaseFault, sameCommit, sameReplica } from './certs.ts'
import { witnessesOf } from './views.ts'

/**
 * The proof that one witness voted for two values of one replica generation. Undefined if these votes are none.
 * Built alike from either order. Signatures are not looked at: see {@link judgeEquivocation}.
 *
 * @see spec/lease.md#equivocation
 */
export function equivocationOf(a: Signed<CommitVote>, b: Signed<CommitVote>): EquivocationClaim | undefined {
  if (a.type !== 'commit-vote' || b.type !== 'commit-vote' || a.signer !== b.signer) return undefined
  if (!sameReplica(a.body.replica, b.body.replica) || sameCommit(a.body, b.body)) return undefined
  const votes: EquivocationClaim['votes'] = keyOf(a.body) < keyOf(b.body) ? [a, b] : [b, a]
  return { kind: 'equivocation', witness: a.signer, votes }
}

/**
 * Check a proof of equivocation on its own.
 *
 * @param witnesses of the job, if known: then its set must contain the witness. A stranger's votes harm nobody
 * @see spec/lease.md#equivocation
 */
export function judgeEquivocation(
  { witness, votes: [a, b] }: EquivocationClaim,
  context: WireContext,
  witnesses?: WitnessSet
): Admission<LeaseFault> {
  const reject = (fault: LeaseFault): Admission<LeaseFault> => ({ action: 'reject', fault })

  const proof = equivocationOf(a, b)
  if (proof === undefined || proof.witness !== witness || proof.votes[0] !== a) return reject('mismatch')
  if (witnesses !== undefined) {
    if (a.body.replica.job !== witnesses.job) return reject('mismatch')
    if (!witnessesOf(witnesses, a.body.replica).includes(witness)) return reject('not-witness')
  }
  return verifySigned(a, context) && verifySigned(b, context) ? ACCEPT : reject('bad-signature')
}

/**
 * Every equivocation that two commit certificates prove: at least `2q - m` if both hold and close one replica generation with
 * different values, in the order of the first one's votes; else none.
 */
export function proofsOf(a: CommitCert, b: CommitCert): readonly EquivocationClaim[] {
  return a.votes.flatMap(vote => {
    const other = b.votes.find(({ signer }) => signer === vote.signer)
    return other === undefined ? [] : (equivocationOf(vote, other) ?? [])
  })
}

/** The same text for the same value in a register. */
function keyOf({ replica, holder, seal, price }: CommitVote): string {
  return toHex(canonical([replica, holder, seal, price]))
}
