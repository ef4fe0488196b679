// Writes spec/vectors/reputation.json. Run it by hand after a deliberate change of the rules, and read the difference:
// node packages/reputation/dist/test/make-vectors.js
import { writeFileSync } from 'node:fs'
import type { LedgerEntry, Signed } from '@rayswarm/interface'
import { hashOf } from '../src/feed.ts'
import { Ledger, scores } from '../src/index.ts'
import { contextOf, DAY_MS, entryAfter, feed, NOW_MS, peerOf, timeout, verdict } from './fixtures.ts'
import { itemIdsOf, printVectors, VECTORS_FILE } from './vectors.ts'

type Entries = readonly Signed<LedgerEntry>[]
const reader = contextOf('reader')
const claims = (count: number, node = 'node') => Array.from({ length: count }, (_, i) => verdict(node, i))

const addCase = (name: string, entries: Entries) => {
  const ledger = new Ledger(reader)
  const admissions = entries.map(entry => {
    const admission = ledger.add(entry)
    return admission.action === 'accept' ? 'accept' : `${admission.action} ${admission.fault}`
  })
  return { name, entries, admissions, items: itemIdsOf(ledger) }
}
const scoresCase = (name: string, entries: Entries, nowMs = NOW_MS) => ({
  ...{ name, entries, nowMs },
  scores: scores(entries, nowMs)
})

const trunk = feed('alice', claims(3))
const branch = feed('alice', claims(2, 'other'), trunk[0])

writeFileSync(
  VECTORS_FILE,
  printVectors({
    setting: { chainId: reader.chainId, netId: reader.netId },
    hash: trunk
      .slice(0, 2)
      .map((entry, i) => ({ name: `hash of entry ${i + 1}`, entry, hash: hashOf(entry) })),
    add: [
      addCase('a feed in order', trunk),
      addCase('a gap waits for anti-entropy', [trunk[1]!, trunk[0]!, trunk[1]!]),
      addCase('a fork voids what comes from it on', [...trunk, branch[0]!, branch[1]!, trunk[2]!]),
      addCase('an entry with another predecessor proves one too', [...trunk.slice(0, 2), branch[1]!]),
      addCase('nobody signs for another', [{ ...trunk[0]!, signer: peerOf('bob') }]),
      addCase('a first entry has no predecessor', [
        entryAfter('alice', trunk[0], verdict('node'), { sequence: 1 })
      ])
    ],
    scores: [
      scoresCase('four accepted replicas of one judge count as two', feed('alice', claims(4))),
      scoresCase(
        'of four judges as four',
        ['a', 'b', 'c', 'd'].flatMap(judge => feed(judge, claims(1)))
      ),
      scoresCase(
        'a rejected one weighs twenty',
        feed('alice', [verdict('node', 0, { verdict: 'rejected' })])
      ),
      scoresCase('a withheld one weighs three', feed('alice', [timeout('node')])),
      scoresCase('an undecided one nothing', feed('alice', [verdict('node', 0, { verdict: 'undecided' })])),
      scoresCase('a small price counts for little', feed('alice', [verdict('node', 0, { weight: 64 })])),
      scoresCase('thirty days later', feed('alice', claims(4)), NOW_MS + 30 * DAY_MS),
      scoresCase(
        'of two verdicts on one replica the first counts',
        feed('alice', [verdict('node', 0), verdict('node', 0, { verdict: 'rejected' })])
      ),
      scoresCase('nobody judges itself', feed('node', claims(2)))
    ]
  })
)
