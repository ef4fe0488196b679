import { WITNESS_VIEW_COUNT_MAX } from './limits.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Numbers that depend on how fast a swarm is meant to move. */
export interface Params {
  /** A lease lasts a quarter of the declared execution time, but never less than this. */
  readonly leaseTermMsMin: number
  /** …and never more than this. */
  readonly leaseTermMsMax: number
  /** A witness gives the lease away again when the first renewal does not follow its promise within this time. */
  readonly promiseTermMs: number
  /** A claim or renewal that a witness does not answer within this time counts as lost. */
  readonly leaseRequestTimeoutMs: number
  /** Unacknowledged lease requests are sent again at this interval. */
  readonly leaseRetryMs: number
  /** Base of the exponential back-off after a lost claim. */
  readonly claimBackoffMs: number

  /** Who may open a seal, or has committed, and is silent for so long is given up. */
  readonly revealTimeoutMs: number
  /** A peer asks again this often whether its seal may be opened. */
  readonly sealedPollMs: number
  /** A node without work asks again this often. */
  readonly bidPollMs: number
  /** A creator collects bids for this long before it matches them, so that price and score can matter. */
  readonly matchWindowMs: number
  /** A creator repeats its offer this often while the job is open. */
  readonly offerRepeatMs: number
  /** Each peer compares its ledger and open offers with one random neighbour this often. */
  readonly syncIntervalMs: number
  /** A creator takes a granted replica back when it was not claimed within this time. */
  readonly grantTermMs: number

  /** Mean time until the first of all registered peers may claim an open replica without a grant. */
  readonly raceGapMs: number
  /** Head start of grants: nobody claims without one before a replica was open for this long. */
  readonly raceHeadStartMs: number
  /** Witnesses settle a job that its creator left in turn: the next one after this long. */
  readonly settleTurnMs: number

  /** Time allowed to fetch a job's assets. */
  readonly assetsTimeoutMs: number
  /** Time allowed to fetch one result. */
  readonly resultTimeoutMs: number
  /** Time allowed for commits, and for market, verification and ledger requests. */
  readonly requestTimeoutMs: number
  /** Budget of one DHT read or write. A read is a hint, so it may fail. */
  readonly recordsTimeoutMs: number

  /** Escrows may be refunded this long after the job's deadline. */
  readonly refundGraceMs: number
}

/** How fast a swarm moves: in the world, on a testnet, in a unit test. */
export type Preset = 'mainnet' | 'testnet' | 'minimal'

