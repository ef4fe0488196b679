import assert from 'node:assert/strict'
import { fromHex, toHex } from '@rayswarm/wire'
import { answer, type Finding, IdSet, open, proceed } from '../src/index.ts'
import { judgedValue, readVectors, setOf } from './vectors.ts'

const vectors = readVectors()
const { fingerprint, open: opened, answer: answered, proceed: proceeded, refused, ...unclaimed } = vectors

describe('spec/vectors/reconcile.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of fingerprint)
    it(`fingerprint: ${v.name}`, () => {
      const set = new IdSet(v.ids.map(fromHex))
      assert.equal(toHex(set.fingerprint(0, set.size)), v.fingerprint)
    })
  for (const v of opened)
    it(`open: ${v.name}`, () =>
      assert.equal(toHex(open(setOf(v.set), v.cut === undefined ? undefined : fromHex(v.cut))), v.frame))
  for (const v of answered)
    it(`answer: ${v.name}`, () => {
      assert.equal(toHex(judgedValue<Uint8Array>(answer(setOf(v.set), fromHex(v.frame)))), v.answer)
    })
  for (const v of proceeded)
    it(`proceed: ${v.name}`, () => {
      const { frame, have, want } = judgedValue<Finding>(proceed(setOf(v.set), fromHex(v.frame)))
      assert.deepEqual(
        { next: frame && toHex(frame), have: have.map(toHex), want: want.map(toHex) },
        { next: v.next, have: v.have, want: v.want }
      )
    })
  for (const v of refused)
    it(`refused: ${v.name}`, () => {
      for (const read of [answer, proceed]) {
        const judged = read(new IdSet(), fromHex(v.frame))
        assert.equal(judged.ok ? 'ok' : judged.fault, v.fault)
      }
    })
})
