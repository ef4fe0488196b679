import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { ADDRESS_COUNT_MAX, PEER_BOOK_COUNT_MAX, REDIAL_MS_MAX, REDIAL_MS_MIN } from '@rayswarm/params'
import { nodeIdentity } from '@rayswarm/wire'
import fc from 'fast-check'
import { parseAddressOf, parseBootstrap, parsePeer, rankAddresses } from '../src/addresses.ts'
import { Deadline } from '../src/deadline.ts'
import { Lookaround } from '../src/lookaround.ts'
import { PeerBook } from '../src/peer-book.ts'
import { PROFILES } from '../src/profiles.ts'
import { Redial, redialMs } from '../src/redial.ts'
import { Turns } from '../src/turns.ts'
import { eventually, Swarms, seedOf } from './swarms.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const peer = (name: string): string => nodeIdentity(seedOf(name)).peerId
const log = new Swarms().log

describe('dependencies', () => {
  it('hold one major of @libp2p/interface, and one of @multiformats/multiaddr', () => {
    for (const name of ['@libp2p/interface', '@multiformats/multiaddr']) {
      const versions = new Set(copiesOf(join(ROOT, 'node_modules'), name))
      assert.ok(versions.size > 0, name)
      assert.equal(
        new Set([...versions].map(version => version.split('.')[0])).size,
        1,
        `${name}: ${[...versions]}`
      )
    }
  })

  it('have gossipsub under one name, in the generation libp2p is of', () => {
    const { name, version } = packageAt(join(ROOT, 'node_modules/@chainsafe/libp2p-gossipsub'))
    assert.equal(name, '@libp2p/gossipsub')
    assert.ok(Number(version.split('.')[0]) >= 17, version)
  })
})

/** Versions of every installed copy of a package. */
function copiesOf(modules: string, name: string): string[] {
  const found: string[] = []
  const visit = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name === '.bin') continue
      const path = join(dir, entry.name)
      if (entry.name.startsWith('@')) {
        visit(path)
        continue
      }
      if (path.endsWith(`node_modules/${name}`)) found.push(packageAt(path).version)
      const nested = join(path, 'node_modules')
      if (readdirSync(path).includes('node_modules')) visit(nested)
    }
  }
  visit(modules)
  return found
}

function packageAt(dir: string): { name: string; version: string } {
  return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
}

describe('addresses', () => {
  it('of a peer are judged without an exception, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom('/ip4', '/p2p', '/', '/ip4/1.2.3.4/tcp')),
        text => {
          parseAddressOf(peer('a'), text, true)
          parsePeer(text)
        }
      )
    )
  })

  it('are those of the peer they name, and private ones only where asked for', () => {
    const address = '/ip4/10.0.0.1/tcp/4001'
    assert.ok(parseAddressOf(peer('a'), address, true))
    assert.ok(parseAddressOf(peer('a'), `${address}/p2p/${peer('a')}`, true))
    assert.equal(parseAddressOf(peer('a'), `${address}/p2p/${peer('b')}`, true), undefined)
    assert.equal(parseAddressOf(peer('a'), address, false), undefined)
    assert.equal(parseAddressOf(peer('a'), '/ip4/127.0.0.1/tcp/4001', false), undefined)
    assert.ok(parseAddressOf(peer('a'), '/ip4/8.8.8.8/tcp/4001', false))
    assert.equal(parseAddressOf(peer('a'), `/dns4/${'x'.repeat(300)}/tcp/1`, true), undefined)
  })

  it('of bootstrap peers are gathered by peer, bounded', () => {
    const texts = Array.from({ length: 20 }, (_, index) => `/ip4/10.0.0.${index}/tcp/1/p2p/${peer('a')}`)
    const contacts = parseBootstrap([...texts, `/ip4/10.0.0.1/tcp/1/p2p/${peer('b')}`], peer('b'))
    assert.deepEqual(contacts, [{ peer: peer('a'), addresses: texts.slice(0, ADDRESS_COUNT_MAX) }])
  })

  it('are told to others in the order of their use', () => {
    const texts = [
      '/ip4/127.0.0.1/tcp/1',
      '/ip4/10.0.0.1/tcp/1/ws',
      '/ip4/10.0.0.1/tcp/1',
      '/ip4/8.8.8.8/tcp/1/ws',
      '/ip4/8.8.8.8/tcp/1'
    ]
    assert.deepEqual(rankAddresses(texts.map(text => multiaddr(text))), [
      '/ip4/8.8.8.8/tcp/1',
      '/ip4/8.8.8.8/tcp/1/ws',
      '/ip4/10.0.0.1/tcp/1',
      '/ip4/10.0.0.1/tcp/1/ws',
      '/ip4/127.0.0.1/tcp/1'
    ])
    assert.equal(
      rankAddresses(Array.from({ length: 30 }, () => multiaddr(texts[0]!))).length,
      ADDRESS_COUNT_MAX
    )
  })
})

