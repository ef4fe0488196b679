import assert from 'node:assert/strict'
import type { LedgerEntry, ReplicaVerdict, Score, Signed } from '@rayswarm/interface'
import fc from 'fast-check'
import { NEWCOMER_SCORE_BPS, scoreOf, scores } from '../src/index.ts'
import {
  CLASS,
  DAY_MS,
  entryAfter,
  feed,
  NOW_MS,
  peerOf,
  replicaVerdict,
  timeout,
  verdict
} from './fixtures.ts'

const NODE = peerOf('node')

function scoreBps(entries: readonly Signed<LedgerEntry>[], nowMs = NOW_MS): number {
  return scoreOf(scores(entries, nowMs), NODE)
}

/** `count` verdicts on the node by one judge. */
function said(judge: string, count: number, over: Partial<ReplicaVerdict> = {}): Signed<LedgerEntry>[] {
  return feed(
    judge,
    Array.from({ length: count }, (_, i) => verdict('node', i, over))
  )
}

const timeouts = (judge: string, count: number) =>
  feed(
    judge,
    Array.from({ length: count }, (_, i) => timeout('node', i))
  )

describe('scores', () => {
  it('start a newcomer at one eleventh', () => {
    assert.equal(NEWCOMER_SCORE_BPS, 909)
    assert.equal(scoreBps([]), 909)
  })

  it('count what others said, per class', () => {
    const other = said('bob', 1, { equivalenceClass: 'blender/4', verdict: 'rejected' })
    assert.deepEqual(scores([...said('alice', 4), ...other], NOW_MS), [
      {
        node: NODE,
        equivalenceClass: 'blender/4',
        scoreBps: Math.floor(10_000 / 31),
        acceptedCount: 0,
        rejectedCount: 1,
        timeoutCount: 0
      },
      {
        node: NODE,
        equivalenceClass: CLASS,
        // The square root of four replicas of one judge, and one for starters.
        scoreBps: Math.floor((10_000 * 3) / 13),
        acceptedCount: 4,
        rejectedCount: 0,
        timeoutCount: 0
      }
    ] satisfies Score[])
  })

  it('grow with the square root per judge, so that many judges say more than one', () => {
    const one = scoreBps(said('alice', 16))
    const four = scoreBps(['a', 'b', 'c', 'd'].flatMap(judge => said(judge, 4)))
    assert.equal(one, Math.floor((10_000 * 5) / 15))
    assert.equal(four, Math.floor((10_000 * 9) / 19))
  })

  it('never gain more than was paid for: a small weight does not grow', () => {
    const small = scoreBps(said('alice', 1, { weight: 64 }))
    assert.equal(small, Math.floor((10_000 * (1_024 + 64)) / (11 * 1_024 + 64)))
  })

  it('lose twenty times as much by a rejection, three times by a timeout', () => {
    assert.equal(scoreBps(said('alice', 1, { verdict: 'rejected' })), Math.floor(10_000 / 31))
    assert.equal(scoreBps(timeouts('alice', 1)), Math.floor(10_000 / 14))
  })

  it('do not move for undecided results that were shown', () => {
    const shown = said('alice', 3, { verdict: 'undecided' })
    assert.deepEqual(scores(shown, NOW_MS), [])
  })

  it('ignore what a node says of itself', () => {
    assert.deepEqual(scores(said('node', 5), NOW_MS), [])
  })

  it('count one verdict per judge and replica: the first in its feed', () => {
    const entries = feed('alice', [verdict('node', 0), verdict('node', 0, { verdict: 'rejected' })])
    assert.equal(scoreBps(entries), Math.floor((10_000 * 2) / 12))
    assert.equal(scoreBps([...entries].reverse()), scoreBps(entries))
  })

  it('keep receipts out of it', () => {
    const hex = `0x${'0'.repeat(64)}`
    const receipt = { kind: 'job-receipt', job: replicaVerdict('node').replica.job, paid: 1n } as const
    const entry = entryAfter('alice', undefined, { ...receipt, escrow: hex, receiptsRoot: hex, txHash: hex })
    assert.deepEqual(scores([entry], NOW_MS), [])
  })

  it('fade by a fiftieth a day, the good and the bad', () => {
    const good = said('alice', 1)
    assert.equal(scoreBps(good, NOW_MS + DAY_MS - 1), scoreBps(good))
    const ofWeight = (weight: number) => Math.floor((10_000 * (1 + weight)) / (11 + weight))
    assert.equal(scoreBps(good, NOW_MS + DAY_MS), ofWeight(0.98))
    assert.equal(scoreBps(good, NOW_MS + 34 * DAY_MS), ofWeight(0.98 ** 34))
    assert.equal(scoreBps(good, NOW_MS + 10_000 * DAY_MS), 909)
    assert.equal(scoreBps(said('alice', 1, { verdict: 'rejected' }), NOW_MS + 10_000 * DAY_MS), 909)
  })

  it('fade exactly, also over a year', () => {
    const many = Array.from({ length: 30 }, (_, i) => said(`judge ${i}`, 20)).flat()
    const good = 30 * 20 * 0.98 ** 365
    assert.equal(scoreBps(many, NOW_MS + 365 * DAY_MS), Math.floor((10_000 * (1 + good)) / (11 + good)))
  })

  it('do not count verdicts from the future yet', () => {
    const early = NOW_MS - 10 * 60 * 1_000
    assert.notDeepEqual(scores(said('alice', 1), early), [])
    assert.deepEqual(scores(said('alice', 1), early - 1), [])
  })

  it('stay above zero and below one, whatever was said', () => {
    const many = Array.from({ length: 30 }, (_, i) => said(`judge ${i}`, 20)).flat()
    assert.ok(scoreBps(many) < 10_000)
    assert.ok(scoreBps(many) > 9_000)
    const bad = Array.from({ length: 30 }, (_, i) => said(`judge ${i}`, 20, { verdict: 'rejected' })).flat()
    assert.ok(scoreBps(bad) >= 0)
    assert.ok(scoreBps(bad) < 10)
  })
})

