import assert from 'node:assert/strict'
import type { LedgerEntry, Signed } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import { canonical, encodeMessage, toHex } from '@rayswarm/wire'
import fc from 'fast-check'
import {
  authorMark,
  decodeItem,
  encodeFork,
  entryIdOf,
  forkIdOf,
  Ledger,
  placeOf,
  scores
} from '../src/index.ts'
import { contextOf, entryAfter, feed, NOW_MS, peerOf, verdict } from './fixtures.ts'

type Entry = Signed<LedgerEntry>

const claims = (count: number, node = 'node') => Array.from({ length: count }, (_, i) => verdict(node, i))
const newLedger = (name = 'reader') => new Ledger(contextOf(name))

function told(ledger: Ledger, entry: Entry): string {
  const admission = ledger.add(entry)
  return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
}

/** A ledger that keeps track of the ids of its items, as a peer does. */
function observed(name = 'reader'): { ledger: Ledger; ids: Set<string> } {
  const ids = new Set<string>()
  const ledger = new Ledger(contextOf(name), {
    kept: (entry, hash) => {
      const id = toHex(entryIdOf(entry, hash))
      assert.ok(!ids.has(id))
      ids.add(id)
    },
    dropped: (entry, hash) => assert.ok(ids.delete(toHex(entryIdOf(entry, hash)))),
    frozen: (proof, before) => {
      if (before !== undefined) assert.ok(ids.delete(toHex(forkIdOf(before))))
      ids.add(toHex(forkIdOf(proof)))
    }
  })
  return { ledger, ids }
}

