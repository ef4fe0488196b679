import assert from 'node:assert/strict'
import type { RayswarmError, Refusal } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { VirtualClock } from '@rayswarm/simulation'
import type { RoleComponents } from '../src/components.ts'
import { LeaseKeeper } from '../src/lease-keeper.ts'
import type { HeldLease, WitnessQuorum } from '../src/witness-quorum.ts'

const TERM_MS = params.minimal.leaseTermMsMin
type Answer = { termMs: number } | Refusal | undefined

function keep(answer: (nowMs: number) => Promise<Answer>) {
  const clock = new VirtualClock()
  const lost: RayswarmError[] = []
  const renewals: number[] = []
  const silences: number[] = []
  const replica = { job: 'job', subtask: 0, replica: 0, generation: 0 }
  const held: HeldLease = {
    cert: { replica, holder: 'alice', fence: 3, price: 5n, promises: [] },
    etaMs: 1_000
  }
  const renew = async ({ cert }: HeldLease): Promise<Answer> => {
    assert.equal(cert.fence, 3)
    renewals.push(clock.nowMs())
    return answer(clock.nowMs())
  }
  const components = { clock, params: params.minimal, network: { peerId: 'alice' } }
  const keeper = new LeaseKeeper(
    held,
    { renew } as unknown as WitnessQuorum,
    components as unknown as RoleComponents,
    {
      progress: () => 0,
      onLost: error => lost.push(error),
      onSilence: () => silences.push(clock.nowMs())
    }
  )
  keeper.start()
  return { clock, keeper, lost, renewals, silences }
}

describe('LeaseKeeper', () => {
  it('renews at once, then three times a term', async () => {
    const { clock, lost, renewals, keeper } = keep(async () => ({ termMs: TERM_MS }))
    await clock.advance(TERM_MS)
    keeper.stop()
    assert.deepEqual(
      renewals,
      [0, 1, 2, 3].map(n => (n * TERM_MS) / 3)
    )
    assert.equal(lost.length, 0)
  })

  it('tells when too few witnesses answer twice in a row, and goes on', async () => {
    const { clock, lost, renewals, silences, keeper } = keep(async nowMs =>
      nowMs < TERM_MS ? { termMs: TERM_MS } : undefined
    )
    await clock.advance(2 * TERM_MS)
    keeper.stop()
    const silent = renewals.filter(atMs => atMs >= TERM_MS)
    assert.ok(silent.length > 2)
    assert.deepEqual(silences, silent.slice(1))
    assert.equal(lost.length, 0)
  })

  it('renews no faster for a witness that lies about the term', async () => {
    const { clock, renewals, keeper } = keep(async () => ({ termMs: 0 }))
    await clock.advance(TERM_MS)
    keeper.stop()
    assert.ok(renewals.length <= 1 + TERM_MS / params.minimal.leaseRetryMs, `${renewals.length} renewals`)
  })

  for (const [how, answer] of [
    ['are not answered', async () => undefined],
    ['are refused for lack of progress', async () => ({ reason: 'no-progress', fence: 3 }) as const]
  ] as const) {
    it(`works on through a lapsed lease while renewals ${how}`, async () => {
      const { clock, lost, renewals, keeper } = keep(answer)
      await clock.advance(TERM_MS * 5)
      keeper.stop()
      assert.equal(lost.length, 0)
      assert.ok(renewals.length > 10, 'gave up renewing')
    })
  }

  for (const [why, refusal] of [
    ['somebody holds a higher fence', { reason: 'stale-fence', fence: 4 }],
    ['the replica is closed', { reason: 'done' }]
  ] as const) {
    it(`gives up once and for all when ${why}`, async () => {
      const { clock, lost, renewals } = keep(async nowMs => (nowMs === 0 ? { termMs: TERM_MS } : refusal))
      await clock.advance(TERM_MS * 5)
      assert.equal(lost.length, 1)
      assert.equal(lost[0]?.code, 'ERR_LEASE_LOST')
      assert.equal(renewals.length, 2)
    })
  }

  it('stays stopped when stopped in the middle of a renewal', async () => {
    let resolve: (answer: Answer) => void = () => {}
    const { clock, keeper, lost, renewals } = keep(
      () =>
        new Promise(fn => {
          resolve = fn
        })
    )
    await clock.advance(1)
    keeper.stop()
    resolve({ reason: 'stale-fence', fence: 9 })
    await clock.advance(TERM_MS * 5)
    assert.equal(lost.length, 0)
    assert.equal(renewals.length, 1)
  })
})
