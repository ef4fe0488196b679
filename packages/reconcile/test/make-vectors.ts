// Writes spec/vectors/reconcile.json. Run it by hand after a deliberate change of the rules, and read the difference:
// node packages/reconcile/dist/test/make-vectors.js
import { writeFileSync } from 'node:fs'
import { canonical, fromHex, toHex } from '@rayswarm/wire'
import { answer, type Finding, IdSet, open, proceed } from '../src/index.ts'
import { idOf } from './exchanges.ts'
import { judgedValue, type ReconcileVectors, type SetCase, setOf, VECTORS_FILE } from './vectors.ts'

const CUT = '0x9d31'
const one = new Uint8Array(32)
one[31] = 1
const fingerprint = new Uint8Array(16).fill(9)
const none = new Uint8Array(0)

const fingerprintCase = (name: string, ids: Uint8Array[]) => ({
  name,
  ids: ids.map(toHex),
  fingerprint: toHex(new IdSet(ids).fingerprint(0, ids.length))
})

const openCase = (name: string, set: SetCase, cut?: `0x${string}`) => ({
  ...{ name, set, ...(cut && { cut }) },
  frame: toHex(open(setOf(set), cut === undefined ? undefined : fromHex(cut)))
})

const answerCase = (name: string, set: SetCase, frame: Uint8Array) => ({
  ...{ name, set, frame: toHex(frame) },
  answer: toHex(judgedValue<Uint8Array>(answer(setOf(set), frame)))
})

const proceedCase = (name: string, set: SetCase, frame: Uint8Array) => {
  const { frame: next, have, want } = judgedValue<Finding>(proceed(setOf(set), frame))
  return {
    ...{ name, set, frame: toHex(frame), ...(next && { next: toHex(next) }) },
    have: have.map(toHex),
    want: want.map(toHex)
  }
}

const answerOf = (ours: SetCase, theirs: SetCase, cut = fromHex(CUT)): Uint8Array =>
  judgedValue<Uint8Array>(answer(setOf(theirs), open(setOf(ours), cut)))

const small = { from: 0, to: 6 }
const other = { from: 2, to: 8 }
const large = { from: 0, to: 40 }
const listed = canonical([Buffer.concat([...new IdSet([idOf(1), idOf(2), idOf(9)])])])

const vectors: ReconcileVectors = {
  fingerprint: [
    fingerprintCase('of no ids', []),
    fingerprintCase('of the id zero', [new Uint8Array(32)]),
    fingerprintCase('of a sum beyond 2^256', [one, new Uint8Array(32).fill(0xff)]),
    fingerprintCase('of three ids', [idOf(0), idOf(1), idOf(2)])
  ],
  open: [
    openCase('no ids', { from: 0, to: 0 }),
    openCase('no ids, in two parts', { from: 0, to: 0 }, CUT),
    openCase('six ids, in two parts', small, CUT),
    openCase('zeros at the end of the cut are no part of it', small, '0x9d00')
  ],
  answer: [
    answerCase('the same set', small, open(setOf(small), fromHex(CUT))),
    answerCase('few ids are listed', other, open(setOf(small), fromHex(CUT))),
    answerCase('many ids are split', large, open(setOf(small), fromHex(CUT))),
    answerCase('no ids are listed as none', { from: 0, to: 0 }, open(setOf(small))),
    answerCase('listed ids are answered by the difference', small, listed),
    answerCase('what is settled stays so', small, canonical([]))
  ],
  proceed: [
    proceedCase('nothing left', small, canonical([])),
    proceedCase('listed ids settle their range', small, answerOf(small, other)),
    proceedCase('fingerprints are answered', small, answerOf(small, large)),
    proceedCase('a difference settles its range', small, canonical([[idOf(3), idOf(7)]])),
    proceedCase('a difference is checked against our set', small, canonical([[idOf(7), idOf(3)]]))
  ],
  refused: [
    { name: 'no list', frame: toHex(canonical({})), fault: 'malformed' },
    { name: 'cut short', frame: '0x8350', fault: 'malformed' },
    { name: 'one settled range', frame: toHex(canonical([null])), fault: 'malformed' },
    {
      name: 'settled ranges in a row',
      frame: toHex(canonical([fingerprint, one.slice(31), null, Uint8Array.of(2), null])),
      fault: 'malformed'
    },
    {
      name: 'bounds out of order',
      frame: toHex(canonical([fingerprint, Uint8Array.of(2), fingerprint, Uint8Array.of(1), fingerprint])),
      fault: 'malformed'
    },
    {
      name: 'a bound with a zero at its end',
      frame: toHex(canonical([fingerprint, Uint8Array.of(2, 0), fingerprint])),
      fault: 'malformed'
    },
    {
      name: 'ids out of order',
      frame: toHex(canonical([Buffer.concat([...new IdSet([idOf(1), idOf(2)])].reverse())])),
      fault: 'malformed'
    },
    {
      name: 'an id outside its range',
      frame: toHex(canonical([idOf(1), Uint8Array.of(1), null])),
      fault: 'malformed'
    },
    { name: 'an empty difference', frame: toHex(canonical([[none, none]])), fault: 'malformed' }
  ]
}

writeFileSync(VECTORS_FILE, `${JSON.stringify(vectors, undefined, 2)}\n`)
