import type { Account, Amount, IneligibleReason, Probe, WorkloadKind } from '@rayswarm/interface'
import { raceWeightOf } from '@rayswarm/lease'
import { eligible, type NodeFacts } from '@rayswarm/market'
import type { RoleComponents } from './components.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { NodeJob } from './node-job.ts'

/** What an operator decides. */
export interface NodeSettings {
  readonly account: Account
  /** Least price per million work units. */
  readonly pricePerMegaUnitMin: Amount
  /** Memory all executions together may use. */
  readonly memoryBytes: number
  /** Executions side by side; the engine's own number when absent. */
  readonly concurrency?: number
  readonly workloads: readonly WorkloadKind[]
  /** Work for no creator below this score. */
  readonly creatorScoreMinBps: number
}

/** Whether a node wants a job at all. The escrow is read once it is known to be there. */
export async function willingFor(
  { chain, clock, network }: RoleComponents,
  job: NodeJob,
  node: { readonly settings: NodeSettings; readonly probes: readonly Probe[]; readonly ledger: LedgerRole }
): Promise<{ probe: Probe } | { reason: IneligibleReason }> {
  const { settings, probes, ledger } = node
  const offer = job.offer.signed.body
  const facts: NodeFacts = {
    probes,
    memoryBytes: settings.memoryBytes,
    pricePerMegaUnitMin: settings.pricePerMegaUnitMin,
    workloads: settings.workloads,
    chainId: chain.chainId,
    contract: chain.contract,
    creatorScoreMinBps: settings.creatorScoreMinBps
  }
  if (job.escrow === undefined) {
    const escrow = await chain.escrow(offer.escrow).catch(() => undefined)
    // Handed on for its creator, who was away.
    if (escrow?.state === 'settled' || escrow?.state === 'refunded') return { reason: 'offer-closed' }
    if (escrow?.state === 'locked' && escrow.final) job.escrow = escrow
  }
  const judged = eligible(offer, facts, {
    escrow: job.escrow,
    // Nobody pays for the splitting of a job without money behind it.
    budget: job.escrow === undefined ? 0n : job.budget,
    creatorScoreBps: ledger.scoreBps(offer.spec.creator),
    nowMs: clock.nowMs()
  })
  if (!judged.eligible) return { reason: judged.reason }
  const { drawn } = job.offer
  // Who had no stake when the witnesses were drawn never has a turn in this job.
  if (drawn !== undefined && raceWeightOf(drawn.race, network.peerId) === undefined)
    return { reason: 'not-registered' }
  return { probe: judged.probe }
}
