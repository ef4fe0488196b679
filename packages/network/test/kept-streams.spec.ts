import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'mocha'
import { protocolName } from '../src/names.ts'
import type { Swarm } from '../src/swarm.ts'
import { Swarms } from './swarms.ts'

const OPTIONS = { timeoutMs: 5_000 }

describe('requests over streams used before', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  const streamsOf = (swarm: Swarm) =>
    swarm.libp2p
      .getConnections()
      .flatMap(({ streams }) => streams)
      .filter(({ protocol }) => protocol === protocolName('test', 'lease'))

  async function pair(): Promise<{ asker: Swarm; answerer: Swarm; ask: (byte: number) => Promise<number> }> {
    const [asker, answerer] = (await swarms.mesh(2)) as [Swarm, Swarm]
    answerer.network.serve('lease', async bytes => Uint8Array.of(bytes[0]! + 1))
    const to = answerer.libp2p.peerId.toString()
    return {
      asker,
      answerer,
      ask: async byte => (await asker.network.request(to, 'lease', Uint8Array.of(byte), OPTIONS))[0]!
    }
  }

  it('take one stream after each other, and some side by side', async () => {
    const { asker, ask } = await pair()
    for (let byte = 0; byte < 20; byte++) assert.equal(await ask(byte), byte + 1)
    assert.equal(streamsOf(asker).length, 1)
    const answers = await Promise.all(Array.from({ length: 30 }, (_, byte) => ask(byte)))
    assert.deepEqual(
      answers,
      answers.map((_, byte) => byte + 1)
    )
    assert.ok(streamsOf(asker).length <= 8, 'more are kept than may be')
  })

  for (const how of ['closed', 'reset'] as const)
    it(`survive that the other side has ${how} it`, async () => {
      const { answerer, ask } = await pair()
      assert.equal(await ask(1), 2)
      for (const stream of streamsOf(answerer)) {
        if (how === 'closed') void stream.close()
        else stream.abort(new Error('gone'))
      }
      assert.equal(await ask(2), 3)
    })

  it('are all given up with the swarm', async () => {
    const { asker, answerer, ask } = await pair()
    assert.equal(await ask(1), 2)
    await asker.stop()
    assert.deepEqual(streamsOf(answerer), [])
  })
})
