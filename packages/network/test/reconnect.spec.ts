import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import fc from 'fast-check'
import type { Contact } from '../src/addresses.ts'
import { dialFailure } from '../src/dial-failure.ts'
import { Heartbeat } from '../src/heartbeat.ts'
import { PROFILES } from '../src/profiles.ts'
import { lostWaitMs, Redial, type RedialInit } from '../src/redial.ts'
import { eventually } from './swarms.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {} }
const silence = Object.assign(new Error('no answer'), { name: 'TimeoutError' })
const refusal = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

describe('dialFailure', () => {
  it('tells who does not answer from whose host says no', () => {
    const code = (code: string): Error => Object.assign(new Error(code), { code })
    assert.equal(dialFailure(refusal, false), 'refused')
    assert.equal(dialFailure(code('ECONNRESET'), false), 'refused')
    assert.equal(dialFailure(new Error('another peer lives there'), false), 'refused')
    assert.equal(dialFailure('odd', false), 'refused')
    assert.equal(dialFailure(refusal, true), 'silent')
    assert.equal(dialFailure(silence, false), 'silent')
    const wrapped = Object.assign(new Error('The operation was aborted due to timeout'), {
      name: 'EncryptionFailedError'
    })
    assert.equal(dialFailure(wrapped, false), 'silent')
    for (const name of ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'])
      assert.equal(dialFailure(code(name), false), 'silent')
    assert.equal(dialFailure(new AggregateError([refusal, refusal]), false), 'refused')
    assert.equal(dialFailure(new AggregateError([refusal, new AggregateError([silence])]), false), 'silent')
    const endless = new AggregateError([])
    endless.errors.push(endless)
    assert.equal(dialFailure(endless, false), 'refused')
  })
})

describe('lostWaitMs', () => {
  it('never makes healing wait for more than an eighth of the silence, within its bounds', () => {
    fc.assert(
      fc.property(fc.nat(1e7), fc.constantFrom('testnet', 'public'), (silentMs, profile) => {
        const { lostWaitMsMin, lostWaitMsMax } = PROFILES[profile]
        const waitMs = lostWaitMs(silentMs, PROFILES[profile])
        assert.ok(waitMs >= lostWaitMsMin && waitMs <= lostWaitMsMax)
        assert.ok(waitMs === lostWaitMsMin || waitMs <= silentMs / 8)
      })
    )
    // What a test network promises: a dial under way, or begun anew, within two seconds of the end of any partition.
    const { lostAttemptMs, lostWaitMsMax } = PROFILES.testnet
    assert.ok(lostAttemptMs + lostWaitMsMax < 2_000)
  })
})

describe('Redial of who fell silent', () => {
  const settings = { ...PROFILES.testnet, sampleIntervalMs: 1e9, peerCountMax: 100 }
  const contact = (peer: string): Contact => ({ peer, addresses: [] })

  /** A loop whose clock stands still unless it is moved. */
  const open = (over: Partial<RedialInit>, outcome: (peer: string) => Error | undefined) => {
    const world = {
      nowMs: 0,
      dialled: [] as string[],
      failures: [] as string[],
      connected: new Set<string>(['x'])
    }
    const redial = new Redial(
      {
        log,
        dial: async ({ peer }) => {
          world.dialled.push(peer)
          const error = outcome(peer)
          if (error !== undefined) throw error
          world.connected.add(peer)
        },
        connected: () => world.connected,
        nowMs: () => world.nowMs,
        onFailure: (peer, failure) => world.failures.push(`${peer} ${failure}`)
      },
      { bootstrap: [], contacts: () => [], wantedPeerCount: 1, settings, ...over }
    )
    redial.start()
    return { world, redial }
  }

  it('goes on for ever while enough others are connected, ends with an answer, and with a refusal', async () => {
    let failing: Error | undefined = silence
    const contacts = (): Contact[] => [contact('a'), contact('b')]
    const { world, redial } = open({ contacts }, () => failing)
    try {
      await sleep(300)
      assert.deepEqual(world.dialled, [])
      redial.lost('a')
      for (let round = 1; round <= 6; round++) {
        await eventually(() => world.failures.length === round)
        assert.deepEqual(world.failures.at(-1), 'a silent')
        world.nowMs += settings.lostWaitMsMax
      }
      failing = refusal
      await eventually(() => world.failures.at(-1) === 'a refused')
      world.nowMs += 1e6
      await sleep(600)
      assert.equal(world.dialled.length, 7)

      failing = undefined
      redial.lost('b')
      await eventually(() => world.connected.has('b'))
      redial.reset('b')
      world.connected.delete('b')
      world.nowMs += 1e6
      await sleep(600)
      assert.equal(world.dialled.length, 8)
    } finally {
      await redial.stop()
    }
  })

  it('takes turns, so that no row of the dead stands before the living', async () => {
    const contacts = (): Contact[] => Array.from({ length: 20 }, (_, index) => contact(`c${index}`))
    const { world, redial } = open({ contacts }, () => silence)
    try {
      for (const { peer } of contacts()) redial.lost(peer)
      const moving = setInterval(() => {
        world.nowMs += settings.lostWaitMsMax
      }, 50)
      try {
        await eventually(() => world.dialled.length >= 20)
      } finally {
        clearInterval(moving)
      }
      assert.equal(new Set(world.dialled.slice(0, 20)).size, 20)
    } finally {
      await redial.stop()
    }
  })

  it('gives up soon on one that says nothing, and not on one whose host took the connection', async () => {
    const ended: string[] = []
    const redial = new Redial(
      {
        log,
        dial: ({ peer }, signal, onAnswer) => {
          if (peer === 'busy') onAnswer()
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              ended.push(peer)
              reject(new Error('given up'))
            })
          })
        },
        connected: () => new Set(),
        nowMs: () => performance.now()
      },
      {
        bootstrap: [],
        contacts: () => [contact('busy'), contact('cut')],
        wantedPeerCount: 0,
        settings: { ...settings, lostAttemptMs: 50, lostWaitMsMin: 10, lostWaitMsMax: 20 }
      }
    )
    for (const peer of ['busy', 'cut']) redial.lost(peer)
    redial.start()
    try {
      await eventually(() => ended.length === 3)
      assert.deepEqual(ended, ['cut', 'cut', 'cut'])
    } finally {
      await redial.stop()
    }
    assert.ok(ended.includes('busy'))
  })

  it('tries one known peer now and then though all are content: the other half may be, too', async () => {
    const contacts = (): Contact[] => [contact('x'), contact('a')]
    const { world, redial } = open(
      { contacts, settings: { ...settings, sampleIntervalMs: 1_000 } },
      () => silence
    )
    try {
      await sleep(300)
      assert.deepEqual(world.dialled, [])
      for (let round = 1; round <= 3; round++) {
        world.nowMs += 1_000
        await eventually(() => world.dialled.length === round)
      }
      assert.deepEqual(new Set(world.dialled), new Set(['a']))
    } finally {
      await redial.stop()
    }
  })
})