describe('PeerBook', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  it('keeps the peers seen last, and not one more than allowed, across a restart', async () => {
    const dir = await swarms.dir()
    const book = new PeerBook(dir, { log })
    const names = Array.from({ length: PEER_BOOK_COUNT_MAX + 20 }, (_, index) => peer(`${index}`))
    for (const [index, name] of names.entries()) book.note(name, ['/ip4/10.0.0.1/tcp/1'], index)
    book.note(names[100]!, ['/ip4/10.0.0.2/tcp/2'], names.length)
    await book.save()
    const again = new PeerBook(dir, { log })
    assert.equal(again.size, PEER_BOOK_COUNT_MAX)
    assert.deepEqual(again.contacts()[0], { peer: names[100], addresses: ['/ip4/10.0.0.2/tcp/2'] })
    assert.deepEqual(
      again.contacts().map(contact => contact.peer),
      [
        names[100],
        ...names
          .slice(20)
          .reverse()
          .filter(name => name !== names[100])
      ]
    )
  })

  it('leaves nothing half-written behind, also when saved many times at once', async () => {
    const dir = await swarms.dir()
    const book = new PeerBook(dir, { log })
    const saves: Promise<void>[] = []
    for (let index = 0; index < 20; index++) {
      book.note(peer(`${index}`), ['/ip4/10.0.0.1/tcp/1'], index)
      saves.push(book.save())
    }
    await Promise.all(saves)
    assert.deepEqual(await readdir(dir), ['peers.json'])
    assert.equal(JSON.parse(await readFile(join(dir, 'peers.json'), 'utf8')).length, 20)
  })

  it('goes on, with a warning, when it cannot be saved', async () => {
    const dir = await swarms.dir()
    await mkdir(join(dir, 'peers.json'))
    const book = new PeerBook(dir, { log: swarms.log })
    book.note(peer('a'), ['/ip4/10.0.0.1/tcp/1'], 1)
    await book.save()
    assert.deepEqual(swarms.warnings, ['peer book not saved'])
    assert.deepEqual(await readdir(dir), ['peers.json'])
  })
})

describe('redialMs', () => {
  it('doubles from the least to the greatest wait, and is spread over half of it', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, unit) => {
        const ceiling = Math.min(REDIAL_MS_MAX, REDIAL_MS_MIN * 2 ** failures)
        const waitMs = redialMs(failures, unit)
        assert.ok(waitMs >= REDIAL_MS_MIN && waitMs >= ceiling / 2 && waitMs <= REDIAL_MS_MAX)
        assert.ok(waitMs <= ceiling)
      })
    )
    assert.ok(redialMs(10, 0.9) > redialMs(10, 0.1))
  })
})

describe('Redial', () => {
  const settings = { ...PROFILES.testnet, sampleIntervalMs: 1e9, peerCountMax: 100 }
  const contact = (name: string) => ({ peer: name, addresses: [] })

  it('dials as many as it wants, bootstrap peers first, and a few more when those take long', async () => {
    const dialled: string[] = []
    const release: Array<() => void> = []
    let peerCount = 0
    const redial = new Redial(
      {
        log,
        dial: ({ peer }) => {
          dialled.push(peer)
          return new Promise(resolve => release.push(resolve))
        },
        connected: () => new Set(Array.from({ length: peerCount }, (_, index) => `x${index}`)),
        nowMs: () => performance.now()
      },
      {
        bootstrap: [contact('b1'), contact('b2')],
        contacts: () => Array.from({ length: 50 }, (_, index) => contact(`c${index}`)),
        wantedPeerCount: 2,
        settings
      }
    )
    redial.start()
    try {
      await sleep(600)
      assert.deepEqual(dialled, ['b1', 'b2'])
      await sleep(settings.lostAttemptMs)
      assert.deepEqual(dialled, ['b1', 'b2', 'c0'])
      peerCount = 2
      for (const done of release.splice(0)) done()
      await sleep(600)
      assert.deepEqual(dialled, ['b1', 'b2', 'c0'])
    } finally {
      for (const done of release.splice(0)) done()
      await redial.stop()
    }
  })

  it('backs off from who does not answer, and starts over when told so', async () => {
    const dialsAtMs: number[] = []
    // Time stands still unless it is moved; the loop itself ticks on.
    let nowMs = 0
    const redial = new Redial(
      {
        log,
        dial: async () => {
          dialsAtMs.push(nowMs)
          throw new Error('no')
        },
        connected: () => new Set(),
        nowMs: () => nowMs
      },
      { bootstrap: [contact('b')], contacts: () => [], wantedPeerCount: 1, settings }
    )
    const ticks = (): Promise<void> => sleep(600)
    redial.start()
    try {
      for (const [waitMsMin, waitMsMax] of [
        [REDIAL_MS_MIN, REDIAL_MS_MIN],
        [REDIAL_MS_MIN, 2 * REDIAL_MS_MIN],
        [2 * REDIAL_MS_MIN, 4 * REDIAL_MS_MIN]
      ] as const) {
        await ticks() // the last dial has failed by now
        const { length } = dialsAtMs
        assert.ok(length > 0)
        const lastMs = nowMs
        nowMs = lastMs + waitMsMin - 1
        await ticks()
        assert.equal(dialsAtMs.length, length, 'too early')
        nowMs = lastMs + waitMsMax
        await eventually(() => dialsAtMs.length === length + 1)
      }
      await ticks()
      assert.equal(dialsAtMs.length, 4)
      redial.reset('b')
      await eventually(() => dialsAtMs.length === 5)
    } finally {
      await redial.stop()
    }
    nowMs += REDIAL_MS_MAX
    await ticks()
    assert.equal(dialsAtMs.length, 5)
  })
})

