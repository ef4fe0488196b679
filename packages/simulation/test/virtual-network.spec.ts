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

describe('virtual faults', () => {
  const OPTIONS = { timeoutMs: 500 }
  const NOBODY = new Map<string, number>()

  function pair() {
    const { clock, network } = open()
    const [a, b] = [network.join('a'), network.join('b')]
    b.serve('market', async bytes => bytes)
    const ask = async (): Promise<boolean> => {
      let answered = false
      a.request('b', 'market', Uint8Array.of(1), OPTIONS).then(
        () => {
          answered = true
        },
        () => undefined
      )
      await clock.advance(OPTIONS.timeoutMs)
      return answered
    }
    return { clock, network, a, b, ask }
  }

  it('part the peers: nothing passes between the sides, everything within one', async () => {
    const { network, ask } = pair()
    assert.equal(await ask(), true)
    network.partition(new Map([['a', 1]]))
    assert.equal(network.reaches('a', 'b'), false)
    assert.equal(await ask(), false)
    network.partition(
      new Map([
        ['a', 1],
        ['b', 1]
      ])
    )
    assert.equal(await ask(), true)
    network.partition(new Map([['b', 1]]))
    network.heal()
    assert.equal(await ask(), true)
    network.partition(NOBODY)
    assert.equal(await ask(), true)
  })

  it('let those know whose connection came back, and nobody else', async () => {
    const { clock, network, a, b } = pair()
    const c = network.join('c')
    await clock.advance(100)
    const heard: string[] = []
    for (const peer of [a, b, c]) peer.onConnect(other => heard.push(`${peer.peerId}${other}`))
    network.partition(new Map([['a', 1]]))
    network.heal()
    await clock.advance(2_000)
    assert.deepEqual(heard.sort(), ['ab', 'ac', 'ba', 'ca'])
  })

  it('cut one direction: a request arrives, its answer does not', async () => {
    const { network, b, ask } = pair()
    let handledCount = 0
    b.serve('market', async bytes => {
      handledCount++
      return bytes
    })
    network.setCut('b', 'a', true)
    assert.equal(await ask(), false)
    assert.equal(handledCount, 1)
    network.setCut('b', 'a', false)
    assert.equal(await ask(), true)
  })

  it('make a machine stand still: what reaches it waits, and is not lost', async () => {
    const { clock, network, a, b } = pair()
    const heard: string[] = []
    b.subscribe('jobs', (_, from) => {
      heard.push(from)
      return { action: 'accept' }
    })
    network.setPaused('b', true)
    await a.publish('jobs', Uint8Array.of(1))
    await clock.advance(1_000)
    assert.deepEqual(heard, [])
    network.setPaused('b', false)
    await clock.advance(1)
    assert.deepEqual(heard, ['a'])
  })

  it('hold messages up, so that later ones overtake them', async () => {
    const { clock, network } = open({ ...FAIR_WEATHER, lateBps: 3_000, lateMsMax: 5_000 })
    const [a, b] = [network.join('a'), network.join('b')]
    const arrived: { index: number; afterMs: number }[] = []
    b.subscribe('jobs', bytes => {
      arrived.push({ index: bytes[0]!, afterMs: clock.nowMs() })
      return { action: 'accept' }
    })
    for (let index = 0; index < 200; index++) await a.publish('jobs', Uint8Array.of(index))
    await clock.advance(6_000)
    assert.equal(arrived.length, 200)
    const late = arrived.filter(({ afterMs }) => afterMs > FAIR_WEATHER.latencyMsMax)
    assert.ok(late.length > 30 && late.length < 90, `${late.length} of 200 late`)
    assert.ok(late.some(({ afterMs }) => afterMs > 10 * FAIR_WEATHER.latencyMsMax))
    assert.ok(late.every(({ afterMs }) => afterMs <= 5_000))
  })
})

describe('virtual records', () => {
  it('are the first that the reader takes, whatever was put before and after', async () => {
    const { network } = open()
    const isGood = (_: string, value: Uint8Array) =>
      value[0] === 1 ? ({ action: 'accept' } as const) : ({ action: 'reject', fault: 'bad' } as const)
    const [evil, good] = [network.join('evil'), network.join('good', { validateRecord: isGood })]
    const options = { timeoutMs: 100 }
    assert.equal(await good.get('key', options), undefined)
    for (let i = 0; i < 5; i++) await evil.put('key', Uint8Array.of(9, i), options)
    assert.equal(await good.get('key', options), undefined)
    await good.put('key', Uint8Array.of(1, 1), options)
    await evil.put('key', Uint8Array.of(1, 2), options)
    assert.deepEqual(await good.get('key', options), Uint8Array.of(1, 1))
    await evil.put('key', Uint8Array.of(9, 9), options)
    assert.deepEqual(await good.get('key', options), Uint8Array.of(1, 1))
  })
})

describe('an abort', () => {
  it('ends every request that it was given to, and none that is over', async () => {
    const { clock, network } = open()
    const [a, b] = [network.join('a'), network.join('b')]
    b.serve('market', async bytes => bytes)
    b.serve('lease', () => new Promise(() => {}))
    const abort = new AbortController()
    const options = { timeoutMs: 10_000, signal: abort.signal }
    const answered = a.request('b', 'market', Uint8Array.of(1), options)
    const hanging = [1, 2].map(i => a.request('b', 'lease', Uint8Array.of(i), options))
    const ends = Promise.allSettled(hanging)
    await clock.advance(100)
    abort.abort()
    assert.deepEqual(await answered, Uint8Array.of(1))
    for (const end of await ends) assert.ok(end.status === 'rejected' && end.reason.code === 'ERR_ABORTED')
  })
})
