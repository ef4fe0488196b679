import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRayswarmError } from '@rayswarm/interface'
import fc from 'fast-check'
import { check, VIOLATION_KINDS, type ViolationKind } from '../src/testnet/checker.ts'
import { percentile } from '../src/testnet/figures.ts'
import {
  type Happening,
  type HistoryEvent,
  HistoryFile,
  inOrder,
  parseHistory,
  readHistory
} from '../src/testnet/history.ts'
import { disconnection, HistoryTail, LiveView } from '../src/testnet/live-view.ts'
import { reportPage } from '../src/testnet/report-page.ts'
import { severed, statesOf } from '../src/testnet/world-state.ts'
import {
  CAST,
  chain,
  committed,
  goodRun,
  hash,
  id,
  JOB,
  judged,
  NODES,
  PAID,
  receipt,
  say,
  settlement,
  signed,
  slot
} from './support/histories.ts'
import { temporaryDir } from './support/program.ts'

const UNEARNED = [...PAID, receipt('node-3', { subtask: 1, replica: 1, gross: '20' })]

/** For each kind of violation, events that are one. */
const BAD: Readonly<Record<ViolationKind, readonly HistoryEvent[]>> = {
  'paid-twice': [judged(90, 'creator', id('node-2'))],
  'two-commits': [committed(90, 'node-3', id('node-2'))],
  'two-settlements': [chain([settlement(PAID), settlement([], { txHash: hash(2) })])],
  'two-holders': [say(90, 'node-2', 'lease', { ...slot, fence: 1 })],
  unearned: [signed(UNEARNED), chain([settlement(UNEARNED)])],
  unaudited: [chain([settlement(PAID, { receiptsRoot: hash(9) })])],
  books: [chain([settlement(PAID)], { locked: '101' })],
  'honest-rejected': [judged(90, 'creator', id('node-2'), { verdict: 'rejected', reason: 'rejected' })],
  'honest-accused': [say(90, 'node-1', 'equivocated', { job: JOB, witness: id('node-2') })],
  died: [say(90, 'lab', 'died', { target: 'node-2' })],
  assertion: [say(90, 'lab', 'asserted', { assertion: 'settled', held: false, found: '0 of 1' })]
}

describe('testnet: the checker', () => {
  it('finds nothing wrong where nothing is', () => {
    const verdict = check(goodRun())
    assert.deepEqual(verdict.violations, [])
    assert.deepEqual(
      [
        verdict.subtasks,
        verdict.accepted,
        verdict.executions,
        verdict.paidTwice,
        verdict.readySeconds,
        verdict.peers
      ],
      [2, 2, 1, 0, 4.5, 4]
    )
    assert.deepEqual(verdict.offerReach, { share: 1, p99Ms: 12 })
  })

  for (const kind of VIOLATION_KINDS)
    it(`finds: ${kind}`, () => {
      const verdict = check([...goodRun(), ...BAD[kind]])
      assert.deepEqual([...new Set(verdict.violations.map(violation => violation.kind))], [kind])
    })

  it('finds a node that is accepted for two replicas', () => {
    assert.equal(check([...goodRun(), judged(90, 'creator', id('node-1'), { replica: 1 })]).paidTwice, 1)
  })

  it('believes no liar, and pities none', () => {
    const lies = [
      judged(90, 'node-4', id('node-1')),
      judged(91, 'node-4', id('node-2')),
      committed(92, 'node-4', id('node-3')),
      judged(93, 'creator', id('node-4'), { replica: 1, verdict: 'rejected', reason: 'rejected' }),
      say(94, 'node-1', 'equivocated', { job: JOB, witness: id('node-4') })
    ]
    assert.deepEqual(check([...goodRun(), ...lies]).violations, [])
  })

  it('excuses what is no fault: surplus, generations, late opening', () => {
    const fine = [
      judged(90, 'creator', id('node-2'), { reason: 'surplus' }),
      judged(90, 'creator', id('node-2'), { verdict: 'rejected', reason: 'reveal-timeout' }),
      say(91, 'node-2', 'lease', { ...slot, fence: 2 }),
      committed(91, 'creator', id('node-2'), { generation: 1 })
    ]
    assert.deepEqual(check([...goodRun(), ...fine]).violations, [])
  })

  it('measures how fast leases move on after a crash', () => {
    const held = { ...slot, subtask: 1 }
    const events = [
      ...goodRun(),
      say(100, 'node-2', 'lease', { ...held, fence: 1 }),
      say(200, 'lab', 'fault', { id: 1, fault: 'crash', targets: ['node-2'] }),
      say(5_300, 'node-3', 'lease', { ...held, fence: 2 })
    ]
    const verdict = check(events)
    assert.deepEqual([verdict.reLeases, verdict.reLeaseP95Ms, verdict.reLeaseMaxMs], [1, 5_100, 5_100])
    const finished = say(150, 'node-2', 'executed', { ...held, elapsedMs: 50 })
    assert.equal(check([...events.slice(0, -2), finished, ...events.slice(-2)]).reLeases, 0)
  })

  it('measures how soon a healed partition is noticed', () => {
    const events = [
      ...goodRun(),
      say(100, 'lab', 'fault', { id: 3, fault: 'partition', targets: ['node-1', 'node-2'] }),
      say(150, 'node-1', 'connected', { with: id('node-3') }),
      say(1_000, 'lab', 'fault-ended', { id: 3 }),
      say(1_100, 'node-1', 'connected', { with: id('node-2') }),
      say(1_400, 'node-3', 'heard', { from: id('node-1') })
    ]
    assert.deepEqual(check(events).recoveryMs, [400])
  })

  it('counts an offer’s audience without the crashed and the liars', () => {
    const [cast, ...rest] = goodRun()
    const crash = say(11, 'lab', 'fault', { id: 1, fault: 'crash', targets: ['node-3'] })
    const deaf = [cast!, crash, ...rest.filter(({ event, peer }) => event !== 'offer' || peer !== 'node-3')]
    const inOrder = deaf.toSorted((a, b) => a.atMs - b.atMs)
    assert.equal(check(inOrder).offerReach.share, 1)
    const missed = goodRun().filter(({ event, peer }) => event !== 'offer' || peer !== 'node-2')
    assert.equal(check(missed).offerReach.share, 0.6667)
  })

  it('takes the smallest value that covers the share', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (list, share) => {
          const value = percentile([...list], share)
          assert.ok(list.filter(item => item <= value).length >= share * list.length - 1e-9)
          assert.ok(list.includes(value))
        }
      )
    )
    assert.equal(percentile([], 0.95), 0)
  })
})

