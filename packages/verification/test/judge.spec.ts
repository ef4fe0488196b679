import assert from 'node:assert/strict'
import type { VerifyPolicy } from '@rayswarm/interface'
import { GENERATION_COUNT_MAX } from '@rayswarm/params'
import { bytesEqual, sha256 } from '@rayswarm/wire'
import fc from 'fast-check'
import {
  isOverdue,
  type Judgement,
  judge,
  mayOpen,
  maySuffice,
  type Outcome,
  type ReplicaOutcome
} from '../src/index.ts'

const text = new TextEncoder()
const CLASS = 'pathtracer/1/wasm'
const digestOfName = (name: string): Uint8Array => sha256(text.encode(name))

/** `'A'`, `'B'`, `'C'`: revealed with that digest; anything else is an outcome. */
type Spoken = Outcome | 'A' | 'B' | 'C'

function outcome(replica: number, spoken: Spoken, generation = 0): ReplicaOutcome {
  const base = { replica, generation, holder: `node-${replica}-${generation}`, equivalenceClass: CLASS }
  return spoken.length === 1
    ? { ...base, outcome: 'revealed', digest: digestOfName(spoken) }
    : { ...base, outcome: spoken as Outcome }
}

const say = (...spoken: readonly Spoken[]): ReplicaOutcome[] => spoken.map((s, i) => outcome(i, s))
const TWO: VerifyPolicy = { replicaCount: 2, replicaCountMax: 3, quorum: 2 }

function brief(judgement: Judgement): string {
  if (judgement.state === 'waiting') return 'waiting'
  if (judgement.state === 'more')
    return `more ${judgement.replicas.map(r => `${r.replica}.${r.generation}`).join(' ')}`
  const said = judgement.verdicts.map(v => `${v.replica}.${v.generation} ${v.verdict} ${v.reason ?? 'paid'}`)
  return `${judgement.state}: ${said.join(', ')}`
}

