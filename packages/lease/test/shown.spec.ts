import assert from 'node:assert/strict'
import { onClaim, onCommit, VACANT, type WitnessRules } from '../src/index.ts'
import { alice, claim, commit, rules, seal } from './fixtures.ts'

const ALICE = alice.identity.peerId
const SHOWN: WitnessRules = { ...rules(), isShown: () => true }

describe('onCommit, once results of the subtask were shown', () => {
  const { state: held } = onClaim(VACANT, claim(alice), ALICE, 0, rules())

  it('votes for nothing that comes now', () => {
    const { reply, changed } = onCommit(held, commit(alice), ALICE, 1, SHOWN)
    assert.deepEqual(reply, { granted: false, refusal: { reason: 'not-open', fence: 1 } })
    assert.equal(changed, false)
  })

  it('votes again for what stands in the register', () => {
    const { state } = onCommit(held, commit(alice), ALICE, 1, { ...rules(), isShown: () => false })
    const { reply } = onCommit(state, commit(alice), ALICE, 2, SHOWN)
    assert.ok(reply.granted)
    assert.deepEqual(reply.value.seal, seal())
  })
})
