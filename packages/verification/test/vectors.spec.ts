import assert from 'node:assert/strict'
import { digestOf, judge, mayOpen, sealOf } from '../src/index.ts'
import { rasterOf, readVectors } from './vectors.ts'

const { digest, seal, judge: judged, mayOpen: opened, ...unclaimed } = readVectors()

describe('spec/vectors/verification.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of digest)
    it(v.name, () => assert.deepEqual(digestOf({ rasters: v.rasters.map(rasterOf) }), v.digest))
  for (const v of seal) it(v.name, () => assert.deepEqual(sealOf(v.attestation), v.seal))
  for (const v of judged) it(v.name, () => assert.deepEqual(judge(v.policy, v.outcomes), v.judgement))
  for (const v of opened) it(v.name, () => assert.equal(mayOpen(v.policy, v.outcomes, v.replica), v.open))
})
