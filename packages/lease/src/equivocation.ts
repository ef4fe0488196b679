import type {
  Admission,
  CommitCert,
  CommitVote,
  EquivocationClaim,
  LeasePromise,
  PeerId,
  Signed,
  WitnessSet
} from '@rayswarm/interface'
import { canonical, toHex, verifySigned, type WireContext } from '@rayswarm/wire'
import { ACCEPT, type LeaseFault, sameCommit, sameReplica, voteOf } from './certs.ts'

/** More statements of one witness than this prove nothing that fewer could not. */
const STATEMENTS_PER_WITNESS_MAX = 4

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
    if (!witnesses.members.includes(witness)) return reject('not-witness')
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

/** True if one witness promised one fence of one replica to two holders, which honest ones never do. */
export function promisedTwice(a: Signed<LeasePromise>, b: Signed<LeasePromise>): boolean {
  return (
    a.type === 'promise' &&
    b.type === 'promise' &&
    a.signer === b.signer &&
    sameReplica(a.body.replica, b.body.replica) &&
    a.body.fence === b.body.fence &&
    a.body.holder !== b.body.holder
  )
}

/**
 * Whether these statements prove that no value of their replica generation can still reach the quorum, so that the next
 * generation may open. A witness that stated two values proves nothing: it may vote again for anything.
 *
 * @param shown votes, and promises that show a register, all for one generation of one replica; with others in between, or with
 * more than four per witness, the answer is false. What does not count is passed over
 * @see spec/lease.md#split
 */
export function splitOf(
  shown: readonly (Signed<CommitVote> | Signed<LeasePromise>)[],
  witnesses: WitnessSet,
  context: WireContext
): boolean {
  const { members, quorum } = witnesses
  const first = shown[0]?.body.replica
  if (first === undefined || first.job !== witnesses.job) return false
  if (shown.length > STATEMENTS_PER_WITNESS_MAX * members.length) return false
  if (shown.some(({ body }) => !sameReplica(body.replica, first))) return false

  const valuesOf = new Map<PeerId, Set<string>>()
  for (const statement of shown) {
    const value = registerIn(statement)
    if (value === undefined || !sameReplica(value.replica, first)) continue
    if (!members.includes(statement.signer) || !verifySigned(statement, context)) continue
    const values = valuesOf.get(statement.signer) ?? new Set<string>()
    valuesOf.set(statement.signer, values.add(keyOf(value)))
  }
  const supporters = new Map<string, number>()
  let settledCount = 0
  for (const [value, ...others] of valuesOf.values()) {
    if (value === undefined || others.length > 0) continue
    settledCount++
    supporters.set(value, (supporters.get(value) ?? 0) + 1)
  }
  const mostCount = Math.max(0, ...supporters.values())
  return mostCount + members.length - settledCount < quorum
}

/** What a statement says about its signer's register. */
function registerIn({ type, body }: Signed<CommitVote> | Signed<LeasePromise>): CommitVote | undefined {
  if (type === 'commit-vote' && 'seal' in body) return body
  return type === 'promise' && 'register' in body && body.register !== undefined
    ? voteOf(body.register.body)
    : undefined
}

/** The same text for the same value in a register. */
function keyOf({ replica, holder, seal, price }: CommitVote): string {
  return toHex(canonical([replica, holder, seal, price]))
}
