import assert from 'node:assert/strict'
import { printFinding } from './checker.ts'
import { RULES } from './events.ts'
import { CHECKS, MUTANTS, TURNS } from './mutants.ts'

describe('mutated witness rules', function () {
  this.timeout(60_000)

  // The states of these worlds are visited in checker.spec.ts.
  it(`${TURNS}: nothing to find in the rules as they are`, () => {
    const found = CHECKS[TURNS](RULES)
    assert.equal(found, undefined, found && printFinding(found))
  })

  for (const [name, { rules, caughtBy, invariant }] of Object.entries(MUTANTS))
    it(`${caughtBy}: catch a witness that ${name}`, () => {
      const found = CHECKS[caughtBy]({ ...RULES, ...rules })
      assert.equal(found?.invariant, invariant, found ? printFinding(found) : 'the mutant survived')
    })
})
