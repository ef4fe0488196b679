import type { Amount, JobSpec, Quote, Subtask } from '@rayswarm/interface'
import { UNITS_PER_MEGA_UNIT } from '@rayswarm/params'

/**
 * What work costs, rounded up, and never nothing: a payout of zero could not be settled.
 *
 * @throws {RangeError} if `workUnits` is not a whole number below 2^53
 * @see spec/market.md#price
 */
export function priceOf(workUnits: number, pricePerMegaUnit: Amount): Amount {
  if (!Number.isSafeInteger(workUnits) || workUnits < 0)
    throw new RangeError(`work units must be a whole number below 2^53: ${workUnits}`)
  const price = (BigInt(workUnits) * pricePerMegaUnit + UNITS_PER_MEGA_UNIT - 1n) / UNITS_PER_MEGA_UNIT
  return price > 0n ? price : 1n
}

/**
 * What a whole job costs at most: each subtask pays as many replicas as its quorum needs, at the price cap.
 *
 * @see spec/market.md#quote
 */
export function quote(spec: JobSpec, subtasks: readonly Subtask[]): Quote {
  let workUnits = 0n
  let budget = 0n
  for (const subtask of subtasks) {
    workUnits += BigInt(subtask.workUnits)
    budget += BigInt(spec.verify.quorum) * priceOf(subtask.workUnits, spec.pricePerMegaUnitMax)
  }
  return { subtaskCount: subtasks.length, workUnits: Number(workUnits), budget }
}
