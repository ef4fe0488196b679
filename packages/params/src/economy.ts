/** Parts of 10 000 that a share is counted in. */
export const BPS = 10_000n

/** Decimals of the work token. */
export const TOKEN_DECIMALS = 6

/** Where a payout goes. The contract carries the same numbers and bounds them in code. spec/settlement.md#split */
export const PAYOUT_SPLIT = { nodeBps: 9_000, burnBps: 500, treasuryBps: 500 } as const

/** Upper bound of the treasury share, in the contract too. */
export const TREASURY_BPS_MAX = 1_000

/** Work units in the unit that prices are quoted for. */
export const UNITS_PER_MEGA_UNIT = 1_000_000n

/** Price that counts as one full unit of reputation weight: one token. */
export const REFERENCE_PRICE = 1_000_000n

/** Reputation is multiplied by this many parts of 10 000 per day. spec/reputation.md#decay */
export const REPUTATION_DECAY_PER_DAY_BPS = 9_800n
/** A rejected replica counts this many times an accepted one. */
export const REJECTED_WEIGHT = 20n
/** A replica that was sealed and never opened counts this many times an accepted one. */
export const TIMEOUT_WEIGHT = 3n
/** Weight of one full replica. */
export const WEIGHT_ONE = 1_024

if (PAYOUT_SPLIT.nodeBps + PAYOUT_SPLIT.burnBps + PAYOUT_SPLIT.treasuryBps !== Number(BPS))
  throw new RangeError('the payout split must add up to 10 000')
if (PAYOUT_SPLIT.treasuryBps > TREASURY_BPS_MAX) throw new RangeError('the treasury share is above its bound')
