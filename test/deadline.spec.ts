import assert from 'node:assert/strict'
import type { Account } from '@rayswarm/interface'
import { CALM_WORLD, type PlannedFault, World, type WorldInit } from '@rayswarm/node/sim'

const SECOND_MS = 1_000
const DEADLINE_MS = 90 * SECOND_MS
/** The escrow's time-out lies this long after the deadline in these worlds; whole seconds count. */
const GRACE_MS = CALM_WORLD.params.refundGraceMs + SECOND_MS
const EVERYBODY = 10_000

/** A job too large for its time, witnessed by drawn nodes. */
function late(...plan: PlannedFault[]): WorldInit {
  return {
    ...CALM_WORLD,
    ...{ seed: 3, nodeCount: 9, liarCount: 0, expect: 'safe', plan },
    witness: { witnessCount: 7, quorum: 5 },
    job: { ...CALM_WORLD.job, frames: '1-20', deadlineAfterMs: DEADLINE_MS },
    // Three rounds of executions fit in.
    workUnitsPerMs: 0.02
  }
}

describe('a job with little time', () => {
  it('is claimed by nodes that fear to be slower', async () => {
    const { workUnitsPerMs } = CALM_WORLD
    const job = { ...CALM_WORLD.job, deadlineAfterMs: 20 * SECOND_MS }
    const { report, violations } = await new World({ ...late(), job, workUnitsPerMs }).run(DEADLINE_MS)
    assert.deepEqual(violations, [])
    assert.equal(report?.end, 'complete')
  })
})

describe('a job past its deadline', () => {
  it('is settled by witnesses that were away when it came', async () => {
    const atMs = DEADLINE_MS - SECOND_MS
    const world = new World(late({ atMs, forMs: 2 * SECOND_MS, fault: 'nodes-down', shareBps: EVERYBODY }))
    const outcome = await world.run(DEADLINE_MS + 60 * SECOND_MS)
    assert.deepEqual(outcome.violations, [])
    assert.equal(outcome.report?.end, 'expired')
    assert.ok(outcome.report.acceptedCount > 0)
    assert.ok(outcome.report.outcome.paid > 0n)
  })

  it('whose escrow somebody refunds while its creator settles it ends with the refund', async () => {
    const { witness: _, ...owned } = late({
      ...{ atMs: DEADLINE_MS - SECOND_MS, forMs: GRACE_MS + 2 * SECOND_MS },
      fault: 'creator-down'
    })
    const world = new World(owned)
    const { chain } = world
    const stranger = chain.viewOf(world.hosts[1]!.account)
    const viewOf = chain.viewOf.bind(chain)
    chain.viewOf = account => {
      const view = viewOf(account)
      const settle: typeof view.settle = async (order, signature) => {
        await stranger.refund(order.escrow)
        return view.settle(order, signature)
      }
      return { ...view, settle }
    }
    const { report, violations } = await world.run(DEADLINE_MS + 60 * SECOND_MS)
    assert.deepEqual(violations, [])
    assert.equal(report?.outcome.refunded, report?.locked)
    assert.equal(report?.outcome.paid, 0n)
  })

  it('whose witnesses never return ends for its creator with the refund', async () => {
    const world = new World(late({ atMs: DEADLINE_MS / 2, fault: 'nodes-down', shareBps: EVERYBODY }))
    const [creator] = world.hosts
    const heard: string[] = []
    world.clock.after(0, () => {
      const { events } = creator!.process!.peer
      events.on('job:expired', ({ acceptedCount }) => heard.push(`expired with ${acceptedCount}`))
      events.on('job:settled', ({ outcome }) => heard.push(`paid ${outcome.paid}`))
      events.on('job:failed', ({ error }) => heard.push(String(error)))
    })
    world.clock.after(DEADLINE_MS + GRACE_MS, () => {
      const stranger: Account = world.hosts[1]!.account
      const [run] = creator!.process!.peer.creator.jobs()
      assert.equal(run!.report, undefined, 'the creator did not wait for the witnesses')
      void world.chain.viewOf(stranger).refund(run!.offer.signed.body.escrow)
    })
    const { report, violations } = await world.run(DEADLINE_MS + 60 * SECOND_MS)
    assert.deepEqual(violations, [])
    assert.equal(report?.end, 'expired')
    assert.equal(report.outcome.refunded, report.locked)
    assert.equal(report.outcome.paid, 0n)
    assert.deepEqual(report.outcome.credits, [])
    assert.deepEqual(heard, [`expired with ${report.acceptedCount}`, 'paid 0'])
    // Nothing is left to come back to.
    for await (const [key] of creator!.disk.list('')) assert.match(key, /^(ledger|settled)\//)
  })
})
