import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRayswarmError, type RayswarmError } from '@rayswarm/interface'
import fc from 'fast-check'
import { parseAssertion } from '../src/testnet/assertions.ts'
import { assignByzantine } from '../src/testnet/byzantine.ts'
import { FAULT_KINDS, type FaultText, parseFault } from '../src/testnet/faults.ts'
import { parseScenario } from '../src/testnet/scenario.ts'
import { choose, type Field, requireSelector, shuffled } from '../src/testnet/targets.ts'
import { parseShareBps, parseSpanMs } from '../src/testnet/units.ts'

const SCENARIOS = join(import.meta.dirname, '../../../test/scenarios')

function refusal(act: () => unknown): RayswarmError {
  try {
    act()
  } catch (error) {
    assert.ok(isRayswarmError(error), String(error))
    assert.equal(error.code, 'ERR_USAGE')
    return error
  }
  assert.fail('nothing was refused')
}

describe('testnet: what people write', () => {
  it('spans and shares', () => {
    assert.deepEqual(
      ['500ms', '20s', '1.5m', '-5s', '2h'].map(text => parseSpanMs(text, 'x')),
      [500, 20_000, 90_000, -5_000, 7_200_000]
    )
    assert.deepEqual(
      ['30%', '0.5%', '100%', '0%'].map(text => parseShareBps(text, 'x')),
      [3_000, 50, 10_000, 0]
    )
    for (const text of ['', '5', 's', '5 x', '1e3s']) refusal(() => parseSpanMs(text, 'for'))
    for (const text of ['', '5', '101%', '-1%']) refusal(() => parseShareBps(text, 'loss'))
  })

  it('faults, with everything they take', () => {
    assert.deepEqual(parseFault({ fault: 'partition', targets: 'half', for: '60s', direction: 'in' }), {
      kind: 'partition',
      targets: ['half'],
      direction: 'in',
      forMs: 60_000
    })
    assert.deepEqual(
      parseFault({
        fault: 'link',
        targets: ['node-1', 'node-2,30%'],
        loss: '10%',
        latency: '50ms',
        rate: '1MiB'
      }),
      {
        kind: 'link',
        targets: ['node-1', 'node-2', '30%'],
        lossBps: 1_000,
        latencyMs: 50,
        bytesPerS: 1_048_576
      }
    )
    assert.deepEqual(parseFault({ fault: 'clock', targets: 'all', skew: '-5s', drift: '-10%' }), {
      kind: 'clock',
      targets: ['all'],
      skewMs: -5_000,
      driftBps: -1_000
    })
    assert.deepEqual(parseFault({ fault: 'heal' }), { kind: 'heal', targets: [] })
  })

  it('refuses faults that make no sense, and says which make some', () => {
    const unknown = refusal(() => parseFault({ fault: 'meteor', targets: 'all' }))
    assert.match(unknown.message, /meteor/)
    for (const kind of FAULT_KINDS) assert.ok(unknown.remedy?.includes(kind), kind)
    const wrong: FaultText[] = [
      { fault: 'crash' },
      { fault: 'crash', targets: 'all', loss: '10%' },
      { fault: 'link', targets: 'all' },
      { fault: 'byzantine', targets: 'all' },
      { fault: 'byzantine', targets: 'all', as: 'saint' },
      { fault: 'clock', targets: 'all' },
      { fault: 'clock', targets: 'all', drift: '-100%' },
      { fault: 'pause', targets: 'all', for: '-5s' },
      { fault: 'partition', targets: 'all', direction: 'up' }
    ]
    for (const text of wrong) refusal(() => parseFault(text))
  })

  it('assertions', () => {
    assert.deepEqual(parseAssertion('accepted all within 2m').assertion, { kind: 'accepted-all' })
    assert.equal(parseAssertion('ledgers-equal within 30s').withinMs, 30_000)
    assert.deepEqual(parseAssertion('paid-twice 0').assertion, {
      kind: 'figure',
      figure: 'paidTwice',
      is: '=',
      value: 0
    })
    assert.deepEqual(parseAssertion('reLeaseP95Ms  <= 10000').assertion, {
      kind: 'figure',
      figure: 'reLeaseP95Ms',
      is: '<=',
      value: 10_000
    })
    for (const text of ['', 'all is well', 'accepted', 'reLease <= x', 'settled within soon', 'settled 5'])
      refusal(() => parseAssertion(text))
  })

  it('who misbehaves: the last ones, never the first', () => {
    const nodes = ['node-1', 'node-2', 'node-3', 'node-4']
    assert.deepEqual(
      [...assignByzantine('garbage:1,mute:2', nodes)],
      [
        ['node-4', 'garbage'],
        ['node-3', 'mute'],
        ['node-2', 'mute']
      ]
    )
    assert.equal(assignByzantine(',', nodes).size, 0)
    refusal(() => assignByzantine('garbage:4', nodes))
    refusal(() => assignByzantine('saint:1', nodes))
    refusal(() => assignByzantine('garbage:x', nodes))
  })
})

