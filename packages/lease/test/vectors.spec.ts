import assert from 'node:assert/strict'
import { params } from '@rayswarm/params'
import {
  certKey,
  leaseTermMs,
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type WitnessRules
} from '../src/index.ts'
import { contextOf } from './fixtures.ts'
import { readVectors } from './vectors.ts'

const { setting, claim, renew, release, commit, cert, term, key, ...unclaimed } = readVectors()
const { chainId, netId, params: preset, witnesses, ...numbers } = setting
const rules: WitnessRules = {
  ...numbers,
  params: params[preset],
  priceCap: () => 5n,
  witnesses,
  self: witnesses.members[0]!,
  // Any identity can check signatures.
  context: { identity: contextOf('anybody').identity, chainId, netId }
}

describe('spec/vectors/lease.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of claim)
    it(v.name, () => assert.deepEqual(onClaim(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of renew)
    it(v.name, () => assert.deepEqual(onRenew(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of release)
    it(v.name, () => assert.deepEqual(onRelease(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of commit)
    it(v.name, () => assert.deepEqual(onCommit(v.state, v.request, v.from, v.nowMs, rules), v.step))
  for (const v of cert) it(v.name, () => assert.deepEqual(onCert(v.state, v.request, rules), v.step))
  for (const v of term) it(v.name, () => assert.equal(leaseTermMs(v.etaMs, params.testnet), v.termMs))
  for (const v of key) it(v.name, () => assert.equal(certKey(v.kind, v.replica), v.key))
})
