import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Swarm, TransportFaults } from '../src/index.ts'
import { connectAll, eventually, Swarms } from './swarms.ts'

const OPTIONS = { timeoutMs: 3_000 }

interface Member {
  readonly swarm: Swarm
  readonly faults: TransportFaults
  readonly heard: Set<string>
}

describe('a partition', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  const member = async (): Promise<Member> => {
    const faults = new TransportFaults()
    const swarm = await swarms.create({ faults })
    const heard = new Set<string>()
    swarm.network.subscribe('offers', (_bytes, from) => {
      heard.add(from)
      return { action: 'accept' }
    })
    swarm.network.serve('lease', async bytes => bytes)
    await swarm.start()
    return { swarm, faults, heard }
  }
  const id = ({ swarm }: Member): string => swarm.network.peerId

  it('is noticed by both sides, and over soon after it ends: nobody gives up', async () => {
    const members = [await member(), await member(), await member(), await member()]
    await connectAll(members.map(({ swarm }) => swarm))
    const sides = [members.slice(0, 2), members.slice(2)] as const
    assert.ok(members.every(({ swarm }) => !swarm.health().splitSuspected))

    for (const [index, side] of sides.entries())
      for (const { faults } of side) faults.set((sides[1 - index] ?? []).map(id), { cut: 'both' })
    await eventually(() => members.every(({ swarm }) => swarm.network.peers().length === 1))
    await eventually(() => members.every(({ swarm }) => swarm.health().splitSuspected))
    for (const { swarm } of members) {
      const { connected, known, reachableShare } = swarm.health()
      assert.deepEqual({ connected, known }, { connected: 1, known: 3 })
      assert.ok(reachableShare > 0.3 && reachableShare < 0.4)
    }
    // Each side goes on.
    for (const [one, other] of sides) await one!.swarm.network.request(id(other!), 'lease', bytes(), OPTIONS)

    for (const { heard } of members) heard.clear()
    const healedAtMs = performance.now()
    for (const { faults } of members) faults.clear()
    const crossed = (): boolean =>
      sides.some((side, index) =>
        side.some(({ heard }) => sides[1 - index]?.some(other => heard.has(id(other))))
      )
    await eventually(async () => {
      for (const { swarm } of members) await swarm.network.publish('offers', bytes())
      return crossed()
    })
    console.log(`      first message across after ${Math.round(performance.now() - healedAtMs)} ms`)
    await eventually(() => members.every(({ swarm }) => swarm.network.peers().length === 3))
    await eventually(() => members.every(({ swarm }) => !swarm.health().splitSuspected))
    assert.ok(members.every(({ swarm }) => swarm.health().reachableShare === 1))
  })

  it('of one link is no split: who can be heard through others is there', async () => {
    const [a, b, c] = [await member(), await member(), await member()]
    await connectAll([a.swarm, b.swarm, c.swarm])
    a.faults.set([id(b)], { cut: 'both' })
    b.faults.set([id(a)], { cut: 'both' })
    await eventually(() => a.swarm.network.peers().length === 1 && b.swarm.network.peers().length === 1)
    assert.equal(a.swarm.health().reachableShare, 0.5)
    a.heard.clear()
    await eventually(async () => {
      await b.swarm.network.publish('offers', bytes())
      return a.heard.has(id(b))
    })
    assert.equal(a.swarm.health().reachableShare, 1)
  })

  it('does not outlast a restart of everybody, with every bootstrap peer gone and only the peer book left', async () => {
    const first = await swarms.start()
    const bootstrap = first.network.addresses()
    const dirs = [await swarms.dir(), await swarms.dir(), await swarms.dir()]
    const start = async (index: number, listen?: readonly string[]): Promise<Swarm> =>
      swarms.start({ name: `member ${index}`, dir: dirs[index]!, bootstrap, ...(listen && { listen }) })
    const before = [await start(0), await start(1), await start(2)]
    await eventually(() => before.every(swarm => swarm.network.peers().length === 3))
    const listen = before.map(({ network }) => [network.addresses()[0]!.replace(/\/p2p\/.*/, '')])
    await first.stop()
    await Promise.all(before.map(swarm => swarm.stop()))

    const after = await Promise.all(before.map((_, index) => start(index, listen[index])))
    await eventually(() => after.every(swarm => swarm.network.peers().length === 2))
    assert.ok(after.every(swarm => !swarm.health().splitSuspected))

    // The control: without the book nobody is found.
    await Promise.all(after.map(swarm => swarm.stop()))
    for (const dir of dirs) await rm(join(dir, 'peers.json'))
    const lone = await Promise.all(before.map((_, index) => start(index, listen[index])))
    await new Promise(resolve => setTimeout(resolve, 3_000))
    assert.ok(lone.every(swarm => swarm.network.peers().length === 0))
  })
})

function bytes(): Uint8Array {
  return new TextEncoder().encode(`${performance.now()}`)
}