describe('scores, as a fold over the set', () => {
  const kinds = ['accepted', 'rejected', 'undecided'] as const
  const drawnClaim = fc.record({
    node: fc.constantFrom('node', 'n1', 'n2', 'alice'),
    subtask: fc.nat(3),
    verdict: fc.constantFrom(...kinds),
    weight: fc.constantFrom(0, 1, 500, 1_024),
    equivalenceClass: fc.constantFrom(CLASS, 'blender/4'),
    shown: fc.boolean()
  })
  const drawnFeeds = fc
    .tuple(
      ...['alice', 'bob', 'carol'].map(judge =>
        fc.tuple(fc.constant(judge), fc.array(drawnClaim, { maxLength: 6 }))
      )
    )
    .map(feeds =>
      feeds.flatMap(([judge, drawn]) =>
        feed(
          judge,
          drawn.map(({ node, subtask, shown, ...over }) => {
            const { digest, ...rest } = replicaVerdict(node, subtask, over)
            const drawn = shown && digest !== undefined ? { ...rest, digest } : rest
            return { kind: 'verdicts', verdicts: [drawn] }
          })
        )
      )
    )
  const ageDays = fc.constantFrom(0, 1, 30, 400)

  it('do not depend on how verdicts are put into entries', () => {
    const verdicts = Array.from({ length: 20 }, (_, subtask) =>
      replicaVerdict('node', subtask % 15, { verdict: subtask % 3 === 0 ? 'rejected' : 'accepted' })
    )
    const inEntriesOf = (count: number) =>
      Array.from({ length: Math.ceil(verdicts.length / count) }, (_, at) => ({
        kind: 'verdicts' as const,
        verdicts: verdicts.slice(at * count, (at + 1) * count)
      }))
    const oneByOne = scores(feed('alice', inEntriesOf(1)), NOW_MS)
    for (const count of [2, 7, 20])
      assert.deepEqual(scores(feed('alice', inEntriesOf(count)), NOW_MS), oneByOne)
    assert.equal(oneByOne[0]?.acceptedCount, 10)
  })

  it('do not depend on order, repetition or pieces', () => {
    const drawn = drawnFeeds.chain(entries =>
      fc.tuple(
        fc.constant(entries),
        fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
        fc.subarray(entries),
        ageDays
      )
    )
    fc.assert(
      fc.property(drawn, ([entries, shuffled, repeated, days]) => {
        const nowMs = NOW_MS + days * DAY_MS
        const once = scores(entries, nowMs)
        assert.deepEqual(scores([...repeated, ...shuffled, ...repeated], nowMs), once)
      }),
      { numRuns: 100 }
    )
  })

  it('rise with no verdict but accepted, and fall with no verdict but rejected or withheld', () => {
    fc.assert(
      fc.property(drawnFeeds, fc.constantFrom(...kinds), (entries, kind) => {
        const before = scoreOf(scores(entries, NOW_MS).filter(isHere), NODE)
        const added = entryAfter('dave', undefined, verdict('node', 99, { verdict: kind }))
        const after = scoreOf(scores([...entries, added], NOW_MS).filter(isHere), NODE)
        if (kind === 'accepted') assert.ok(after > before)
        if (kind === 'rejected') assert.ok(after < before)
        if (kind === 'undecided') assert.equal(after, before)
      }),
      { numRuns: 100 }
    )
  })

  const isHere = ({ equivalenceClass }: Score): boolean => equivalenceClass === CLASS
})