describe('judge', () => {
  const dead3 = Array.from({ length: GENERATION_COUNT_MAX }, (_, g) => outcome(1, 'timeout', g))
  for (const [rule, policy, outcomes, expected] of [
    ['opens the first replicas', TWO, [], 'more 0.0 1.0'],
    ['waits while somebody works', TWO, say('A', 'leased'), 'waiting'],
    ['waits while a seal is closed', TWO, say('A', 'sealed'), 'waiting'],
    ['pays two that agree', TWO, say('A', 'A'), 'decided: 0.0 accepted paid, 1.0 accepted paid'],
    ['opens a third when two disagree', TWO, say('A', 'B'), 'more 2.0'],
    [
      'rejects who lost against the quorum',
      TWO,
      say('B', 'A', 'A'),
      'decided: 0.0 rejected rejected, 1.0 accepted paid, 2.0 accepted paid'
    ],
    [
      'gives up when three disagree and no more may be opened',
      TWO,
      say('A', 'B', 'C'),
      'failed: 0.0 undecided no-quorum, 1.0 undecided no-quorum, 2.0 undecided no-quorum'
    ],
    ['opens a new generation after a timeout', TWO, say('A', 'timeout'), 'more 1.1'],
    ['does not wait for others with that', TWO, say('leased', 'missing'), 'more 1.1'],
    [
      'opens another replica after the last generation',
      TWO,
      [outcome(0, 'A'), ...dead3, outcome(1, 'timeout', GENERATION_COUNT_MAX)],
      'more 2.0'
    ],
    [
      'pays no more than the quorum, in replica order',
      { replicaCount: 3, replicaCountMax: 3, quorum: 2 },
      say('A', 'A', 'A'),
      'decided: 0.0 accepted paid, 1.0 accepted paid, 2.0 accepted surplus'
    ],
    [
      'says nothing against who is still under way',
      { replicaCount: 3, replicaCountMax: 3, quorum: 2 },
      say('A', 'sealed', 'A'),
      'decided: 0.0 accepted paid, 2.0 accepted paid'
    ],
    [
      'opens all that must agree at once',
      { replicaCount: 3, replicaCountMax: 5, quorum: 3 },
      say('A', 'B', 'C'),
      'more 3.0 4.0'
    ],
    [
      'keeps a timeout apart from a lie',
      TWO,
      [outcome(0, 'timeout'), outcome(0, 'A', 1), outcome(1, 'mismatch'), outcome(1, 'A', 1)],
      'decided: 0.0 undecided reveal-timeout, 0.1 accepted paid, 1.0 rejected result-mismatch, 1.1 accepted paid'
    ],
    [
      'takes one result where one is asked for',
      { replicaCount: 1, replicaCountMax: 1, quorum: 1 },
      say('A'),
      'decided: 0.0 accepted paid'
    ]
  ] as const) {
    it(rule, () => assert.equal(brief(judge(policy, outcomes)), expected))
  }

  it('compares inside one equivalence class only', () => {
    const other = { ...outcome(1, 'A'), equivalenceClass: 'pathtracer/2/wasm' }
    assert.equal(brief(judge(TWO, [outcome(0, 'A'), other])), 'more 2.0')
    assert.equal(
      brief(judge(TWO, [outcome(0, 'A'), { ...other, digest: digestOfName('B') }, outcome(2, 'A')])),
      'decided: 0.0 accepted paid, 1.0 undecided surplus, 2.0 accepted paid'
    )
  })

  it('does not let one holder agree with itself', () => {
    const again = { ...outcome(1, 'A'), holder: 'node-0-0' }
    assert.equal(brief(judge(TWO, [outcome(0, 'A'), again])), 'more 2.0')
    assert.equal(
      brief(judge(TWO, [outcome(0, 'A'), again, outcome(2, 'A')])),
      'decided: 0.0 accepted paid, 1.0 accepted surplus, 2.0 accepted paid'
    )
  })

  it('follows from the outcomes, not from their order', () => {
    const spoken = fc.constantFrom<Spoken>('A', 'B', 'sealed', 'timeout', 'mismatch', 'leased')
    const drawn = fc.array(spoken, { maxLength: 5 }).chain(all => {
      const inOrder = all.map((s, i) => outcome(i, s))
      return fc.tuple(
        fc.constant(inOrder),
        fc.shuffledSubarray(inOrder, { minLength: all.length, maxLength: all.length })
      )
    })
    fc.assert(
      fc.property(drawn, ([inOrder, shuffled]) => {
        assert.deepEqual(judge(TWO, shuffled), judge(TWO, inOrder))
      })
    )
  })
})

describe('judge of a later view', () => {
  const FIRST = 4
  for (const [rule, outcomes, expected] of [
    ['opens what was never opened', [], 'more 0.4 1.4'],
    ['opens anew what the earlier view left open', say('A', 'open'), 'more 1.4'],
    ['opens anew what was leased there', say('leased', 'open'), 'more 0.4 1.4'],
    ['waits for what was closed there', say('A', 'sealed'), 'waiting'],
    ['opens anew what was closed there and never opened', say('A', 'timeout'), 'more 1.4'],
    ['waits for its own', [outcome(0, 'A'), outcome(1, 'open'), outcome(1, 'leased', FIRST)], 'waiting'],
    [
      'goes on with its next generation',
      [outcome(0, 'A'), outcome(1, 'open'), outcome(1, 'missing', FIRST)],
      'more 1.5'
    ],
    [
      'opens another replica after its last generation',
      [outcome(0, 'A'), outcome(1, 'timeout', FIRST + GENERATION_COUNT_MAX)],
      'more 2.4'
    ],
    [
      'counts what both views closed, one per replica',
      [...say('A', 'leased'), outcome(0, 'A', FIRST), outcome(1, 'A', FIRST)],
      'decided: 0.0 accepted paid, 0.4 accepted surplus, 1.4 accepted paid'
    ]
  ] as const)
    it(rule, () => assert.equal(brief(judge(TWO, outcomes, FIRST)), expected))
})

