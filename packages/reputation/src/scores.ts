import type { LedgerEntry, PeerId, ReplicaVerdict, Score, Signed } from '@rayswarm/interface'
import {
  BPS,
  REJECTED_WEIGHT,
  REPUTATION_DECAY_PER_DAY_BPS,
  TIMEOUT_WEIGHT,
  WEIGHT_ONE
} from '@rayswarm/params'
import { replicaId } from '@rayswarm/wire'

const DAY_MS = 24 * 60 * 60 * 1_000
/** After four years a verdict has lost all but a 10^-13th of its weight. */
const AGE_DAYS_MAX = 4 * 365
/** Verdicts dated further ahead do not count yet. */
const CLOCK_SKEW_MS_MAX = 10 * 60 * 1_000

/** Weights are counted in this many parts, so that decay loses nothing that matters. */
const PARTS = 10n ** 15n
/** One full replica, undecayed. */
const ONE = BigInt(WEIGHT_ONE) * PARTS
/** A newcomer starts as if ten replicas had gone wrong and one well: new names must not pay. */
const PRIOR_GOOD = ONE
const PRIOR_ALL = 11n * ONE

/** Stands in the place of an equivalence class where a peer was convicted of voting twice: it has no other score then. */
const CONVICTED_CLASS = 'witness'

/** Score of a node nobody has judged yet, in parts of 10 000. */
export const NEWCOMER_SCORE_BPS = Number((BPS * PRIOR_GOOD) / PRIOR_ALL)

type Kind = 'accepted' | 'rejected' | 'timeout'

interface Judged {
  readonly kind: Kind
  readonly judge: PeerId
  readonly sequence: number
  readonly node: PeerId
  readonly equivalenceClass: string
  readonly weight: bigint
}

interface Tally {
  readonly node: PeerId
  readonly equivalenceClass: string
  readonly counts: Record<Kind, number>
  /** Decayed weight per judge and kind. */
  readonly weights: Map<PeerId, Record<Kind, bigint>>
}

/**
 * Scores of everybody who was ever judged: a fold over the set of entries, in whole numbers only, so that every peer gets
 * the same ones whatever reached it first, twice, or in how many pieces.
 *
 * Only verdicts of others count, one per judge and replica.
 *
 * @see spec/reputation.md#scores
 */
export function scores(read: Iterable<Signed<LedgerEntry>>, nowMs: number): readonly Score[] {
  const entries = [...read]
  const convicted = convictedIn(entries)
  const tallies = new Map<string, Tally>()
  for (const judged of verdictsOf(entries, nowMs).values()) {
    const { node, equivalenceClass, judge, kind, weight } = judged
    const key = `${node} ${equivalenceClass}`
    const tally = tallies.get(key) ?? { node, equivalenceClass, counts: none(0), weights: new Map() }
    const weights = tally.weights.get(judge) ?? none(0n)
    tally.counts[kind]++
    weights[kind] += weight
    tally.weights.set(judge, weights)
    tallies.set(key, tally)
  }
  return [
    ...[...tallies.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, tally]) => scoreOfTally(tally))
      .filter(({ node }) => !convicted.has(node)),
    ...[...convicted].sort().map(convictedScore)
  ]
}

/** Witnesses that voted twice, by proofs that whoever admitted the entries has checked. One is enough, for ever. */
function convictedIn(entries: readonly Signed<LedgerEntry>[]): ReadonlySet<PeerId> {
  return new Set(
    entries.flatMap(({ body: { claim } }) => (claim.kind === 'equivocation' ? [claim.witness] : []))
  )
}

function convictedScore(node: PeerId): Score {
  const none = { scoreBps: 0, acceptedCount: 0, rejectedCount: 0, timeoutCount: 0 }
  return { node, equivalenceClass: CONVICTED_CLASS, ...none }
}

/** A node's score in parts of 10 000: that of its best class, or a newcomer's. */
export function scoreOf(known: readonly Score[], node: PeerId): number {
  const own = known.filter(score => score.node === node)
  return own.length === 0 ? NEWCOMER_SCORE_BPS : Math.max(...own.map(score => score.scoreBps))
}

/** The verdicts that count, one per judge, node and replica: of several, the first in the judge's feed. */
function verdictsOf(entries: Iterable<Signed<LedgerEntry>>, nowMs: number): Map<string, Judged> {
  const verdicts = new Map<string, Judged>()
  for (const { body } of entries) {
    const { author, atMs, claim, sequence } = body
    if (claim.kind !== 'verdicts' || atMs > nowMs + CLOCK_SKEW_MS_MAX) continue
    for (const verdict of claim.verdicts) {
      const { node, replica, equivalenceClass } = verdict
      const kind = kindOf(verdict)
      if (kind === undefined || node === author) continue

      const key = `${author} ${node} ${replicaId(replica)}`
      const known = verdicts.get(key)
      if (known !== undefined && known.sequence <= sequence) continue
      const weight = decayed(verdict.weight, nowMs - atMs)
      verdicts.set(key, { kind, judge: author, sequence, node, equivalenceClass, weight })
    }
  }
  return verdicts
}

/** Undecided counts for nobody and against nobody, except where the node sealed a result and then showed none. */
function kindOf({ verdict, digest }: ReplicaVerdict): Kind | undefined {
  if (verdict !== 'undecided') return verdict
  return digest === undefined ? 'timeout' : undefined
}

function scoreOfTally({ node, equivalenceClass, counts, weights }: Tally): Score {
  let good = 0n
  let bad = 0n
  for (const judge of weights.values()) {
    good += grown(judge.accepted)
    bad += REJECTED_WEIGHT * grown(judge.rejected) + TIMEOUT_WEIGHT * grown(judge.timeout)
  }
  return {
    node,
    equivalenceClass,
    scoreBps: Number((BPS * (good + PRIOR_GOOD)) / (good + bad + PRIOR_ALL)),
    acceptedCount: counts.accepted,
    rejectedCount: counts.rejected,
    timeoutCount: counts.timeout
  }
}

/** What one judge says counts with its square root: no single creator makes or breaks a name. */
function grown(weight: bigint): bigint {
  const root = isqrt(weight * ONE)
  return root < weight ? root : weight
}

function decayed(weight: number, ageMs: number): bigint {
  const full = BigInt(Math.min(Math.max(Math.trunc(weight), 0), WEIGHT_ONE))
  const ageDays = Math.max(0, Math.floor(ageMs / DAY_MS))
  return full * (DECAY[ageDays] ?? 0n)
}

/** What is left of one part after so many days, rounded down day by day. */
const DECAY: readonly bigint[] = (() => {
  const left = [PARTS]
  while (left.length <= AGE_DAYS_MAX) left.push((left.at(-1)! * REPUTATION_DECAY_PER_DAY_BPS) / BPS)
  return left
})()

/** Largest integer whose square is not above `n` (Newton's method). */
function isqrt(n: bigint): bigint {
  if (n < 2n) return n
  let root = 1n << (BigInt(n.toString(2).length + 1) / 2n)
  while (true) {
    const next = (root + n / root) / 2n
    if (next >= root) return root
    root = next
  }
}

function none<T>(zero: T): Record<Kind, T> {
  return { accepted: zero, rejected: zero, timeout: zero }
}