describe('Heartbeat', () => {
  const INTERVAL_MS = 20

  interface Line {
    readonly connection: Connection
    answers: boolean
    answer: () => void
    hear: () => void
    pings: number
    aborted: boolean
  }

  const line = (peer: string): Line => {
    const made: Line = {
      connection: {
        remotePeer: { toString: () => peer },
        get status() {
          return made.aborted ? 'aborted' : 'open'
        },
        abort: () => {
          made.aborted = true
        }
      } as unknown as Connection,
      answers: true,
      answer: () => {},
      hear: () => {},
      pings: 0,
      aborted: false
    }
    return made
  }

  const beat = (lines: readonly Line[], deaf = new Set<string>()) => {
    const silent: string[] = []
    const heartbeat = new Heartbeat(
      {
        log,
        connections: () => lines.map(({ connection }) => connection),
        ping: connection => {
          const asked = lines.find(other => other.connection === connection)!
          asked.pings++
          if (asked.answers) return Promise.resolve()
          return new Promise<void>(resolve => {
            asked.answer = resolve
          })
        },
        onTraffic: (connection, fn) => {
          lines.find(other => other.connection === connection)!.hear = fn
        },
        isDeaf: peer => deaf.has(peer),
        onSilent: peer => silent.push(peer)
      },
      { intervalMs: INTERVAL_MS, missedMax: 3 }
    )
    heartbeat.start()
    return { heartbeat, silent }
  }

  it('ends all connections of a peer of which one fell silent, and no others', async () => {
    const [a1, a2, b] = [line('a'), line('a'), line('b')]
    a1.answers = false
    const { heartbeat, silent } = beat([a1, a2, b])
    try {
      await eventually(() => a1.aborted)
      assert.ok(a2.aborted && !b.aborted)
      assert.deepEqual(silent, ['a'])
      await eventually(() => b.pings > 10)
      assert.deepEqual(silent, ['a'])
    } finally {
      heartbeat.stop()
    }
  })

  it('asks nobody it hears from anyway', async () => {
    const [talking, quiet] = [line('a'), line('b')]
    talking.answers = quiet.answers = false
    const { heartbeat, silent } = beat([talking, quiet])
    const chatter = setInterval(() => talking.hear(), 1)
    try {
      await eventually(() => quiet.aborted)
      assert.equal(talking.pings, 0)
      assert.deepEqual(silent, ['b'])
    } finally {
      clearInterval(chatter)
      heartbeat.stop()
    }
  })

  it('takes a late answer, and asks once at a time', async () => {
    const a = line('a')
    a.answers = false
    const { heartbeat, silent } = beat([a])
    try {
      await eventually(() => a.pings === 1)
      await sleep(INTERVAL_MS)
      a.answers = true
      a.answer()
      await eventually(() => a.pings > 10)
      assert.deepEqual(silent, [])
    } finally {
      heartbeat.stop()
    }
  })

  it('gives the others as much time as it had itself, when it was frozen', async () => {
    const a = line('a')
    a.answers = false
    const { heartbeat, silent } = beat([a])
    try {
      await eventually(() => a.pings === 1)
      const endMs = performance.now() + 20 * INTERVAL_MS
      while (performance.now() < endMs);
      // The beat that was due long ago comes first, then what arrived meanwhile.
      await sleep(1)
      a.answers = true
      a.answer()
      await eventually(() => a.pings > 3)
      assert.deepEqual(silent, [])
    } finally {
      heartbeat.stop()
    }
  })

  it('ends, without calling it silent, who takes part in gossip and cannot be told anything', async () => {
    const [a, b] = [line('a'), line('b')]
    const { heartbeat, silent } = beat([a, b], new Set(['a']))
    try {
      await eventually(() => a.aborted)
      assert.ok(!b.aborted && a.pings > 3)
      assert.deepEqual(silent, [])
    } finally {
      heartbeat.stop()
    }
  })
})
