import type {
  Amount,
  BeaconValue,
  JobId,
  Offer,
  PeerId,
  Registration,
  RegistrySnapshot,
  WitnessRule,
  WitnessSet
} from '@rayswarm/interface'
import { STAKE_WEIGHT_MAX, WITNESS_COUNT_MAX, WITNESS_TIERS, WITNESS_VIEW_COUNT_MAX } from '@rayswarm/params'
import { exponentialOf, hashesOf } from './chance.ts'

const DRAW_DOMAIN = 'rayswarm draw'

/** What a draw is about. */
export interface DrawInit {
  readonly job: JobId
  /** Neither it nor a peer of its operator checks its own job. */
  readonly creator: PeerId
  /** Of one view. */
  readonly witnessCount: number
}

interface Ranked {
  readonly registration: Registration
  /** Unit exponential variate; the lower per weight, the earlier drawn. */
  readonly variate: bigint
  readonly weight: bigint
}

/**
 * A job's witnesses in draw order, as many full views as can be filled: weighted rendezvous hashing, so that a peer that comes or
 * goes changes only its neighbours' places. Undefined when there are fewer eligible operators than one view takes.
 *
 * @see spec/lease.md#draw
 */
export function drawWitnesses(
  snapshot: RegistrySnapshot,
  beacon: BeaconValue,
  init: DrawInit
): readonly Registration[] | undefined {
  const { job, creator, witnessCount } = init
  if (!Number.isSafeInteger(witnessCount) || witnessCount < 1 || witnessCount > WITNESS_COUNT_MAX)
    return undefined

  const hash = hashesOf([DRAW_DOMAIN, beacon.randomness, job])
  const firstOfTag = new Map<string, Ranked>()
  const candidates: Ranked[] = []
  for (const registration of eligible(snapshot, creator)) {
    const { peer, operatorTag } = registration
    const ranked = { registration, variate: exponentialOf(hash(peer)), weight: weightOf(registration) }
    if (operatorTag === '') {
      candidates.push(ranked)
      continue
    }
    const first = firstOfTag.get(operatorTag)
    if (first === undefined || compare(ranked, first) < 0) firstOfTag.set(operatorTag, ranked)
  }
  candidates.push(...firstOfTag.values())
  const viewCount = Math.min(WITNESS_VIEW_COUNT_MAX, Math.floor(candidates.length / witnessCount))
  if (viewCount === 0) return undefined
  return lowest(candidates, viewCount * witnessCount).map(({ registration }) => registration)
}

/** How many witnesses could be drawn for a job of this creator: eligible peers, those of one operator counted once. */
export function drawableCount(snapshot: RegistrySnapshot, creator: PeerId): number {
  const tags = new Set<string>()
  let count = 0
  for (const { operatorTag } of eligible(snapshot, creator)) {
    if (operatorTag !== '' && tags.has(operatorTag)) continue
    tags.add(operatorTag)
    count++
  }
  return count
}

/**
 * How many witnesses a job gets by what it locks; of the tiers it reaches, the largest that can be drawn.
 *
 * @param eligibleCount see {@link drawableCount}
 */
export function witnessRuleFor(locked: Amount, eligibleCount: number): WitnessRule {
  let rule: WitnessRule = { witnessCount: 1, quorum: 1 }
  // One witness is the creator itself, who need not be registered.
  for (const { fromAmount, witnessCount, quorum } of WITNESS_TIERS)
    if (locked >= fromAmount && (witnessCount === 1 || witnessCount <= eligibleCount))
      rule = { witnessCount, quorum }
  return rule
}

/** Who witnesses a job whose witnesses were drawn: see {@link drawWitnesses}. */
export function drawnSet(offer: Offer, job: JobId, drawn: readonly Registration[]): WitnessSet {
  return { job, members: drawn.map(({ peer }) => peer), ...offer.witness }
}

/** Weight of a registration in draws, races and sortition. */
export function weightOf({ stake }: Registration): bigint {
  if (stake <= 0n) return 0n
  return stake < STAKE_WEIGHT_MAX ? stake : STAKE_WEIGHT_MAX
}

function eligible({ entries }: RegistrySnapshot, creator: PeerId): Registration[] {
  const creatorTag = entries.find(({ peer }) => peer === creator)?.operatorTag ?? ''
  return entries.filter(
    ({ peer, stake, operatorTag }) =>
      stake > 0n && peer !== creator && (operatorTag === '' || operatorTag !== creatorTag)
  )
}

/** The first `count` in order. Of many candidates few are wanted, so this beats sorting all. */
function lowest(candidates: readonly Ranked[], count: number): Ranked[] {
  const first = candidates.slice(0, count).sort(compare)
  for (const candidate of candidates.slice(count)) {
    if (compare(candidate, first[count - 1]!) > 0) continue
    first[count - 1] = candidate
    first.sort(compare)
  }
  return first
}

/** By variate per weight, exactly: `a / b < c / d` as `a * d < c * b`. Equal ones by peer id. */
function compare(a: Ranked, b: Ranked): number {
  const left = a.variate * b.weight
  const right = b.variate * a.weight
  if (left !== right) return left < right ? -1 : 1
  return a.registration.peer < b.registration.peer ? -1 : 1
}