/** Every item, by id, in the order of ids. */
function itemsOf(ledger: Ledger): Map<string, Uint8Array> {
  const items = [
    ...[...ledger.entries()].map(entry => [toHex(entryIdOf(entry)), encodeMessage(entry)] as const),
    ...ledger.proofs().map(proof => [toHex(forkIdOf(proof)), encodeFork(proof)] as const)
  ]
  return new Map(items.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** One exchange as peers do it: what the other lacks, in the order of ids, both ways. Items go through the wire format. */
function exchange(a: Ledger, b: Ledger): number {
  let addedCount = 0
  const [ofA, ofB] = [itemsOf(a), itemsOf(b)]
  for (const [taker, theirs, items] of [
    [a, ofA, ofB],
    [b, ofB, ofA]
  ] as const)
    for (const [id, bytes] of items) {
      if (theirs.has(id)) continue
      const item = decodeItem(bytes, contextOf('x'))
      assert.ok(item.ok)
      for (const entry of item.value) if (taker.add(entry).action === 'accept') addedCount++
    }
  return addedCount
}

const state = (ledger: Ledger) => ({
  size: ledger.size,
  entries: [...ledger.entries()],
  frozen: ledger.proofs().map(({ author, sequence }) => `${author} ${sequence}`),
  scores: scores(ledger.entries(), NOW_MS)
})

describe('Ledger', () => {
  it('chains what we append, and others can follow', () => {
    const ours = newLedger('alice')
    const appended = claims(3).map(claim => ours.append(claim, NOW_MS))
    assert.deepEqual(appended, feed('alice', claims(3)))

    const theirs = newLedger()
    assert.deepEqual(
      appended.map(entry => told(theirs, entry)),
      ['accept', 'accept', 'accept']
    )
    assert.deepEqual(theirs.at(peerOf('alice'), 3), appended[2])
    assert.equal(theirs.at(peerOf('alice'), 4), undefined)
    assert.deepEqual(state(theirs), state(ours))
  })

  it('ignores what it has, and what it cannot place yet', () => {
    const [first, second, third] = feed('alice', claims(3)) as [Entry, Entry, Entry]
    const ledger = newLedger()
    assert.equal(told(ledger, second), 'ignore gap')
    assert.equal(told(ledger, first), 'accept')
    assert.equal(told(ledger, first), 'ignore duplicate')
    assert.equal(told(ledger, third), 'ignore gap')
    assert.equal(ledger.size, 1)
  })

  it('rejects what its author did not sign', () => {
    const [first, second] = feed('alice', claims(2)) as [Entry, Entry]
    const ledger = newLedger()
    assert.equal(told(ledger, { ...first, signer: peerOf('bob') }), 'reject wrong-signer')
    assert.equal(told(ledger, { ...first, body: { ...first.body, atMs: 1 } }), 'reject bad-signature')
    assert.equal(told(ledger, { ...first, type: 'bid' }), 'reject malformed')
    assert.equal(
      told(ledger, entryAfter('alice', undefined, verdict('node'), { sequence: 2 })),
      'reject malformed'
    )
    assert.equal(
      told(ledger, entryAfter('alice', second, verdict('node'), { sequence: 1 })),
      'reject malformed'
    )
    assert.equal(ledger.size, 0)
  })

  it('cannot be made to freeze an author by a forged entry', () => {
    const [first] = feed('alice', claims(1)) as [Entry]
    const ledger = newLedger()
    ledger.add(first)
    const forged = { ...first, body: { ...first.body, atMs: 1 } }
    assert.equal(told(ledger, forged), 'reject bad-signature')
    assert.equal(ledger.isFrozen(peerOf('alice')), false)
  })

  it('freezes an author from the point where it forked, and keeps the proof', () => {
    const common = feed('alice', claims(2))
    const left = feed('alice', claims(3, 'left'), common[1])
    const right = feed('alice', claims(1, 'right'), common[1])
    const ledger = newLedger()
    for (const entry of [...common, ...left]) ledger.add(entry)

    assert.equal(told(ledger, right[0]!), 'accept')
    assert.equal(ledger.isFrozen(peerOf('alice')), true)
    assert.deepEqual([...ledger.entries()], common)
    assert.deepEqual(ledger.proofs(), [
      { author: peerOf('alice'), sequence: 3, entries: [left[0], right[0]] }
    ])
    assert.equal(told(ledger, left[0]!), 'ignore frozen')
    assert.equal(told(ledger, left[2]!), 'ignore frozen')
  })

  it('sees a fork in an entry that names another predecessor', () => {
    const common = feed('alice', claims(1))
    const left = feed('alice', claims(1, 'left'), common[0])
    const right = feed('alice', claims(2, 'right'), common[0])
    const ledger = newLedger()
    for (const entry of [...common, ...left]) ledger.add(entry)
    assert.equal(told(ledger, right[1]!), 'accept')
    assert.deepEqual([...ledger.entries()], common)
  })

  it('moves the freezing point back when an earlier fork comes to light', () => {
    const common = feed('alice', claims(1))
    const left = feed('alice', claims(4, 'left'), common[0])
    const late = feed('alice', claims(1, 'late'), left[2])
    const early = feed('alice', claims(1, 'early'), common[0])
    const ledger = newLedger()
    for (const entry of [...common, ...left, ...late]) ledger.add(entry)
    assert.equal(ledger.size, 4)
    ledger.add(early[0]!)
    assert.deepEqual([...ledger.entries()], common)
    assert.equal(ledger.proofs()[0]?.sequence, 2)
  })

  it('goes on signing for us when our own feed is frozen, but does not count it', () => {
    const ledger = newLedger('alice')
    for (const entry of [...feed('alice', claims(1, 'left')), ...feed('alice', claims(1, 'right'))])
      ledger.add(entry)
    const entry = ledger.append(verdict('node'), NOW_MS)
    assert.equal(entry.signer, peerOf('alice'))
    assert.equal(ledger.size, 0)
  })
})

describe('Ledger exchange', () => {
  it('brings a peer everything it lacks, each entry after the one before it', () => {
    const full = newLedger('full')
    for (const author of ['alice', 'bob']) for (const entry of feed(author, claims(40))) full.add(entry)
    const half = newLedger('half')
    for (const entry of feed('bob', claims(17))) half.add(entry)
    assert.equal(exchange(half, full), 63)
    assert.deepEqual(state(half), state(full))
    assert.equal(exchange(half, full), 0)
  })

  it('brings the proof of a fork to whom it is news', () => {
    const trunk = feed('alice', claims(4))
    const branch = feed('alice', claims(1, 'branch'), trunk[1])
    const full = newLedger()
    for (const entry of [...trunk, ...branch]) full.add(entry)
    for (const known of [0, 1, 2, 3, 4]) {
      const ledger = newLedger()
      for (const entry of trunk.slice(0, known)) ledger.add(entry)
      exchange(ledger, full)
      assert.deepEqual(state(ledger), state(full), `${known} entries known`)
    }
  })

  it('ends although two peers prove one fork by different entries', () => {
    const common = feed('alice', claims(1))
    const [first, second, third] = ['a', 'b', 'c'].map(name => feed('alice', claims(2, name), common[0]))
    const left = newLedger()
    const right = newLedger()
    for (const entry of [...common, ...first!, ...second!]) left.add(entry)
    for (const entry of [...common, ...third!, second![1]!]) right.add(entry)
    assert.notDeepEqual(left.proofs(), right.proofs())
    assert.deepEqual([...itemsOf(left).keys()], [...itemsOf(right).keys()])
  })

  it('spreads the proof of a fork that feeds of equal length hide', () => {
    const common = feed('alice', claims(1))
    const left = newLedger('left')
    const right = newLedger('right')
    for (const entry of [...common, ...feed('alice', claims(2, 'left'), common[0])]) left.add(entry)
    for (const entry of [...common, ...feed('alice', claims(2, 'right'), common[0])]) right.add(entry)
    exchange(left, right)
    exchange(left, right)
    assert.deepEqual([...left.entries()], common)
    assert.deepEqual(state(left), state(right))
    assert.equal(exchange(left, right), 0)
  })

  it('ends with the same ledgers everywhere, whatever each saw first, forks included', function () {
    this.timeout(30_000)
    // Per author a tree of entries: forks at different depths, one inside another.
    const tree = (author: string): Entry[] => {
      const trunk = feed(author, claims(4))
      const branch = feed(author, claims(3, 'branch'), trunk[1])
      const twig = feed(author, claims(2, 'twig'), branch[1])
      return [...trunk, ...branch, ...twig]
    }
    const all = [...tree('alice'), ...feed('bob', claims(5)), ...tree('carol').slice(0, 6)]
    const order = fc.shuffledSubarray(all, { minLength: 0, maxLength: all.length })

    fc.assert(
      fc.property(order, order, order, (first, second, third) => {
        const ledgers = [first, second, third].map((entries, i) => {
          const ledger = newLedger(`reader ${i}`)
          for (const entry of [...entries, ...entries]) ledger.add(entry)
          return ledger
        })
        for (let round = 0; round < 10; round++)
          for (const asker of ledgers)
            for (const answerer of ledgers) if (asker !== answerer) exchange(asker, answerer)
        const [a, b, c] = ledgers.map(state)
        assert.deepEqual(b, a)
        assert.deepEqual(c, a)
        assert.equal(exchange(ledgers[0]!, ledgers[1]!), 0)
      }),
      { numRuns: 25 }
    )
  })

  it('tells its observer what its items are, whatever arrives', () => {
    const trunk = feed('alice', claims(5))
    const branch = feed('alice', claims(3, 'branch'), trunk[2])
    const twig = feed('alice', claims(2, 'twig'), trunk[0])
    const all = [...trunk, ...branch, ...twig, ...feed('bob', claims(3))]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { maxLength: 60 }), entries => {
        const { ledger, ids } = observed()
        for (let round = 0; round < trunk.length; round++)
          for (const entry of entries) {
            ledger.add(entry)
            assert.equal(ids.size, ledger.size + ledger.proofs().length)
          }
        assert.deepEqual([...ids].sort(), [...itemsOf(ledger).keys()])
      }),
      { numRuns: 50 }
    )
  })

  it('freezes at the first fork, in whatever order all entries arrive', () => {
    const trunk = feed('alice', claims(4))
    const branch = feed('alice', claims(3, 'branch'), trunk[1])
    const all = [...trunk, ...branch]
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }), entries => {
        const ledger = newLedger()
        // Anti-entropy brings again what could not be placed.
        for (let round = 0; round < all.length; round++) for (const entry of entries) ledger.add(entry)
        assert.deepEqual([...ledger.entries()], trunk.slice(0, 2))
        assert.equal(ledger.proofs()[0]?.sequence, 3)
      }),
      { numRuns: 25 }
    )
  })
})

