import assert from 'node:assert/strict'
import { raceOf } from '@rayswarm/lease'
import type { LedgerRole } from '../src/ledger-role.ts'
import type { NodeJob } from '../src/node-job.ts'
import { type NodeSettings, willingFor } from '../src/willing.ts'
import { componentsOf, contextOf, drawnOffer, snapshot } from './drawn-jobs.ts'

const signed = drawnOffer(1)
const { escrow: ref, account, createdAtMs } = signed.body

/** What a peer makes of a job whose escrow is in order. */
function reasonOf(self: ReturnType<typeof contextOf> | 'witness') {
  const { components } = componentsOf(self, async () => ({
    ...{ ref, creator: account, locked: 1_000n, state: 'locked', final: true },
    // Later than any deadline, and by name.
    ...{ refundableAtS: createdAtMs, appointed: `0x${'00'.repeat(32)}` }
  }))
  Object.assign(components.chain, { chainId: ref.chainId, contract: ref.contract })
  const job = { offer: { signed, drawn: { race: raceOf(snapshot) } }, escrow: undefined, budget: 1n }
  const settings: NodeSettings = {
    ...{ account, pricePerMegaUnitMin: 1n, memoryBytes: 1e9 },
    ...{ workloads: ['render'], creatorScoreMinBps: 0 }
  }
  const probes = [{ engine: 'pathtracer', equivalenceClass: 'pathtracer/1', concurrency: 1 }]
  const ledger = { scoreBps: () => 1_000 } as unknown as LedgerRole
  return willingFor(components, job as unknown as NodeJob, { settings, probes, ledger })
}

describe('willingFor', () => {
  it('works for a job whose witnesses were drawn if it was registered then', async () => {
    assert.ok('probe' in (await reasonOf('witness')))
  })

  it('says why it does not, where it was not: it never has a turn', async () => {
    assert.deepEqual(await reasonOf(contextOf('stranger')), { reason: 'not-registered' })
  })
})