describe('testnet: histories', () => {
  const dir = temporaryDir()
  after(() => dir.remove())
  const at = (name: string): string => join(dir.path, name)

  it('give the same verdict when they are read from a file', async () => {
    const events = inOrder([...goodRun(), ...BAD['two-commits'], ...BAD.books])
    writeFileSync(at('history.jsonl'), events.map(event => `${JSON.stringify(event)}\n`).join(''))
    assert.deepEqual(check(await readHistory(at('history.jsonl'))), check(events))
  })

  it('are written line by line, and followed while they grow', () => {
    const file = new HistoryFile(at('grow.jsonl'), 'node-1')
    const tail = new HistoryTail()
    tail.follow(at('grow.jsonl'))
    tail.follow(at('not-yet.jsonl'))
    const said: Happening[] = [
      { event: 'connected', with: 'a' },
      { event: 'disconnected', with: 'a' }
    ]
    for (const happening of said) {
      file.write(happening)
      assert.deepEqual(
        tail.read().map(({ event, peer }) => [event, peer]),
        [[happening.event, 'node-1']]
      )
    }
    file.close()
    file.write({ event: 'stopped' })
    assert.deepEqual(tail.read(), [])
  })

  it('may end in the middle of a line, and nowhere else', async () => {
    const whole = JSON.stringify(CAST)
    assert.equal(parseHistory(`${whole}\n${whole.slice(0, 40)}`, 'h').length, 1)
    for (const text of [
      `${whole.slice(0, 40)}\n${whole}\n`,
      '{"atMs":1,"peer":"a","event":"landed"}\n',
      'x\n'
    ])
      assert.throws(
        () => parseHistory(text, 'h'),
        error => isRayswarmError(error) && /line 1/.test(error.message)
      )
    await assert.rejects(
      readHistory(at('nowhere')),
      error => isRayswarmError(error) && error.code === 'ERR_FILE_MISSING'
    )
  })

  it('are followed to their end, however much was added', () => {
    const path = at('long.jsonl')
    const line = `${JSON.stringify(say(1, 'node-1', 'started', { peerId: id('node-1'), pid: 1, cpuMs: 500 }))}\n`
    const count = Math.ceil((3 << 20) / line.length)
    writeFileSync(path, line.repeat(count))
    const tail = new HistoryTail()
    tail.follow(path)
    assert.equal(tail.read().length, count)
  })

  it('become one page without anything from elsewhere, and without anybody’s markup', () => {
    const evil = say(95, 'lab', 'fault', {
      id: 1,
      fault: 'crash',
      targets: ['node-2'],
      detail: '<script>alert(1)</script>'
    })
    const events = [...goodRun(), evil, ...BAD['two-holders']]
    const page = reportPage(events, check(events))
    assert.doesNotMatch(page, /<script|https?:|src=|@import/)
    assert.match(page, /two-holders/)
    assert.equal(page.match(/<rect class="lease"/g)?.length, 2)
    assert.equal(page.match(/class="crash"/g)?.length, 1)
    assert.match(reportPage([], check([])), /<svg/)
  })

  it('tell who holds what, and forget the dead', () => {
    const view = new LiveView()
    view.feed(goodRun().filter(({ event }) => event !== 'settled'))
    assert.equal(view.leases.size, 0)
    view.feed([say(99, 'node-2', 'lease', { ...slot, subtask: 1, fence: 1 })])
    assert.deepEqual(view.holders, ['node-2'])
    view.forget('node-2')
    assert.deepEqual([view.holders, view.started.has('node-2')], [[], false])
    assert.deepEqual([view.job(JOB).subtaskCount, view.job(JOB).isSettled], [2, false])
  })
})