describe('an item of the ledger', () => {
  const [first, second] = feed('alice', claims(2)) as [Entry, Entry]
  const other = entryAfter('alice', undefined, verdict('other'))

  it('is an entry, or the two that prove a fork', () => {
    const context = contextOf('x')
    assert.deepEqual(decodeItem(encodeMessage(first), context), { ok: true, value: [first] })
    const fork = { author: peerOf('alice'), sequence: 1, entries: [first, other] as [Entry, Entry] }
    assert.deepEqual(decodeItem(encodeFork(fork), context), { ok: true, value: [first, other] })
  })

  it('has an id that says where it belongs', () => {
    const [a, b] = [entryIdOf(first), entryIdOf(second)]
    assert.ok(toHex(a) < toHex(b))
    assert.deepEqual(placeOf(b), { author: authorMark(peerOf('alice')), sequence: 2 })
    assert.notDeepEqual(a, entryIdOf(other))
  })

  it('is judged and never throws, whatever the bytes', () => {
    const context = contextOf('x')
    const fork = { author: peerOf('alice'), sequence: 1, entries: [first, other] as [Entry, Entry] }
    for (const sound of [encodeMessage(first), encodeFork(fork)]) {
      assert.ok(!decodeItem(sound.subarray(1), context).ok)
      assert.ok(!decodeItem(Uint8Array.from([...sound, 0]), context).ok)
      for (let at = 0; at < sound.length; at++) {
        const changed = sound.slice()
        changed[at] = changed[at]! ^ 1
        assert.ok(!decodeItem(changed, context).ok, `byte ${at}`)
      }
    }
    assert.ok(!decodeItem(new Uint8Array(0), context).ok)
    assert.ok(!decodeItem(canonical([new Uint8Array(1), 'b']), context).ok)
    const oversized = decodeItem(new Uint8Array(2 * MESSAGE_SIZE_BYTES_MAX.entry + 8), context)
    assert.equal(!oversized.ok && oversized.fault, 'oversized')
  })
})
