import assert from 'node:assert/strict'
import {
  CALM_WORLD,
  NO_FAULTS,
  ROUGH_WORLD,
  runSeed,
  SCENARIOS,
  summarize,
  World,
  type WorldInit,
  type WorldOutcome
} from '@rayswarm/node/sim'

const HOUR_MS = 3_600_000
/** `RAYSWARM_SEEDS=17` or `RAYSWARM_SEEDS=1..5000` replays exactly those worlds. */
const [FIRST_SEED, LAST_SEED] = seedRange(process.env.RAYSWARM_SEEDS ?? '1..100')
/** World of every other scenario. */
const SCENARIO_SEED = 1
/** Must fail: more bought witnesses than its quorum bears. */
const BROKEN = 'captured-3'
const BROKEN_SEED_COUNT = 30

function seedRange(text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('..')
  return [Number(first), Number(last)]
}

function live(seed: number, init: Omit<WorldInit, 'seed'> = ROUGH_WORLD): Promise<WorldOutcome> {
  return new World({ ...init, seed }).run(HOUR_MS)
}

/** Everything that may happen by chance, in a world small enough to live twice a hundred times. */
const SMALL_STORM: Omit<WorldInit, 'seed'> = {
  ...ROUGH_WORLD,
  nodeCount: 6,
  liarCount: 1,
  adversaries: [{ kind: 'flood', count: 1 }],
  witness: { witnessCount: 3, quorum: 2 },
  job: { ...ROUGH_WORLD.job, frames: '1-2' },
  weather: { ...ROUGH_WORLD.weather, lateBps: 100, lateMsMax: 3_000 },
  faults: {
    ...NO_FAULTS,
    crashEveryMs: 20_000,
    downMsMax: 3_000,
    crashEveryWrites: 100,
    pauseEveryMs: 20_000,
    pauseMsMax: 2_000,
    driftBpsMax: 5_000,
    skewMsMax: 5_000,
    cutEveryMs: 1_000,
    cutMsMax: 2_000,
    partitionEveryMs: 20_000,
    partitionMsMax: 3_000,
    diskLatencyMsMax: 10,
    diskFullBps: 20
  }
}

describe('simulated worlds', () => {
  it('finish a job in fair weather, and catch every liar that executed', async () => {
    const outcome = await live(1, CALM_WORLD)
    assert.deepEqual(outcome.violations, [])
    assert.equal(outcome.crashCount, 0)
    const rejected = outcome.report!.executions.filter(e => e.verdict === 'rejected')
    assert.ok(rejected.length > 0, 'the liars were never given work')
  })

  it('go the same way for equal seeds, a hundred of a hundred, and another way for others', async function () {
    this.timeout(240_000)
    const hashes = new Map<string, number>()
    for (let seed = 1; seed <= 100; seed++) {
      const world = { ...SMALL_STORM, expect: 'safe' as const, seed }
      const [a, b] = [await new World(world).run(6_000), await new World(world).run(6_000)]
      assert.equal(a.traceHash, b.traceHash, `seed ${seed}`)
      assert.deepEqual(a, b)
      assert.equal(hashes.get(a.traceHash), undefined, `seeds ${hashes.get(a.traceHash)} and ${seed}`)
      hashes.set(a.traceHash, seed)
    }
  })

  it('go the same way when every peer decodes for itself', async function () {
    this.timeout(60_000)
    for (let seed = 1; seed <= 5; seed++) {
      const world = { ...SMALL_STORM, expect: 'safe' as const, seed }
      const [shared, alone] = [
        await new World(world).run(6_000),
        await new World({ ...world, sharesWork: false }).run(6_000)
      ]
      assert.deepEqual(shared, alone)
    }
  })

  it(`of 20 peers, 2 % loss, 1 % duplication and random crashes: seeds ${FIRST_SEED}..${LAST_SEED}`, async function () {
    this.timeout(240_000)
    const failed: string[] = []
    let crashCount = 0
    for (let seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
      const outcome = await live(seed)
      crashCount += outcome.crashCount
      if (outcome.violations.length > 0)
        failed.push(`seed ${seed} (replay: RAYSWARM_SEEDS=${seed}): ${outcome.violations.join('; ')}`)
    }
    assert.deepEqual(failed, [])
    assert.ok(crashCount > LAST_SEED - FIRST_SEED, 'too few crashes to mean anything')
  })
})

describe('scenarios', () => {
  for (const scenario of SCENARIOS.values()) {
    if (scenario.name === BROKEN) continue
    it(`${scenario.name}: ${scenario.about}`, async function () {
      this.timeout(120_000)
      const { violations } = await runSeed(scenario, SCENARIO_SEED)
      assert.deepEqual(
        violations,
        [],
        `rayswarm sim replay --scenario ${scenario.name} --seed ${SCENARIO_SEED}`
      )
    })
  }

  it(`${BROKEN}: is found, with the seed`, async function () {
    this.timeout(240_000)
    const told: string[] = []
    for (let seed = 1; seed <= BROKEN_SEED_COUNT && told.length === 0; seed++) {
      const { failures } = summarize([await runSeed(SCENARIOS.get(BROKEN)!, seed)])
      told.push(...failures.flatMap(({ violations }) => violations.map(text => `seed ${seed}: ${text}`)))
    }
    assert.ok(
      told.some(text => /two certificates|can have earned|paid twice/.test(text)),
      `found in ${BROKEN_SEED_COUNT} worlds: ${told.join('; ') || 'nothing'}`
    )
  })
})
