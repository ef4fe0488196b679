import assert from 'node:assert/strict'
import { gasFigures } from '../bench/gas.ts'

describe('gas', () => {
  it('stays below the goals of spec/escrow.md#gas and spec/registry.md#gas', async () => {
    const figures = await gasFigures()
    assert.equal(figures.length, 25)
    for (const { operation, gas, goal } of figures)
      assert.ok(gas <= goal, `${operation}: ${gas} above ${goal}`)
  })
})
