import type { EquivalenceClass, UnpaidReason, Verdict, VerifyPolicy } from '@rayswarm/interface'
import { GENERATION_COUNT_MAX } from '@rayswarm/params'
import { toHex } from '@rayswarm/wire'

/**
 * How far one generation of one replica got.
 *
 * - `open`, `leased`, `sealed`: still under way
 * - `revealed`: its digest is known and its result was fetched
 * - `timeout`: sealed, allowed to open, and never opened
 * - `missing`: opened, but nobody could fetch the result
 * - `mismatch`: opened, but the result does not hash to the attested digest
 */
export type Outcome = 'open' | 'leased' | 'sealed' | 'revealed' | 'timeout' | 'missing' | 'mismatch'

/** What is known of one generation of one replica. */
export interface ReplicaOutcome {
  readonly replica: number
  readonly generation: number
  readonly outcome: Outcome
  /** Who computed it. What two of them yield counts once if these are equal. */
  readonly holder?: string
  readonly equivalenceClass?: EquivalenceClass
  /** Of a revealed result. 32 bytes. */
  readonly digest?: Uint8Array
}

/** The verdict on one generation of one replica; without a reason, an accepted one is paid. */
export interface ReplicaVerdict {
  readonly replica: number
  readonly generation: number
  readonly verdict: Verdict
  readonly reason?: UnpaidReason
}

/** What follows for a subtask from the outcomes of its replicas. */
export type Judgement =
  | { readonly state: 'waiting' }
  /** Open these, then go on. */
  | { readonly state: 'more'; readonly replicas: readonly { replica: number; generation: number }[] }
  | { readonly state: 'decided'; readonly digest: Uint8Array; readonly verdicts: readonly ReplicaVerdict[] }
  /** No digest can win any more. */
  | { readonly state: 'failed'; readonly verdicts: readonly ReplicaVerdict[] }

type Revealed = ReplicaOutcome & { readonly digest: Uint8Array }

/**
 * Decide a subtask, or say what it still takes. The order of the outcomes does not matter.
 *
 * Digests are compared inside one equivalence class only: elsewhere honest results differ.
 *
 * @param firstGeneration of the view that closes replicas now: what is not closed before it never will be
 * @see spec/verification.md#judgement
 */
export function judge(
  policy: VerifyPolicy,
  outcomes: readonly ReplicaOutcome[],
  firstGeneration = 0
): Judgement {
  const inOrder = [...outcomes].sort((a, b) => a.replica - b.replica || a.generation - b.generation)
  const groups = groupsOf(inOrder)
  const winner = groups.find(group => holdersOf(group).length >= policy.quorum)
  if (winner !== undefined) return decided(policy, inOrder, winner)

  const latest = latestOf(inOrder)
  const wanted = unopened(policy, latest, firstGeneration)
  if (wanted.length > 0) return { state: 'more', replicas: wanted }
  if (latest.some(isPending)) return { state: 'waiting' }

  // All that could speak have spoken. At least this many more must agree with the largest group.
  const largest = Math.max(0, ...groups.map(group => holdersOf(group).length))
  const lackCount = policy.quorum - largest
  const opened = Math.max(-1, ...latest.map(outcome => outcome.replica)) + 1
  if (opened + lackCount > policy.replicaCountMax) return { state: 'failed', verdicts: given(inOrder) }
  const replicas = Array.from({ length: lackCount }, (_, i) => ({
    replica: opened + i,
    generation: firstGeneration
  }))
  return { state: 'more', replicas }
}

/**
 * Whether a holder is given up that may open its seal, or has committed without closing the replica, since `sinceMs`: nothing was
 * heard of it for too long, or it has been slow for twice as long.
 *
 * @param heardAtMs when it last asked about it
 */
export function isOverdue(
  sinceMs: number,
  heardAtMs: number,
  nowMs: number,
  { revealTimeoutMs }: { readonly revealTimeoutMs: number }
): boolean {
  return nowMs > Math.max(sinceMs, heardAtMs) + revealTimeoutMs || nowMs > sinceMs + 2 * revealTimeoutMs
}

/**
 * Whether a replica may open its seal: only once nobody who still computes this subtask could copy the result.
 *
 * @see spec/verification.md#blind
 */
export function mayOpen(policy: VerifyPolicy, outcomes: readonly ReplicaOutcome[], replica: number): boolean {
  const latest = latestOf(outcomes)
  const own = latest.find(outcome => outcome.replica === replica)?.outcome
  if (own !== 'sealed' && own !== 'revealed') return false

  // Enough are bound to what they have: who is still under way is a straggler, and may not seal what it is shown.
  if (maySuffice(policy, latest)) return true

  const complete = Array.from({ length: policy.replicaCount }, (_, i) => i).every(index =>
    latest.some(outcome => outcome.replica === index)
  )
  return complete && !latest.some(isUnclosed)
}