/** The presets. */
export const params: Readonly<Record<Preset, Params>> = {
  // spec/params.md#mainnet
  mainnet: {
    leaseTermMsMin: MINUTE_MS,
    leaseTermMsMax: 10 * MINUTE_MS,
    promiseTermMs: 6 * SECOND_MS,
    leaseRequestTimeoutMs: 2 * SECOND_MS,
    leaseRetryMs: 1_200,
    claimBackoffMs: 250,
    revealTimeoutMs: MINUTE_MS,
    sealedPollMs: 15 * SECOND_MS,
    bidPollMs: 15 * SECOND_MS,
    matchWindowMs: 2 * SECOND_MS,
    offerRepeatMs: MINUTE_MS,
    syncIntervalMs: MINUTE_MS,
    grantTermMs: 20 * SECOND_MS,
    raceGapMs: SECOND_MS,
    raceHeadStartMs: 10 * SECOND_MS,
    settleTurnMs: 5 * MINUTE_MS,
    assetsTimeoutMs: HOUR_MS,
    resultTimeoutMs: 10 * MINUTE_MS,
    requestTimeoutMs: 10 * SECOND_MS,
    recordsTimeoutMs: 3 * SECOND_MS,
    refundGraceMs: 48 * HOUR_MS
  },
  // Real processes on one machine or one network: a crash is noticed within seconds.
  testnet: {
    leaseTermMsMin: 5 * SECOND_MS,
    leaseTermMsMax: MINUTE_MS,
    promiseTermMs: 4 * SECOND_MS,
    leaseRequestTimeoutMs: 3 * SECOND_MS,
    leaseRetryMs: 600,
    claimBackoffMs: 100,
    revealTimeoutMs: 10 * SECOND_MS,
    sealedPollMs: 2 * SECOND_MS,
    bidPollMs: 2 * SECOND_MS,
    matchWindowMs: 100,
    offerRepeatMs: 5 * SECOND_MS,
    syncIntervalMs: 5 * SECOND_MS,
    grantTermMs: 6 * SECOND_MS,
    raceGapMs: 50,
    raceHeadStartMs: SECOND_MS,
    settleTurnMs: 4 * SECOND_MS,
    assetsTimeoutMs: 2 * MINUTE_MS,
    resultTimeoutMs: 30 * SECOND_MS,
    requestTimeoutMs: 5 * SECOND_MS,
    recordsTimeoutMs: 3 * SECOND_MS,
    refundGraceMs: 10 * SECOND_MS
  },
  // Small numbers, so that a whole job fits in one unit test.
  minimal: {
    leaseTermMsMin: 4 * SECOND_MS,
    leaseTermMsMax: 4 * SECOND_MS,
    promiseTermMs: SECOND_MS,
    leaseRequestTimeoutMs: 500,
    leaseRetryMs: 300,
    claimBackoffMs: 50,
    revealTimeoutMs: 2 * SECOND_MS,
    sealedPollMs: 500,
    bidPollMs: 500,
    matchWindowMs: 20,
    offerRepeatMs: 2 * SECOND_MS,
    syncIntervalMs: 2 * SECOND_MS,
    grantTermMs: 2 * SECOND_MS,
    raceGapMs: 20,
    raceHeadStartMs: 500,
    settleTurnMs: 2 * SECOND_MS,
    assetsTimeoutMs: 10 * SECOND_MS,
    resultTimeoutMs: 5 * SECOND_MS,
    requestTimeoutMs: SECOND_MS,
    recordsTimeoutMs: SECOND_MS,
    refundGraceMs: 2 * SECOND_MS
  }
}

/** A holder renews `LEASE_RENEWALS_PER_TERM` times per lease term, so that two may be lost. */
export const LEASE_RENEWALS_PER_TERM = 3

/** A claim may not invent fences further ahead than this of what a witness knows. */
export const FENCE_JUMP_MAX = 64

/** A lease may last this many times the declared execution time before a witness lets others claim. */
export const LEASE_ETA_FACTOR_MAX = 4

/** New generations of one replica in one view, after rejected or unopened results, before its subtask fails. */
export const GENERATION_COUNT_MAX = 3

/** Last generation of a replica, all views counted. */
export const GENERATION_MAX = WITNESS_VIEW_COUNT_MAX * (GENERATION_COUNT_MAX + 1) - 1

/** A registration counts this many epochs after it was made, so that no peer id is ground for a known beacon. */
export const REGISTRATION_DELAY_EPOCHS = 2

/** Nodes that are expected to bid for one job; the rest stays silent unless these leave replicas open. */
export const SORTITION_BID_COUNT = 64

/** How many witnesses a job gets, by what it locks (base units, inclusive lower bounds, ascending). */
export const WITNESS_TIERS = [
  { fromAmount: 0n, witnessCount: 1, quorum: 1 },
  { fromAmount: 1_000_000n, witnessCount: 7, quorum: 5 },
  { fromAmount: 10_000_000_000n, witnessCount: 13, quorum: 9 }
] as const

/** Stake above this adds no weight to a draw. */
export const STAKE_WEIGHT_MAX = 10_000_000_000n

for (const [name, p] of Object.entries(params)) {
  if (p.leaseRetryMs * 2 >= p.leaseTermMsMin / LEASE_RENEWALS_PER_TERM + p.leaseRequestTimeoutMs)
    throw new RangeError(`${name}: two retries must fit between two renewals`)
  if (p.promiseTermMs <= p.leaseRequestTimeoutMs)
    throw new RangeError(`${name}: a promise must outlive the request that collects it`)
  if (p.grantTermMs <= p.promiseTermMs)
    throw new RangeError(`${name}: a grant must outlive a provisional promise`)
  if (p.leaseTermMsMin > p.leaseTermMsMax)
    throw new RangeError(`${name}: shortest lease term above the longest`)
}
