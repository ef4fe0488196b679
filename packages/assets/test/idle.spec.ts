import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { blockProtocol } from '../src/block-protocol.ts'
import { Swarm, type SwarmPeer } from './swarm.ts'

describe('fetching small files one by one', () => {
  let swarm: Swarm
  beforeEach(() => {
    swarm = new Swarm()
  })
  afterEach(() => swarm.close())

  const streamsOf = ({ libp2p }: SwarmPeer) =>
    libp2p
      .getConnections()
      .flatMap(({ streams }) => streams)
      .filter(({ protocol, status }) => protocol === blockProtocol('test') && status === 'open')

  async function fetchOne(from: SwarmPeer, to: SwarmPeer): Promise<void> {
    const bytes = randomBytes(1_000)
    const cid = await from.assets.addBytes(bytes)
    const options = { providers: [from.peerId], sizeBytesMax: 1_000, timeoutMs: 10_000 }
    assert.deepEqual(await to.assets.fetchBytes(cid, options), Uint8Array.from(bytes))
  }

  it('takes one stream', async () => {
    const [alice, bob] = [await swarm.peer(), await swarm.peer()]
    for (let count = 0; count < 5; count++) await fetchOne(alice, bob)
    assert.equal(streamsOf(bob).length, 1)
  })

  it('takes another one when the first was closed by the other side', async () => {
    const [alice, bob] = [await swarm.peer(), await swarm.peer()]
    await fetchOne(alice, bob)
    for (const stream of streamsOf(alice)) stream.abort(new Error('gone'))
    await fetchOne(alice, bob)
  })
})
