import type { EquivocationClaim } from '@rayswarm/interface'
import type { RoleComponents } from './components.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { Scope } from './scope.ts'

/** Tell the ledger of witnesses that voted twice: once each, whoever found it. */
export function convict(
  { events }: RoleComponents,
  scope: Scope,
  ledger: LedgerRole,
  proofs: readonly EquivocationClaim[]
): void {
  for (const proof of proofs)
    scope.spawn('conviction', async () => {
      if (ledger.isConvicted(proof.witness)) return
      events.emit('witness:equivocated', { job: proof.votes[0].body.replica.job, witness: proof.witness })
      await ledger.append(proof)
    })
}