describe('judge, every combination of up to four replicas', () => {
  const ALL: readonly Spoken[] = ['open', 'leased', 'sealed', 'A', 'B', 'C', 'timeout', 'missing', 'mismatch']
  const PENDING = new Set<Outcome>(['open', 'leased', 'sealed'])
  const DEAD = new Set<Outcome>(['timeout', 'missing', 'mismatch'])

  function* combinations(count: number): Generator<Spoken[]> {
    if (count === 0) return yield []
    for (const rest of combinations(count - 1)) for (const spoken of ALL) yield [...rest, spoken]
  }

  function supporters(outcomes: readonly ReplicaOutcome[], digest: Uint8Array): readonly ReplicaOutcome[] {
    return outcomes.filter(o => o.digest !== undefined && bytesEqual(o.digest, digest))
  }

  function checkFinal(policy: VerifyPolicy, outcomes: readonly ReplicaOutcome[], judgement: Judgement): void {
    assert.ok(judgement.state === 'decided' || judgement.state === 'failed')
    const verdictOf = (o: ReplicaOutcome) => judgement.verdicts.find(v => v.replica === o.replica)
    const winners = judgement.state === 'decided' ? supporters(outcomes, judgement.digest) : []
    if (judgement.state === 'decided') assert.ok(winners.length >= policy.quorum)

    for (const o of outcomes) {
      const verdict = verdictOf(o)
      if (PENDING.has(o.outcome)) assert.equal(verdict, undefined)
      else if (winners.includes(o)) assert.equal(verdict?.verdict, 'accepted')
      else if (o.outcome === 'mismatch') assert.equal(verdict?.verdict, 'rejected')
      else if (o.outcome === 'revealed')
        assert.equal(verdict?.verdict, judgement.state === 'decided' ? 'rejected' : 'undecided')
      else assert.equal(verdict?.verdict, 'undecided')
    }
    const paid = judgement.verdicts.filter(v => v.verdict === 'accepted' && v.reason === undefined)
    assert.equal(paid.length, judgement.state === 'decided' ? policy.quorum : 0)
    assert.ok(judgement.verdicts.every(v => v.verdict === 'accepted' || v.reason !== undefined))
  }

  function check(policy: VerifyPolicy, outcomes: readonly ReplicaOutcome[]): void {
    const judgement = judge(policy, outcomes)
    const most = Math.max(0, ...['A', 'B', 'C'].map(d => supporters(outcomes, digestOfName(d)).length))
    assert.equal(judgement.state === 'decided', most >= policy.quorum)

    const stuck = outcomes.filter(o => DEAD.has(o.outcome))
    switch (judgement.state) {
      case 'waiting':
        assert.ok(outcomes.some(o => PENDING.has(o.outcome)))
        assert.equal(stuck.length, 0)
        return
      case 'more':
        assert.ok(judgement.replicas.length > 0)
        for (const { replica, generation } of judgement.replicas) {
          const reopened = stuck.some(o => o.replica === replica)
          assert.equal(generation, reopened ? 1 : 0)
          assert.ok(reopened || !outcomes.some(o => o.replica === replica))
          assert.ok(replica < policy.replicaCountMax)
        }
        return
      case 'failed': {
        const unopened = policy.replicaCountMax - outcomes.length
        assert.ok(most + unopened < policy.quorum)
        assert.equal(stuck.length, 0)
        checkFinal(policy, outcomes, judgement)
        return
      }
      case 'decided':
        checkFinal(policy, outcomes, judgement)
    }
  }

  for (let count = 1; count <= 4; count++)
    for (let quorum = Math.floor(count / 2) + 1; quorum <= count; quorum++)
      for (const replicaCountMax of [count, count + 1])
        it(`${count} replicas of at most ${replicaCountMax}, quorum ${quorum}`, () => {
          for (const spoken of combinations(count))
            check({ replicaCount: count, replicaCountMax, quorum }, say(...spoken))
        })

  it('comes to an end whatever the replicas do', () => {
    const spoken = fc.constantFrom<Spoken>('A', 'B', 'C', 'timeout', 'missing', 'mismatch')
    fc.assert(
      fc.property(fc.infiniteStream(spoken), fates => {
        const policy = { replicaCount: 2, replicaCountMax: 4, quorum: 2 }
        const outcomes: ReplicaOutcome[] = []
        let judgement = judge(policy, outcomes)
        while (judgement.state === 'more') {
          for (const { replica, generation } of judgement.replicas)
            outcomes.push(outcome(replica, fates.next().value, generation))
          judgement = judge(policy, outcomes)
        }
        assert.notEqual(judgement.state, 'waiting')
        assert.ok(outcomes.length <= 4 * (GENERATION_COUNT_MAX + 1))
      })
    )
  })
})

