import type {
  Account,
  BeaconValue,
  JobId,
  PeerId,
  Registration,
  RegistrySnapshot,
  ReplicaKey
} from '@rayswarm/interface'
import { type Params, SORTITION_BID_COUNT } from '@rayswarm/params'
import { canonical, sha256 } from '@rayswarm/wire'
import { EXPONENTIAL_ONE, exponentialOf, FRACTION_ONE, fractionOf } from './chance.ts'
import { weightOf } from './draw.ts'

const RACE_DOMAIN = 'rayswarm race'
const SORTITION_DOMAIN = 'rayswarm sortition'

/** Nobody's turn comes later than this many times `raceGapMs` after the head start. */
export const RACE_GAPS_MAX = 600

/** Each fence that a claim skips costs this many times `raceGapMs`. */
export const RACE_JUMP_GAPS = 4

/** The sortition threshold doubles each time this many bid polls went by. */
const POLLS_PER_DOUBLING = 4

/** After this many doublings every registered node may bid. */
export const SORTITION_DOUBLINGS_MAX = 16

/** What the registry says of one peer, for whoever judges its claims. */
export interface Racer {
  /** 0 if it has no stake: then it claims with grants only. */
  readonly weight: bigint
  readonly account: Account
  readonly operatorTag: string
}

/** A registry snapshot, prepared for claims. */
export interface RaceTable {
  readonly totalWeight: bigint
  readonly racers: ReadonlyMap<PeerId, Racer>
}

/** A peer's share in races and sortition. */
export interface RaceWeight {
  readonly weight: bigint
  readonly totalWeight: bigint
}

/**
 * Prepare a snapshot for claims.
 *
 * @param races who races at all: the fewer do, the sooner the others' turns come. Everybody, unless said otherwise
 */
export function raceOf(
  snapshot: RegistrySnapshot,
  races: (registration: Registration) => boolean = () => true
): RaceTable {
  const racers = new Map<PeerId, Racer>()
  let totalWeight = 0n
  for (const registration of snapshot.entries) {
    const weight = races(registration) ? weightOf(registration) : 0n
    totalWeight += weight
    const { peer, account, operatorTag } = registration
    racers.set(peer, { weight, account, operatorTag })
  }
  return { totalWeight, racers }
}

/** A peer's share; undefined if it is not registered, or does not race. */
export function raceWeightOf({ racers, totalWeight }: RaceTable, peer: PeerId): RaceWeight | undefined {
  const weight = racers.get(peer)?.weight ?? 0n
  return weight > 0n ? { weight, totalWeight } : undefined
}

/**
 * How long a replica must have been open before a node may claim it without a grant. Of all racers the first may after
 * `raceGapMs` on average, and who that is follows the weights.
 *
 * @see spec/lease.md#race
 */
export function raceDelayMs(
  at: {
    readonly beacon: BeaconValue
    readonly replica: ReplicaKey
    readonly fence: number
    readonly node: PeerId
  },
  { weight, totalWeight }: RaceWeight,
  params: Params
): number {
  const { job, subtask, replica, generation } = at.replica
  const place = [job, subtask, replica, generation, at.fence, at.node]
  const hash = sha256(canonical([RACE_DOMAIN, at.beacon.randomness, ...place]))

  const gapMs = BigInt(params.raceGapMs)
  const turnMs = (exponentialOf(hash) * gapMs * totalWeight) / (weight * EXPONENTIAL_ONE)
  const mostMs = BigInt(RACE_GAPS_MAX) * gapMs
  return params.raceHeadStartMs + Number(turnMs < mostMs ? turnMs : mostMs)
}

/**
 * Whether a node is among the few that bid for a job: `SORTITION_BID_COUNT` are expected at first, and twice as many after every
 * fourth bid poll, so that no job starves.
 *
 * @param elapsedMs how long the node has known the job
 * @see spec/lease.md#sortition
 */
export function sortitioned(
  at: { readonly beacon: BeaconValue; readonly job: JobId; readonly node: PeerId },
  { weight, totalWeight }: RaceWeight,
  elapsedMs: number,
  params: Params
): boolean {
  const doublings = Math.floor(Math.max(0, elapsedMs) / (POLLS_PER_DOUBLING * params.bidPollMs))
  if (doublings >= SORTITION_DOUBLINGS_MAX) return true

  const hash = sha256(canonical([SORTITION_DOMAIN, at.beacon.randomness, at.job, at.node]))
  const expected = BigInt(SORTITION_BID_COUNT) << BigInt(doublings)
  return fractionOf(hash) * totalWeight < expected * weight * FRACTION_ONE
}
