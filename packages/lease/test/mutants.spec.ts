import assert from 'node:assert/strict'
import { printFinding } from './checker.ts'
import { RULES } from './events.ts'
import { CHECKS, MUTANTS } from './mutants.ts'

describe('mutated witness rules', function () {
  this.timeout(60_000)

  for (const [name, check] of Object.entries(CHECKS))
    it(`${name}: nothing to find in the rules as they are`, () => {
      const found = check(RULES)
      assert.equal(found, undefined, found && printFinding(found))
    })

  for (const [name, { rules, caughtBy, invariant }] of Object.entries(MUTANTS))
    it(`${caughtBy}: catch a witness that ${name}`, () => {
      const found = CHECKS[caughtBy]({ ...RULES, ...rules })
      assert.equal(found?.invariant, invariant, found ? printFinding(found) : 'the mutant survived')
    })
})
