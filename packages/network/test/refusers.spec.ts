import assert from 'node:assert/strict'
import { Refusers } from '../src/refusers.ts'

describe('Refusers', () => {
  it('leaves a peer alone for twice as long each time, up to 4 s', () => {
    const refusers = new Refusers()
    let nowMs = 1_000
    for (const waitMs of [500, 1_000, 2_000, 4_000, 4_000]) {
      refusers.add('peer', nowMs)
      assert.ok(refusers.has('peer', nowMs + waitMs - 1))
      nowMs += waitMs
      assert.ok(!refusers.has('peer', nowMs))
    }
  })

  it('begins anew with one that was connected to', () => {
    const refusers = new Refusers()
    refusers.add('peer', 0)
    refusers.add('peer', 500)
    refusers.delete('peer')
    assert.ok(!refusers.has('peer', 501))
    refusers.add('peer', 600)
    assert.ok(!refusers.has('peer', 1_100))
  })

  it('remembers a bounded number of peers, the last ones', () => {
    const refusers = new Refusers()
    for (let i = 0; i <= 1_000; i++) refusers.add(`peer ${i}`, 0)
    assert.ok(!refusers.has('peer 0', 1))
    assert.ok(refusers.has('peer 1', 1))
  })
})
