import assert from 'node:assert/strict'
import type { Subtask } from '@rayswarm/interface'
import { eligible, escrowIdOf, match, priceOf, quote } from '../src/index.ts'
import { readVectors } from './vectors.ts'

const { price, quote: quotes, escrowId, eligible: judged, match: matched, ...unclaimed } = readVectors()

describe('spec/vectors/market.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of price) it(v.name, () => assert.equal(priceOf(v.workUnits, v.pricePerMegaUnit), v.price))
  for (const v of quotes)
    it(v.name, () => {
      const subtasks = v.workUnits.map(workUnits => ({ workUnits }) as Subtask)
      assert.equal(quote(v.spec, subtasks).budget, v.budget)
    })
  for (const v of escrowId) it(v.name, () => assert.equal(escrowIdOf(v.creator, v.jobHash, v.salt), v.id))
  for (const v of judged)
    it(v.name, () => {
      const answer = eligible(v.offer, v.facts, v.world)
      assert.equal(answer.eligible ? null : answer.reason, v.reason)
    })
  for (const v of matched)
    it(v.name, () => {
      const { grants, reasons } = match(v.spec, v.open, v.bids)
      assert.deepEqual(grants, v.grants)
      assert.deepEqual([...reasons].sort(), v.reasons)
    })
})
