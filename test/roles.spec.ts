import assert from 'node:assert/strict'
import type { PeerId } from '@rayswarm/interface'
import { CALM_WORLD, changed, messageTypeOf, SCENARIOS, World } from '@rayswarm/node/sim'
import type { PublishRequest } from '@rayswarm/peer'
import { jobSpecOf } from '@rayswarm/workload'

const HOUR_MS = 3_600_000
/** Everybody executes, nobody is done yet. */
const BUSY_MS = 1_000

/** Holders of running leases, as the creator's witness knows them. */
function holders(world: World): PeerId[] {
  const peer = world.hosts[0]!.process!.peer
  return peer.creator.jobs().flatMap(({ driver }) =>
    driver.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => {
        const key = driver.state.key(track, record)
        const holder = peer.witness.stateOf(key).holder
        return holder !== undefined && peer.witness.leaseState(key) === 'leased' ? [holder] : []
      })
    )
  )
}

describe('a node', () => {
  it('hands its leases back when it stops', async () => {
    const world = new World({ ...CALM_WORLD, seed: 5, nodeCount: 4, liarCount: 0 })
    const node = world.hosts[1]!
    const held: boolean[] = []
    const note = (): void => {
      held.push(holders(world).includes(node.identity.peerId))
    }
    world.clock.after(BUSY_MS, () => {
      note()
      void node.process!.peer.stop()
    })
    // Long before the lease would lapse.
    world.clock.after(BUSY_MS + 200, note)
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(held, [true, false])
    assert.deepEqual(outcome.violations, [])
  })

  it('commits one seal, whatever answers are lost', async () => {
    const params = { ...CALM_WORLD.params, revealTimeoutMs: 10_000 }
    const world = new World({ ...CALM_WORLD, params, seed: 5, nodeCount: 2, liarCount: 0 })
    const [creator, ...nodes] = world.hosts.map(({ peerId }) => peerId)
    let isCut = false
    const setCut = (cut: boolean): void => {
      for (const node of nodes) world.network.setCut(creator!, node, cut)
    }
    world.network.onRequest((_protocol, bytes) => {
      if (isCut || messageTypeOf(bytes) !== 'commit') return
      isCut = true
      setCut(true)
      world.clock.after(5_000, () => setCut(false))
    })
    let leasedCount = 0
    world.clock.after(0, () => {
      for (const host of world.hosts.slice(1)) host.process!.peer.events.on('lease:held', () => leasedCount++)
    })
    const { report, violations } = await world.run(HOUR_MS)
    assert.deepEqual(violations, [])
    assert.ok(isCut)
    assert.equal(leasedCount, report!.executions.length)
  })

  it('gets no more of a job once it was caught lying in it', async () => {
    const world = new World({ ...CALM_WORLD, seed: 6, nodeCount: 4, liarCount: 1 })
    const liar = world.hosts[1]!.identity.peerId
    let caughtAtMs = 0
    let grantedLater = 0
    world.clock.after(0, () => {
      const { events } = world.hosts[0]!.process!.peer
      events.on('replica:judged', ({ node, verdict }) => {
        if (node === liar && verdict === 'rejected') caughtAtMs ||= world.clock.nowMs()
      })
      events.on('replica:granted', ({ node }) => {
        if (node === liar && caughtAtMs > 0) grantedLater++
      })
    })
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(outcome.violations, [])
    assert.ok(caughtAtMs > 0, 'the liar was never caught')
    assert.equal(grantedLater, 0)
  })
})

describe('a copycat', () => {
  // A witness as well, it is shown what the others open while it still holds a lease, of a lower index than one of theirs.
  for (const seed of [25, 43])
    it(`gets nothing for what it seals after others have opened, seed ${seed}`, async () => {
      const scenario = changed(SCENARIOS.get('copycat')!, { peerCount: 12, replicaCount: 8 })
      const { violations } = await new World({ ...scenario.world, seed }).run(HOUR_MS)
      assert.deepEqual(violations, [])
    })
})

describe('sealed results', () => {
  for (const seed of [5, 30])
    it(`wait for no squatter that holds the last replica of their subtask, seed ${seed}`, async () => {
      const scenario = changed(SCENARIOS.get('storm')!, { peerCount: 12, replicaCount: 8 })
      const outcome = await new World({ ...scenario.world, seed }).run(scenario.untilMs)
      assert.deepEqual(outcome.violations, [])
    })
})

describe('a creator', () => {
  it('that publishes one job twice at once locks and runs it once', async () => {
    const world = new World({ ...CALM_WORLD, seed: 7, nodeCount: 3, liarCount: 0 })
    const { account } = world.hosts[0]!
    const chain = world.chain.viewOf(account)
    const fundsBefore = await chain.balanceOf(account)
    const request: PublishRequest = {
      sources: [
        {
          path: 'scene.glb',
          read: async function* () {
            yield new Uint8Array([9])
          }
        }
      ],
      spec: assets => jobSpecOf({ ...CALM_WORLD.job, name: 'twice', frames: '1' }, { ...assets, nonce: 0 })
    }
    const jobs: string[] = []
    world.clock.after(10, () => {
      const { peer } = world.hosts[0]!.process!
      for (const publishing of [peer.publish(request), peer.publish(request)])
        publishing.then(({ job, done }) => {
          jobs.push(job)
          void done
        })
    })
    await world.run(HOUR_MS)
    assert.equal(jobs.length, 2)
    assert.equal(new Set(jobs).size, 1)
    const locked = fundsBefore - (await chain.balanceOf(account))
    assert.ok(locked > 0n && locked < fundsBefore / 2n)
  })

  for (const seed of [48, 56])
    it(`that stops for a moment, again and again, keeps every node, seed ${seed}`, async () => {
      const { world, untilMs } = SCENARIOS.get('creator-restarts')!
      const { violations } = await new World({ ...world, seed }).run(untilMs)
      assert.deepEqual(violations, [])
    })

  it('tries again to fetch what it was shown and could not get, as witnesses do', async () => {
    const { world: calm, untilMs } = SCENARIOS.get('calm')!
    const world = new World({ ...calm, seed: 3 })
    const setDown = (isDown: boolean): void => {
      for (const { peerId } of world.hosts.slice(1)) world.ipfs.setDown(peerId, isDown)
    }
    world.clock.after(3_000, () => setDown(true))
    world.clock.after(20_000, () => setDown(false))
    let missingCount = 0
    const accepted = new Set<number>()
    world.clock.after(0, () => {
      const { creator, events } = world.hosts[0]!.process!.peer
      events.on('subtask:accepted', ({ subtask }) => accepted.add(subtask))
      world.clock.after(19_000, () => {
        const { tracks } = creator.jobs()[0]!.driver.state
        missingCount = tracks.flatMap(({ record }) =>
          record.replicas.filter(r => r.outcome === 'missing')
        ).length
      })
    })
    const { report, violations } = await world.run(untilMs)
    assert.deepEqual(violations, [])
    assert.ok(missingCount > 0)
    assert.equal(report?.end, 'complete')
    assert.equal(accepted.size, 12)
  })

  it('does not take a job up again that was settled', async () => {
    const world = new World({ ...CALM_WORLD, seed: 8, nodeCount: 3, liarCount: 0 })
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(outcome.violations, [])
    const { escrow } = outcome.report!
    const { state } = await world.chain.viewOf(world.hosts[0]!.account).escrow(escrow)
    assert.equal(state, 'settled')
    for await (const [key] of world.hosts[0]!.disk.list(''))
      assert.ok(key.startsWith('ledger/'), `${key} is left of a settled job`)
  })
})