/** Whether what is revealed, and what is sealed, can be enough to decide a subtask. */
export function maySuffice({ quorum }: VerifyPolicy, outcomes: readonly ReplicaOutcome[]): boolean {
  const largest = Math.max(0, ...groupsOf(outcomes).map(group => holdersOf(group).length))
  return largest + outcomes.filter(({ outcome }) => outcome === 'sealed').length >= quorum
}

function isPending(outcome: ReplicaOutcome): boolean {
  return isUnclosed(outcome) || outcome.outcome === 'sealed'
}

function isUnclosed({ outcome }: ReplicaOutcome): boolean {
  return outcome === 'open' || outcome === 'leased'
}

function isDead({ outcome }: ReplicaOutcome): boolean {
  return outcome === 'timeout' || outcome === 'missing' || outcome === 'mismatch'
}

function isRevealed(outcome: ReplicaOutcome): outcome is Revealed {
  return outcome.outcome === 'revealed' && outcome.digest !== undefined
}

/** The last generation of each replica. */
function latestOf(outcomes: readonly ReplicaOutcome[]): readonly ReplicaOutcome[] {
  const latest = new Map<number, ReplicaOutcome>()
  for (const outcome of outcomes) {
    const known = latest.get(outcome.replica)
    if (known === undefined || outcome.generation > known.generation) latest.set(outcome.replica, outcome)
  }
  return [...latest.values()]
}

/** Revealed results that agree, each group in replica order; the group that was there first comes first. */
function groupsOf(inOrder: readonly ReplicaOutcome[]): readonly (readonly Revealed[])[] {
  const groups = new Map<string, Revealed[]>()
  for (const outcome of inOrder.filter(isRevealed)) {
    const key = `${outcome.equivalenceClass ?? ''} ${toHex(outcome.digest)}`
    const group = groups.get(key) ?? []
    group.push(outcome)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** One result per holder: agreeing with oneself proves nothing. */
function holdersOf(group: readonly Revealed[]): readonly Revealed[] {
  return group.filter(
    ({ holder }, i) => holder === undefined || group.findIndex(other => other.holder === holder) === i
  )
}

/** One result per replica: two generations of one are one entitlement. */
function onePerReplica(group: readonly Revealed[]): readonly Revealed[] {
  return group.filter(({ replica }, i) => group.findIndex(other => other.replica === replica) === i)
}

/** Replicas that should be open and are not: those of the start, and new generations of dead ones and of those left behind. */
function unopened(
  policy: VerifyPolicy,
  latest: readonly ReplicaOutcome[],
  firstGeneration: number
): { replica: number; generation: number }[] {
  const wanted: { replica: number; generation: number }[] = []
  for (let replica = 0; replica < policy.replicaCount; replica++)
    if (!latest.some(outcome => outcome.replica === replica))
      wanted.push({ replica, generation: firstGeneration })
  for (const outcome of latest) {
    const { replica } = outcome
    const generation = Math.max(outcome.generation + 1, firstGeneration)
    const isLeftBehind = isUnclosed(outcome) && outcome.generation < firstGeneration
    if ((isDead(outcome) || isLeftBehind) && generation <= firstGeneration + GENERATION_COUNT_MAX)
      wanted.push({ replica, generation })
  }
  return wanted.sort((a, b) => a.replica - b.replica)
}

function decided(
  policy: VerifyPolicy,
  inOrder: readonly ReplicaOutcome[],
  winner: readonly Revealed[]
): Judgement {
  const paid = new Set<ReplicaOutcome>(onePerReplica(holdersOf(winner)).slice(0, policy.quorum))
  const { equivalenceClass, digest } = winner[0]!

  const verdicts = inOrder.flatMap((outcome): readonly ReplicaVerdict[] => {
    if (!isRevealed(outcome)) return given([outcome])
    const { replica, generation } = outcome
    if (paid.has(outcome)) return [{ replica, generation, verdict: 'accepted' }]
    if (winner.includes(outcome)) return [{ replica, generation, verdict: 'accepted', reason: 'surplus' }]
    return outcome.equivalenceClass === equivalenceClass
      ? [{ replica, generation, verdict: 'rejected', reason: 'rejected' }]
      : [{ replica, generation, verdict: 'undecided', reason: 'surplus' }]
  })
  return { state: 'decided', digest, verdicts }
}

/** Verdicts that need no winner. Whoever is still under way gets none: nothing can be said against it. */
function given(outcomes: readonly ReplicaOutcome[]): readonly ReplicaVerdict[] {
  return outcomes.flatMap(({ replica, generation, outcome }): readonly ReplicaVerdict[] => {
    switch (outcome) {
      case 'mismatch':
        return [{ replica, generation, verdict: 'rejected', reason: 'result-mismatch' }]
      case 'timeout':
        return [{ replica, generation, verdict: 'undecided', reason: 'reveal-timeout' }]
      case 'missing':
        return [{ replica, generation, verdict: 'undecided', reason: 'result-missing' }]
      case 'revealed':
        return [{ replica, generation, verdict: 'undecided', reason: 'no-quorum' }]
      default:
        return []
    }
  })
}