describe('Turns', () => {
  it('never has more holders than allowed, and serves everybody in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(3), { maxLength: 40 }),
        async (heldMax, waits) => {
          const turns = new Turns({ heldMax, lineMax: 100 })
          const signal = new AbortController().signal
          let held = 0
          const order: number[] = []
          await Promise.all(
            waits.map(async (ticks, index) => {
              const giveBack = await turns.take(signal)
              assert.ok(giveBack)
              order.push(index)
              held++
              assert.ok(held <= heldMax)
              for (let tick = 0; tick < ticks; tick++) await null
              held--
              giveBack()
              giveBack() // twice is once
            })
          )
          assert.deepEqual(
            order,
            waits.map((_, index) => index)
          )
          assert.ok(turns.idle)
        }
      )
    )
  })

  it('turns away who comes when the line is full, and lets go of who gives up', async () => {
    const turns = new Turns({ heldMax: 1, lineMax: 1 })
    const abort = new AbortController()
    const first = await turns.take(abort.signal)
    const second = turns.take(abort.signal)
    assert.equal(await turns.take(new AbortController().signal), undefined)
    abort.abort()
    assert.equal(await second, undefined)
    assert.equal(await turns.take(abort.signal), undefined)
    first?.()
    assert.ok(turns.idle)
    assert.ok(await turns.take(new AbortController().signal))
  })
})

describe('Deadline', () => {
  it('tells which of its reasons came first', async () => {
    const abort = new AbortController()
    const late = new Deadline(60_000, [undefined, abort.signal])
    const waiting = late.race(new Promise(() => {}))
    abort.abort()
    await assert.rejects(waiting)
    assert.ok(late.aborted && !late.expired)
    late.clear()

    const early = new Deadline(5, [])
    await assert.rejects(early.race(new Promise(() => {})))
    assert.ok(early.expired && !early.aborted)
    early.clear()

    const kept = new Deadline(5, [])
    assert.equal(await kept.race(Promise.resolve(1)), 1)
    kept.clear()
    await sleep(20)
    assert.ok(!kept.signal.aborted)
  })
})

describe('Lookaround', () => {
  it('looks ever more rarely while nobody new turns up, but not while nobody answers, and stops', async () => {
    const looksAtMs: Record<'answered' | 'unanswered', number[]> = { answered: [], unanswered: [] }
    const start = (name: 'answered' | 'unanswered', answerCount: number): Lookaround => {
      const look = async (): Promise<number> => looksAtMs[name].push(performance.now()) && answerCount
      const lookaround = new Lookaround({ log, look, knownCount: () => 0, isEnough: () => false })
      lookaround.start()
      return lookaround
    }
    const both = [start('answered', 1), start('unanswered', 0)]
    await eventually(() => looksAtMs.answered.length === 3)
    await Promise.all(both.map(lookaround => lookaround.stop()))
    const [first = 0, second = 0, third = 0] = looksAtMs.answered
    assert.ok(second - first >= REDIAL_MS_MIN - 5, `${second - first}`)
    assert.ok(third - second >= 2 * REDIAL_MS_MIN - 5, `${third - second}`)
    assert.ok(looksAtMs.unanswered.length >= 3, `${looksAtMs.unanswered.length}`)
    await sleep(100)
    assert.equal(looksAtMs.answered.length, 3)
  })

  it('asks nobody while enough are connected', async () => {
    let looks = 0
    let enough = true
    let asked = 0
    const lookaround = new Lookaround({
      log,
      look: async () => ++looks,
      knownCount: () => 0,
      isEnough: () => {
        asked++
        return enough
      }
    })
    lookaround.start()
    await eventually(() => asked === 1)
    assert.equal(looks, 0)
    enough = false
    await eventually(() => looks === 1)
    await lookaround.stop()
  })

  it('goes on when a look fails', async () => {
    let looks = 0
    const look = async (): Promise<number> => {
      looks++
      throw new Error('no')
    }
    const lookaround = new Lookaround({ log, look, knownCount: () => 0, isEnough: () => false })
    lookaround.start()
    await eventually(() => looks === 2)
    await lookaround.stop()
  })
})