describe('testnet: who suffers what', () => {
  const members = NODES.map(name => ({ name, peerId: id(name) }))
  const active = (fault: object, targets: string[], against?: string[]) => ({
    id: 1,
    fault: { kind: 'partition', targets, ...fault } as never,
    targets,
    ...(against === undefined ? {} : { against })
  })

  it('a partition cuts at both ends, whichever way it goes', () => {
    for (const [direction, inside, outside] of [
      ['both', 'both', 'both'],
      ['in', 'in', 'out'],
      ['out', 'out', 'in']
    ] as const) {
      const states = statesOf(members, [active({ direction }, ['node-1', 'node-2'])])
      assert.deepEqual(states.get('node-1')?.links, {
        [id('node-3')]: { cut: inside },
        [id('node-4')]: { cut: inside }
      })
      assert.deepEqual(states.get('node-3')?.links, {
        [id('node-1')]: { cut: outside },
        [id('node-2')]: { cut: outside }
      })
    }
  })

  it('a partition against somebody leaves the others alone', () => {
    const states = statesOf(members, [active({}, ['node-1'], ['node-2'])])
    assert.deepEqual(states.get('node-1')?.links, { [id('node-2')]: { cut: 'both' } })
    assert.deepEqual(states.get('node-3')?.links, {})
    assert.deepEqual(
      severed(members, active({}, ['node-1'], ['node-2'])),
      new Map([
        ['node-1', [id('node-2')]],
        ['node-2', [id('node-1')]]
      ])
    )
  })

  it('faults add up, and a cut and its opposite are silence', () => {
    const states = statesOf(
      members,
      [
        active({ kind: 'link', lossBps: 5_000, latencyMs: 10, bytesPerS: 2_000 }, ['node-1']),
        active({ kind: 'link', lossBps: 5_000, jitterMs: 3, bytesPerS: 1_000 }, ['node-1']),
        active({ direction: 'in' }, ['node-1'], ['node-2']),
        active({ direction: 'out' }, ['node-1'], ['node-2'])
      ],
      () => 7
    )
    assert.deepEqual(states.get('node-1')?.links[id('node-2')], {
      cut: 'both',
      lossBps: 7_500,
      latencyMs: 17,
      jitterMs: 3,
      bytesPerS: 1_000
    })
    assert.deepEqual(states.get('node-3')?.links[id('node-2')], { latencyMs: 7 })
  })

  it('the last word on clock and manners counts', () => {
    const states = statesOf(
      members.map(member => ({ ...member, byzantine: 'mute' as const })),
      [
        active({ kind: 'clock', skewMs: 5 }, ['node-1']),
        active({ kind: 'clock', skewMs: 9, driftBps: 1 }, ['node-1']),
        active({ kind: 'byzantine', as: 'flood' }, ['node-2'])
      ]
    )
    const [first, second] = [states.get('node-1')!, states.get('node-2')!]
    assert.deepEqual(
      [first.skewMs, first.driftBps, first.byzantine, second.byzantine],
      [9, 1, 'mute', 'flood']
    )
  })

  it('is well connected with enough neighbours in one piece', () => {
    const links = (pairs: readonly string[]): Map<string, Set<string>> =>
      new Map(
        NODES.map(name => [
          name,
          new Set(
            pairs
              .filter(pair => pair.includes(name.slice(-1)))
              .map(pair => id(`node-${pair.replace(name.slice(-1), '')}`))
          )
        ])
      )
    assert.equal(disconnection(members, links(['12', '13', '14', '23', '24', '34'])), undefined)
    assert.match(disconnection(members, links(['12', '34'])) ?? '', /fewer than 3/)
    assert.match(disconnection(members, new Map()) ?? '', /4 of 4/)
    assert.equal(disconnection(members.slice(0, 1), new Map()), undefined)
    const many = Array.from({ length: 16 }, (_, index) => ({ name: `${index}`, peerId: `id-${index}` }))
    const halves = new Map(
      many.map(({ name }, index) => [
        name,
        new Set(
          many.filter((_, other) => other !== index && other < 8 === index < 8).map(({ peerId }) => peerId)
        )
      ])
    )
    assert.match(disconnection(many, halves) ?? '', /split/)
  })
})

describe('testnet: the scenarios’ own figures', () => {
  it('allow a lease to move on within the term the issue names', () => {
    const { assertions } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../test/scenarios/idle-crash.json'), 'utf8')
    )
    // term * 1.01 + term / 4 + 5 s, with the testnet's shortest term of 5 s.
    assert.ok(assertions.includes('reLeaseMaxMs <= 11300'))
  })
})