describe('mayOpen', () => {
  for (const [rule, outcomes, replica, expected] of [
    ['not before it is sealed itself', say('leased', 'sealed'), 0, false],
    ['not while another computes', say('sealed', 'leased'), 0, false],
    ['not while another waits for its node', say('sealed', 'open'), 0, false],
    ['not while a replica is not even listed', say('sealed'), 0, false],
    ['once all are sealed', say('sealed', 'sealed'), 0, true],
    ['once the other is open already', say('sealed', 'A'), 0, true],
    ['once the other is dead for good', say('sealed', 'timeout'), 0, true],
    ['again, when asked twice', say('A', 'sealed'), 0, true],
    [
      'not while a new generation of the other computes',
      [...say('sealed', 'timeout'), outcome(1, 'leased', 1)],
      0,
      false
    ],
    ['a tie-break, as soon as it is sealed', say('A', 'B', 'sealed'), 2, true],
    ['a tie-break beside another that computes', say('A', 'B', 'sealed', 'leased'), 2, true],
    ['beside stragglers, once it may be enough with what was opened', say('A', 'sealed', 'leased'), 1, true],
    [
      'not beside others that compute while more than it is lacking',
      say('timeout', 'sealed', 'leased'),
      1,
      false
    ],
    ['not once it is too late', say('timeout', 'sealed'), 0, false],
    ['not a replica nobody knows', say('sealed', 'sealed'), 2, false]
  ] as const) {
    it(rule, () => assert.equal(mayOpen(TWO, outcomes, replica), expected))
  }
})

describe('maySuffice', () => {
  const own = outcome(0, 'A')
  for (const [rule, shown, expected] of [
    ['not what nobody opened', [], false],
    ['not one alone', say('A'), false],
    ['two that agree', say('A', 'A'), true],
    ['not two that disagree', say('A', 'B'), false],
    ['two that are sealed', say('sealed', 'sealed'), true],
    ['one, and a sealed one that may turn out to agree', say('A', 'sealed'), true],
    ['not one that is sealed alone', say('sealed', 'leased', 'timeout'), false],
    ['two that disagree, and a tie-break that may agree with one', say('A', 'B', 'sealed'), true],
    ['not one holder twice', [own, { ...own, replica: 1 }], false]
  ] as const) {
    it(rule, () => assert.equal(maySuffice(TWO, shown), expected))
  }
})

describe('isOverdue', () => {
  const at = (heardAtMs: number, nowMs: number): boolean =>
    isOverdue(1_000, heardAtMs, nowMs, { revealTimeoutMs: 100 })

  it('gives up a silent holder after one time-out, and one that keeps asking after two', () => {
    assert.deepEqual([at(0, 1_100), at(0, 1_101)], [false, true])
    assert.deepEqual([at(1_050, 1_150), at(1_050, 1_151)], [false, true])
    assert.deepEqual([at(1_190, 1_200), at(1_190, 1_201)], [false, true])
  })
})
