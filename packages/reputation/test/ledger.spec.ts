import assert from 'node:assert/strict'
import type { LedgerEntry, Signed } from '@rayswarm/interface'
import { LEDGER_PAGE_COUNT_MAX } from '@rayswarm/params'
import { decodeMessage, encodeMessage, message } from '@rayswarm/wire'
import fc from 'fast-check'
import { Ledger, scores } from '../src/index.ts'
import { contextOf, entryAfter, feed, NOW_MS, peerOf, verdict } from './fixtures.ts'

type Entry = Signed<LedgerEntry>

const claims = (count: number, node = 'node') => Array.from({ length: count }, (_, i) => verdict(node, i))
const newLedger = (name = 'reader') => new Ledger(contextOf(name))

function told(ledger: Ledger, entry: Entry): string {
  const admission = ledger.add(entry)
  return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
}

/** One exchange as peers do it: ask, add, until nothing new comes. Messages go through the wire format. */
function exchange(asker: Ledger, answerer: Ledger): number {
  let addedCount = 0
  for (let page = 0; page < 1_000; page++) {
    const heads = decodeMessage(
      encodeMessage(message('ledger-heads', asker.heads())),
      ['ledger-heads'],
      contextOf('x')
    )
    assert.ok(heads.ok)
    const answer = encodeMessage(message('ledger-page', answerer.since(heads.value.body)))
    const decoded = decodeMessage(answer, ['ledger-page'], contextOf('x'))
    assert.ok(decoded.ok)
    const { entries, complete } = decoded.value.body
    const fresh = entries.filter(entry => asker.add(entry).action === 'accept').length
    addedCount += fresh
    if (complete || fresh === 0) return addedCount
  }
  assert.fail('the exchange does not end')
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
    assert.deepEqual(theirs.heads(), { heads: [{ author: peerOf('alice'), sequence: 3 }] })
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
  it('brings a peer everything it lacks, page by page', () => {
    const full = newLedger('full')
    for (const author of ['alice', 'bob']) for (const entry of feed(author, claims(40))) full.add(entry)
    const page = full.since({ heads: [] })
    assert.equal(page.entries.length, LEDGER_PAGE_COUNT_MAX)
    assert.equal(page.complete, false)

    const empty = newLedger('empty')
    assert.equal(exchange(empty, full), 80)
    assert.deepEqual(state(empty), state(full))
    assert.equal(exchange(empty, full), 0)
    assert.equal(exchange(full, empty), 0)
  })

  it('sends nobody more than a spot check when nothing is missing', () => {
    const ledger = newLedger()
    for (let i = 0; i < 20; i++) for (const entry of feed(`author ${i}`, claims(2))) ledger.add(entry)
    assert.equal(ledger.since(ledger.heads()).entries.length, 2)
  })

  it('sends the proof of a fork to whom it is news, and to nobody else', () => {
    const trunk = feed('alice', claims(4))
    const branch = feed('alice', claims(1, 'branch'), trunk[1])
    const ledger = newLedger()
    for (const entry of [...trunk, ...branch]) ledger.add(entry)
    for (let i = 0; i < 5; i++) ledger.add(entryAfter(`author ${i}`, undefined))

    const heads = (sequence: number, times: number) => ({
      heads: [
        ...ledger.heads().heads.filter(head => head.author !== peerOf('alice')),
        ...Array.from({ length: times }, () => ({ author: peerOf('alice'), sequence }))
      ]
    })
    const proof = [trunk[2], branch[0]]
    const sent = (sequence: number, times: number) =>
      // Beside what is missing, each page samples other authors in turn.
      Array.from({ length: 6 }, () => ledger.since(heads(sequence, times)).entries).filter(entries =>
        proof.every(entry => entries.includes(entry!))
      ).length
    assert.equal(sent(4, 1), 6, 'not frozen there')
    assert.equal(sent(3, 2), 6, 'frozen later there')
    assert.equal(sent(2, 2), 2, 'only as a sample')
    assert.equal(sent(1, 2), 2, 'frozen earlier there')
  })

  it('spreads the proof of a fork that equal heads hide', () => {
    const common = feed('alice', claims(1))
    const left = newLedger('left')
    const right = newLedger('right')
    for (const entry of [...common, ...feed('alice', claims(2, 'left'), common[0])]) left.add(entry)
    for (const entry of [...common, ...feed('alice', claims(2, 'right'), common[0])]) right.add(entry)
    assert.deepEqual(left.heads(), right.heads())

    for (let round = 0; round < 4; round++) {
      exchange(left, right)
      exchange(right, left)
    }
    assert.deepEqual([...left.entries()], common)
    assert.deepEqual(state(left), state(right))
  })

  it('lists as many authors as a message holds, and all of them in turn', function () {
    this.timeout(30_000)
    const full = newLedger('full')
    for (let i = 0; i < 730; i++) full.add(entryAfter(`author ${i}`, undefined))
    const half = newLedger('half')
    for (let i = 0; i < 715; i++) half.add(entryAfter(`author ${i}`, undefined))
    const [first, second] = [half.heads().heads, half.heads().heads]
    assert.equal(first.length, 700)
    assert.deepEqual(second[0], first.at(-1))

    for (let round = 0; round < 6 && half.size < full.size; round++) exchange(half, full)
    assert.deepEqual(state(half), state(full))
    assert.equal(exchange(half, full), 0)
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
      }),
      { numRuns: 25 }
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