describe('testnet: targets', () => {
  const field: Field = {
    peers: [
      ...Array.from({ length: 10 }, (_, index) => ({
        name: `node-${index + 1}`,
        role: 'node' as const,
        isRunning: index !== 9,
        isByzantine: index === 8
      })),
      { name: 'creator', role: 'creator', isRunning: true, isByzantine: false }
    ],
    bootstrap: 'node-1',
    holders: ['node-3', 'node-10'],
    witnesses: ['node-4', 'node-5', 'node-6']
  }
  const pick = (
    selectors: string[],
    seed = 's',
    condition: 'running' | 'ended' | 'any' = 'running'
  ): string[] => choose(selectors, field, { seed, condition })

  it('are named, or drawn from a group', () => {
    assert.deepEqual(pick(['creator', 'bootstrap', 'node-2']), ['node-1', 'node-2', 'creator'])
    assert.equal(pick(['half']).length, 4)
    assert.equal(pick(['30%']).length, 3)
    assert.deepEqual(pick(['byzantine']), ['node-9'])
    assert.deepEqual(pick(['holders']), ['node-3'])
    assert.equal(pick(['witnesses:2']).length, 2)
    assert.equal(pick(['all']).length, 10)
    assert.deepEqual(pick(['nodes'], 's', 'ended'), ['node-10'])
  })

  it('of a share are others than the named', () => {
    const chosen = pick(['creator', 'bootstrap', '30%'])
    assert.equal(chosen.length, 5)
    assert.ok(chosen.includes('creator') && chosen.includes('node-1'))
  })

  it('follow from the seed', () => {
    fc.assert(
      fc.property(fc.string(), seed => {
        assert.deepEqual(pick(['30%'], seed), pick(['30%'], seed))
      })
    )
    const seeds = Array.from({ length: 20 }, (_, index) => pick(['30%'], `${index}`).join())
    assert.ok(new Set(seeds).size > 5)
    assert.deepEqual(shuffled(['a', 'b', 'c'], '1').toSorted(), ['a', 'b', 'c'])
  })

  it('that are gone, unknown or nobody are refused', () => {
    assert.match(refusal(() => pick(['node-10'])).message, /node-10 is gone/)
    assert.match(refusal(() => pick(['node-2'], 's', 'ended')).message, /running/)
    assert.match(refusal(() => pick(['node-11'])).message, /no peer node-11/)
    assert.match(
      refusal(() => choose(['holders'], { ...field, holders: [] }, { seed: '', condition: 'any' })).message,
      /nobody/
    )
    for (const text of ['node-0', 'somebody', '101%', 'witnesses:x', '']) refusal(() => requireSelector(text))
    for (const text of ['node-12', 'creator', '5%', 'witnesses:2', 'half']) requireSelector(text)
  })
})

describe('testnet: scenarios', () => {
  const parse = (value: unknown) => parseScenario(JSON.stringify(value, undefined, 2), 'trial.json')

  for (const file of readdirSync(SCENARIOS))
    it(`${file} can be read`, () => {
      const scenario = parseScenario(readFileSync(join(SCENARIOS, file), 'utf8'), file)
      assert.equal(`${scenario.name}.json`, file)
      assert.ok(scenario.assertions.some(({ text }) => text === 'violations 0'))
    })

  it('have defaults for everything', () => {
    const scenario = parse({})
    assert.equal(scenario.name, 'trial')
    assert.equal(scenario.job.engine, 'noop')
    assert.deepEqual(
      scenario.assertions.map(({ text }) => text),
      ['accepted all', 'paid-twice 0', 'violations 0']
    )
  })

  it('know when', () => {
    const times = ['20s', '+5s', 'progress 20%', 'leases 4', 'settled'].map(
      at => parse({ steps: [{ at, fault: 'crash', targets: 'creator' }] }).steps[0]?.at
    )
    assert.deepEqual(times, [
      { kind: 'published', afterMs: 20_000 },
      { kind: 'previous', afterMs: 5_000 },
      { kind: 'progress', share: 0.2 },
      { kind: 'leases', count: 4 },
      { kind: 'settled' }
    ])
  })

  it('name the step, the line and what is known when they are wrong', () => {
    const error = refusal(() =>
      parse({
        steps: [
          { at: '1s', fault: 'crash', targets: 'creator' },
          { at: '2s', fault: 'meteor', targets: 'creator' }
        ]
      })
    )
    assert.match(error.message, /trial\.json, step 2, line 10: unknown fault "meteor"/)
    assert.match(error.remedy ?? '', /partition/)
    const wrong: unknown[] = [
      { steps: [{ at: 'noon', fault: 'crash', targets: 'creator' }] },
      { steps: [{ at: '1s', fault: 'crash', targets: 'somebody' }] },
      { steps: [{ at: '1s' }] },
      { steps: [{ at: '1s', fault: 'crash', targets: 'creator', assert: 'settled' }] },
      { steps: [{ at: '1s', every: '5s', fault: 'crash', targets: 'creator' }] },
      { steps: [{ at: '1s', fault: 'crash', targets: 'creator', colour: 'red' }] },
      { assertions: ['all is well'] },
      { peers: 0 },
      { job: { witnesses: '7/3' } },
      { job: { engine: 'pathtracer' } },
      { jobs: [] },
      []
    ]
    for (const value of wrong) assert.match(refusal(() => parse(value)).message, /^scenario trial\.json, /)
    assert.match(refusal(() => parseScenario('{', 'trial.json')).message, /not JSON/)
  })

  it('are refused or understood, whatever they hold', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        try {
          parseScenario(text, 'any.json')
        } catch (error) {
          assert.ok(isRayswarmError(error), String(error))
        }
      })
    )
  })
})
