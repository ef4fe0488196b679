import assert from 'node:assert/strict'
import { VACANT } from '../src/index.ts'
import { explore, printFinding } from './checker.ts'
import { RULES, type World } from './events.ts'
import { MAJORITY, OWNER } from './mutants.ts'

/** Of the largest set, as many states as fit in a fraction of a second, in the order of the steps they take. */
const STATES_MAX = 25_000

const world = (m: number, q: number, b: number, over: Partial<World> = {}): World => ({
  ...MAJORITY,
  m,
  q,
  b,
  ...over
})

describe('witness rules, every reachable state', function () {
  this.timeout(60_000)

  // 4/3/1 has as many honest witnesses as 5/4/2, of which as many are needed: its states are the same.
  for (const safe of [OWNER, MAJORITY, world(5, 4, 2), world(7, 5, 2, { fenceCount: 1 })]) {
    it(`keep every invariant with m ${safe.m}, q ${safe.q}, b ${safe.b}`, () => {
      const { broken, stateCount, complete } = explore(RULES, safe)
      assert.equal(broken, undefined, broken && printFinding(broken))
      assert.equal(complete, true)
      assert.ok(stateCount > 50, `only ${stateCount} states: the world does not move`)
    })
  }

  it('keep them with m 7, q 5, b 2 and two fences, as far as the bound goes', () => {
    const { broken, stateCount, complete } = explore(RULES, world(7, 5, 2), STATES_MAX)
    assert.equal(broken, undefined, broken && printFinding(broken))
    assert.deepEqual({ stateCount, complete }, { stateCount: STATES_MAX, complete: false })
  })

  for (const [m, q, b] of [
    [3, 2, 1],
    [2, 1, 0],
    [4, 2, 0],
    [4, 3, 2],
    [5, 3, 1],
    [7, 5, 3]
  ] as const) {
    it(`cannot keep them where 2q - m <= b: m ${m}, q ${q}, b ${b}`, () => {
      const small = world(m, q, b)
      assert.equal(explore(RULES, small).broken?.invariant, 'two lease certificates for one fence')

      const { broken } = explore(RULES, { ...small, leasesMayClash: true })
      assert.ok(broken)
      const lines = printFinding(broken).split('\n')
      assert.equal(lines.at(-1), '=> two commit certificates')
      assert.match(lines[0]!, /^1\. claim \w{4} fence 1 at witness \d$/)
      assert.match(
        lines.at(-2)!,
        /^\d+\. commit \w{4} fence \d value \d from \w{4}( after the lapse)? at witness \d$/
      )
    })
  }

  it('close a replica once even if leases clash, as long as 2q - m > b', () => {
    assert.equal(explore(RULES, world(4, 3, 1, { leasesMayClash: true })).broken, undefined)
  })

  for (const [m, q, b] of [
    [3, 2, 0],
    [4, 3, 1],
    [5, 4, 2]
  ] as const)
    it(`close a replica twice if witnesses lose their memory: m ${m}, q ${q}, b ${b}`, () => {
      const forgetful = { ...RULES, onRestart: () => VACANT }
      const { broken } = explore(
        forgetful,
        world(m, q, b, { fenceCount: 1, leasesMayClash: true, stepsMayBreak: true })
      )
      assert.equal(broken?.invariant, 'two commit certificates')
      assert.ok(broken.trace.some(step => step.startsWith('restart')))
    })
})
