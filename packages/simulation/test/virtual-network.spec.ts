import assert from 'node:assert/strict'
import type { Network } from '@rayswarm/interface'
import { FAIR_WEATHER, networkSuite, SeededChance, VirtualClock, VirtualNetwork } from '../src/index.ts'

function open(weather = FAIR_WEATHER) {
  const clock = new VirtualClock()
  return { clock, network: new VirtualNetwork({ clock, chance: new SeededChance(1) }, { weather }) }
}

networkSuite('VirtualNetwork', async count => {
  const { clock, network } = open()
  const networks: Network[] = Array.from({ length: count }, (_, index) => network.join(`peer-${index}`))
  await clock.advance(100)
  let lateCount = 0
  return {
    networks,
    // Nobody is a stranger here: whoever is up can be asked.
    join: async () => network.join(`late-${lateCount++}`),
    pass: ms => clock.advance(ms),
    close: async () => {}
  }
})

describe('virtual weather', () => {
  async function answeredOf(lossBps: number, duplicateBps: number) {
    const { clock, network } = open({ ...FAIR_WEATHER, lossBps, duplicateBps })
    const [a, b] = [network.join('a'), network.join('b')]
    let handledCount = 0
    let answeredCount = 0
    b.serve('market', async bytes => {
      handledCount++
      return bytes
    })
    for (let i = 0; i < 2_000; i++)
      a.request('b', 'market', new Uint8Array(1), { timeoutMs: 100 }).then(
        () => answeredCount++,
        () => undefined
      )
    await clock.advance(1_000)
    return { handledCount, answeredCount }
  }

  it('loses requests and answers at its rate', async () => {
    const { answeredCount, handledCount } = await answeredOf(1_000, 0)
    assert.ok(Math.abs(handledCount / 2_000 - 0.9) < 0.03, `${handledCount} arrived`)
    assert.ok(Math.abs(answeredCount / 2_000 - 0.81) < 0.03, `${answeredCount} were answered`)
  })

  it('delivers twice at its rate, and resolves once', async () => {
    const { answeredCount, handledCount } = await answeredOf(0, 1_000)
    assert.equal(answeredCount, 2_000)
    assert.ok(Math.abs(handledCount / 2_000 - 1.1) < 0.03, `${handledCount} were handled`)
  })

  it('stops one direction of a cut only', async () => {
    const { clock, network } = open()
    const [a, b] = [network.join('a'), network.join('b')]
    const heard: string[] = []
    for (const peer of [a, b])
      peer.subscribe('jobs', (_, from) => {
        heard.push(from)
        return { action: 'accept' }
      })
    network.setCut('a', 'b', true)
    await Promise.all([a, b].map(peer => peer.publish('jobs', new Uint8Array(1))))
    await clock.advance(100)
    assert.deepEqual(heard, ['b'])
  })
})
