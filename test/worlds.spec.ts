import assert from 'node:assert/strict'
import { CALM_WORLD, ROUGH_WORLD, World, type WorldInit, type WorldOutcome } from '@rayswarm/node/sim'

const HOUR_MS = 3_600_000
/** `RAYSWARM_SEEDS=17` or `RAYSWARM_SEEDS=1..5000` replays exactly those worlds. */
const [FIRST_SEED, LAST_SEED] = seedRange(process.env.RAYSWARM_SEEDS ?? '1..200')

function seedRange(text: string): readonly [number, number] {
  const [first = '', last = first] = text.split('..')
  return [Number(first), Number(last)]
}

function live(seed: number, init: Omit<WorldInit, 'seed'> = ROUGH_WORLD): Promise<WorldOutcome> {
  return new World({ ...init, seed }).run(HOUR_MS)
}

describe('simulated worlds', () => {
  it('finish a job in fair weather, and catch every liar that executed', async () => {
    const outcome = await live(1, CALM_WORLD)
    assert.deepEqual(outcome.violations, [])
    assert.equal(outcome.crashCount, 0)
    const rejected = outcome.report!.executions.filter(e => e.verdict === 'rejected')
    assert.ok(rejected.length > 0, 'the liars were never given work')
  })

  it('are equal for equal seeds', async () => {
    const [a, b] = [await live(7), await live(7)]
    assert.deepEqual(a, b)
  })

  it('differ for different seeds', async () => {
    const [a, b] = [await live(7), await live(8)]
    assert.notEqual(a.messageCount, b.messageCount)
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
