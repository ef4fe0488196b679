import assert from 'node:assert/strict'
import { type PeerId, RayswarmError } from '@rayswarm/interface'
import { CALM_WORLD, World } from '@rayswarm/node/sim'

const HOUR_MS = 3_600_000
const BLIND_MS = 30_000
const APART_AFTER_MS = 3_000

describe('witnesses that cannot fetch results for a while', () => {
  it('come to the same sum as the others, where all that are left must agree', async () => {
    const world = new World({
      ...CALM_WORLD,
      seed: 3,
      nodeCount: 7,
      liarCount: 0,
      witness: { witnessCount: 7, quorum: 5 }
    })
    let refusedCount = 0
    const startedAtMs = world.clock.nowMs()
    const join = world.ipfs.join.bind(world.ipfs)
    const blind = new Set<PeerId>(world.hosts.slice(1, 4).map(({ peerId }) => peerId))
    world.ipfs.join = (peer, components) => {
      const assets = join(peer, components)
      const fetchBytes = assets.fetchBytes.bind(assets)
      assets.fetchBytes = async (cid, options) => {
        if (!blind.has(peer) || world.clock.nowMs() - startedAtMs > BLIND_MS) return fetchBytes(cid, options)
        refusedCount++
        throw new RayswarmError('ERR_NOT_FOUND', 'nobody has it', { thing: 'content' })
      }
      return assets
    }
    const away = new Map(world.hosts.slice(6).map(({ peerId }, side) => [peerId, side + 1]))
    world.clock.after(APART_AFTER_MS, () => world.network.partition(away))
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(outcome.violations, [])
    assert.ok(refusedCount > 0, 'everything was fetched')
  })
})
