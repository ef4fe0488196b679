import assert from 'node:assert/strict'
import type { PeerId, Protocol, Topic } from '@rayswarm/interface'
import { CALM_WORLD, World } from '@rayswarm/node/sim'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import { peerIdOf } from '@rayswarm/wire'
import fc from 'fast-check'

const HOUR_MS = 3_600_000
const PROTOCOLS: readonly Protocol[] = ['market', 'lease', 'verification', 'sync']
const TOPICS: readonly Topic[] = ['offers', 'jobs', 'ledger']
const STRANGER: PeerId = peerIdOf(new Uint8Array(32).fill(9))
const OPTIONS = { timeoutMs: 1_000 }

/** Everything that goes over the wire while a job is done, by way of a peer that listens and then speaks out of turn. */
async function overheard(world: World): Promise<Map<Protocol, Uint8Array[]>> {
  const heard = new Map<Protocol, Uint8Array[]>(PROTOCOLS.map(protocol => [protocol, []]))
  world.network.onRequest((protocol, bytes) => heard.get(protocol)!.push(bytes))
  return heard
}

describe('strangers', () => {
  it('who send garbage on every protocol and topic lose their stream; the job is done all the same', async () => {
    const world = new World({ ...CALM_WORLD, seed: 3 })
    const stranger = world.network.join(STRANGER)
    const garbage = fc.sample(fc.uint8Array({ maxLength: 2_000 }), { numRuns: 40, seed: 1 })
    garbage.push(new Uint8Array(MESSAGE_SIZE_BYTES_MAX.direct + 1), new Uint8Array(60_000).fill(0x81))
    let refusedCount = 0
    let answeredCount = 0
    world.clock.after(100, () => {
      for (const host of world.hosts)
        for (const bytes of garbage) {
          for (const topic of TOPICS) void stranger.publish(topic, bytes)
          for (const protocol of PROTOCOLS)
            stranger.request(host.identity.peerId, protocol, bytes, OPTIONS).then(
              () => answeredCount++,
              () => refusedCount++
            )
        }
    })
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(outcome.violations, [])
    assert.equal(answeredCount, 0)
    assert.equal(refusedCount, world.hosts.length * garbage.length * PROTOCOLS.length)
  })

  it("who replay everybody's requests, to everybody, take nothing and are paid nothing", async () => {
    const world = new World({ ...CALM_WORLD, seed: 4 })
    const stranger = world.network.join(STRANGER)
    const heard = await overheard(world)
    const replay = (): void => {
      for (const [protocol, requests] of heard)
        for (const bytes of requests.splice(0, 50))
          for (const host of world.hosts.slice(0, 3))
            stranger.request(host.identity.peerId, protocol, bytes, OPTIONS).catch(() => undefined)
      world.clock.after(200, replay)
    }
    world.clock.after(200, replay)
    const outcome = await world.run(HOUR_MS)
    assert.deepEqual(outcome.violations, [])
    assert.ok(!outcome.report!.executions.some(execution => execution.node === STRANGER))
  })
})
