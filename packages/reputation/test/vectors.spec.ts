import assert from 'node:assert/strict'
import { hashOf } from '../src/feed.ts'
import { Ledger, scores } from '../src/index.ts'
import { contextOf } from './fixtures.ts'
import { itemIdsOf, readVectors } from './vectors.ts'

const { setting, hash, add, scores: scored, ...unclaimed } = readVectors()

function ledger(): Ledger {
  // Any identity can check signatures.
  return new Ledger({ identity: contextOf('anybody').identity, ...setting })
}

describe('spec/vectors/reputation.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of hash) it(v.name, () => assert.deepEqual(hashOf(v.entry), v.hash))
  for (const v of add)
    it(v.name, () => {
      const reader = ledger()
      const admissions = v.entries.map(entry => {
        const admission = reader.add(entry)
        return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
      })
      assert.deepEqual(admissions, v.admissions)
      assert.deepEqual(itemIdsOf(reader), v.items)
    })
  for (const v of scored) it(v.name, () => assert.deepEqual(scores(v.entries, v.nowMs), v.scores))
})
