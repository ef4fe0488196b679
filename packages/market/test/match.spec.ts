import assert from 'node:assert/strict'
import type { Grant } from '@rayswarm/interface'
import fc from 'fast-check'
import { match, type OpenReplica, priceOf, type StandingBid } from '../src/index.ts'
import { accountOf, openReplica, spec, standing } from './fixtures.ts'

const SPEC = spec()

function pairs(grants: readonly Grant[]): string[] {
  return grants.map(({ replica, holder }) => `${replica.subtask}.${replica.replica} ${holder}`).sort()
}

describe('match', () => {
  it('grants an open replica at the price of the bid', () => {
    const bid = standing('alice', { pricePerMegaUnit: 700n })
    const { grants, reasons } = match(SPEC, [openReplica(0, 0, { workUnits: 1_500_001 })], [bid])
    const { replica } = openReplica(0, 0)
    assert.deepEqual(grants, [{ replica, holder: 'alice', account: accountOf('alice'), price: 1_051n }])
    assert.equal(reasons.size, 0)
  })

  it('takes the cheaper bid, and the better score at one price', () => {
    const open = [openReplica(0, 0)]
    const cheap = standing('cheap', { pricePerMegaUnit: 400n })
    const proven = standing('proven', {}, { scoreBps: 9_000 })
    assert.deepEqual(pairs(match(SPEC, open, [standing('dear'), cheap]).grants), ['0.0 cheap'])
    assert.deepEqual(pairs(match(SPEC, open, [standing('new'), proven]).grants), ['0.0 proven'])
  })

  it('takes the better score of two that ask nothing', () => {
    const bids = ['a', 'b', 'c', 'd'].map((name, i) =>
      standing(name, { pricePerMegaUnit: 0n }, { scoreBps: i * 100 })
    )
    assert.deepEqual(pairs(match(SPEC, [openReplica(0, 0)], bids).grants), ['0.0 d'])
  })

  it('lets a full score ask up to twice the price of none', () => {
    const open = [openReplica(0, 0)]
    const none = standing('none', { pricePerMegaUnit: 400n }, { scoreBps: 0 })
    const full = (pricePerMegaUnit: bigint) => standing('full', { pricePerMegaUnit }, { scoreBps: 10_000 })
    assert.deepEqual(pairs(match(SPEC, open, [none, full(799n)]).grants), ['0.0 full'])
    assert.deepEqual(pairs(match(SPEC, open, [none, full(801n)]).grants), ['0.0 none'])
  })

  it('deals one each before anybody gets a second', () => {
    const open = [openReplica(0, 0), openReplica(1, 0), openReplica(2, 0), openReplica(3, 0)]
    const greedy = standing('greedy', { freePlaces: 4, pricePerMegaUnit: 1n })
    const { grants } = match(SPEC, open, [greedy, standing('bob'), standing('carol')])
    assert.deepEqual(pairs(grants), ['0.0 greedy', '1.0 bob', '2.0 carol', '3.0 greedy'].sort())
  })

  it('gives the urgent replicas away first', () => {
    const open = [openReplica(0, 0, { priority: 9 }), openReplica(1, 0, { priority: 1 })]
    assert.deepEqual(pairs(match(SPEC, open, [standing('alice')]).grants), ['1.0 alice'])
  })

  it('never gives two replicas of one subtask to one peer or one account', () => {
    const open = [openReplica(0, 0), openReplica(0, 1)]
    const twin = standing('twin', { account: accountOf('alice') })
    const { grants, reasons } = match(SPEC, open, [standing('alice', { freePlaces: 2 }), twin])
    assert.equal(grants.length, 1)
    assert.equal([...reasons.values()][0], 'outbid')
  })

  for (const [why, reason, open, bid] of [
    ['nothing is open', 'no-open-replica', [], standing('bob')],
    [
      'it asks more than the cap',
      'price-too-high',
      [openReplica(0, 0)],
      standing('bob', { pricePerMegaUnit: 1_001n })
    ],
    [
      'it has too little memory',
      'memory-too-low',
      [openReplica(0, 0)],
      standing('bob', { memoryBytes: 999_999 })
    ],
    ['it has no free place', 'busy', [openReplica(0, 0)], standing('bob', { freePlaces: 0 })],
    ['it was given no place', 'busy', [openReplica(0, 0)], standing('bob', {}, { places: 0 })],
    ['it holds another replica', 'same-holder', [openReplica(0, 0, { holders: ['bob'] })], standing('bob')],
    [
      'its account does',
      'same-holder',
      [openReplica(0, 0, { accounts: [accountOf('bob')] })],
      standing('bob')
    ],
    [
      'it is of another class',
      'class-mismatch',
      [openReplica(0, 0, { equivalenceClass: 'other/1' })],
      standing('bob')
    ]
  ] as const) {
    it(`says so if ${why}`, () => {
      const { grants, reasons } = match(SPEC, open, [bid])
      assert.deepEqual(grants, [])
      assert.deepEqual([...reasons], [['bob', reason]])
    })
  }

  it('names the obstacle that another bid would not have had', () => {
    const open = [openReplica(0, 0, { holders: ['bob'] }), openReplica(1, 0, { equivalenceClass: 'other/1' })]
    assert.deepEqual([...match(SPEC, open, [standing('bob')]).reasons], [['bob', 'class-mismatch']])
  })

  it('says outbid to whom it had nothing left for', () => {
    const bids = [standing('alice', { pricePerMegaUnit: 1n }), standing('bob')]
    assert.deepEqual([...match(SPEC, [openReplica(0, 0)], bids).reasons], [['bob', 'outbid']])
  })

  it('counts one bid per node, whichever came first', () => {
    const open = [openReplica(0, 0), openReplica(1, 0)]
    const both = [
      standing('alice', { pricePerMegaUnit: 900n }),
      standing('alice', { pricePerMegaUnit: 800n })
    ]
    const { grants } = match(SPEC, open, both)
    assert.deepEqual(match(SPEC, open, [...both].reverse()).grants, grants)
    assert.deepEqual(
      grants.map(grant => grant.price),
      [800n]
    )
  })

  it('breaks ties differently from replica to replica', () => {
    const names = ['alice', 'bob', 'carol', 'dave']
    const winners = new Set(
      Array.from(
        { length: 40 },
        (_, i) =>
          match(
            SPEC,
            [openReplica(i, 0)],
            names.map(name => standing(name))
          ).grants[0]!.holder
      )
    )
    assert.equal(winners.size, names.length)
  })
})

describe('match, whatever is open and bid', function () {
  this.timeout(30_000)

  const names = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']
  const classes = ['pathtracer/1/wasm', 'pathtracer/2/wasm']
  const openReplicas: fc.Arbitrary<OpenReplica[]> = fc
    .uniqueArray(fc.tuple(fc.nat(4), fc.nat(2)), { selector: key => key.join('.'), maxLength: 12 })
    .chain(keys =>
      fc.tuple(
        fc.constant(keys),
        // What is fixed about a subtask is the same for all its replicas.
        fc.array(
          fc.record({
            holders: fc.subarray(names, { maxLength: 2 }),
            equivalenceClass: fc.option(fc.constantFrom(...classes), { nil: undefined })
          }),
          { minLength: 5, maxLength: 5 }
        )
      )
    )
    .map(([keys, fixed]) =>
      keys.map(([subtask, replica]) => {
        const { holders, equivalenceClass } = fixed[subtask]!
        const accounts = holders.map(accountOf)
        return openReplica(subtask, replica, {
          holders,
          accounts,
          ...(equivalenceClass && { equivalenceClass })
        })
      })
    )
  const bids: fc.Arbitrary<StandingBid[]> = fc
    .uniqueArray(
      fc.record({
        name: fc.constantFrom(...names),
        owner: fc.constantFrom(...names),
        price: fc.constantFrom(0n, 500n, 999n, 1_000n, 1_001n),
        freePlaces: fc.nat(4),
        scoreBps: fc.constantFrom(0, 909, 10_000),
        equivalenceClass: fc.constantFrom(...classes)
      }),
      { selector: drawn => drawn.name, maxLength: 6 }
    )
    .map(all =>
      all.map(({ name, owner, price, freePlaces, scoreBps, equivalenceClass }) =>
        standing(
          name,
          { account: accountOf(owner), pricePerMegaUnit: price, freePlaces, equivalenceClass },
          { scoreBps }
        )
      )
    )

  const shuffled = <T>(items: readonly T[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length })

  it('does not depend on the order of either list', () => {
    const drawn = fc
      .tuple(openReplicas, bids)
      .chain(([open, all]) => fc.tuple(fc.constant(open), fc.constant(all), shuffled(open), shuffled(all)))
    fc.assert(
      fc.property(drawn, ([open, all, open2, all2]) => {
        const one = match(SPEC, open, all)
        const two = match(SPEC, open2, all2)
        assert.deepEqual(two.grants, one.grants)
        assert.deepEqual([...two.reasons].sort(), [...one.reasons].sort())
      }),
      { numRuns: 200 }
    )
  })

  it('keeps every rule, and leaves nobody idle who may take something', () => {
    fc.assert(
      fc.property(openReplicas, bids, (open, all) => {
        const { grants, reasons } = match(SPEC, open, all)
        const granted = new Map<string, Grant[]>()
        for (const grant of grants) granted.set(grant.holder, [...(granted.get(grant.holder) ?? []), grant])
        assert.equal(
          new Set(grants.map(g => `${g.replica.subtask}.${g.replica.replica}`)).size,
          grants.length
        )

        const bidOf = (grant: Grant) => all.find(bid => bid.node === grant.holder)!
        for (const bid of all) {
          const own = granted.get(bid.node) ?? []
          assert.equal(reasons.has(bid.node), own.length === 0)
          assert.ok(own.length <= bid.bid.freePlaces)
        }

        const subtasks = new Map<number, { holders: string[]; accounts: string[]; classes: Set<string> }>()
        for (const { replica, holders, accounts, equivalenceClass } of open) {
          const known = { holders: [...holders], accounts: [...accounts], classes: new Set<string>() }
          if (equivalenceClass) known.classes.add(equivalenceClass)
          subtasks.set(replica.subtask, known)
        }
        for (const grant of grants) {
          const subtask = subtasks.get(grant.replica.subtask)!
          assert.ok(!subtask.holders.includes(grant.holder), 'one peer twice')
          assert.ok(!subtask.accounts.includes(grant.account), 'one account twice')
          subtask.holders.push(grant.holder)
          subtask.accounts.push(grant.account)
          subtask.classes.add(bidOf(grant).bid.equivalenceClass)
          assert.ok(grant.price <= 1_000n, 'above the cap')
          assert.equal(grant.price, priceOf(1_000_000, bidOf(grant).bid.pricePerMegaUnit))
        }
        for (const { classes } of subtasks.values()) assert.ok(classes.size <= 1, 'two classes')

        const left = open.filter(o => !grants.some(g => g.replica === o.replica))
        const idle = all.filter(
          b => b.bid.freePlaces > 0 && b.bid.pricePerMegaUnit <= 1_000n && !granted.has(b.node)
        )
        for (const { bid, node } of idle)
          for (const { replica } of left) {
            const subtask = subtasks.get(replica.subtask)!
            const mine = subtask.classes.size === 0 || subtask.classes.has(bid.equivalenceClass)
            assert.ok(
              subtask.holders.includes(node) || subtask.accounts.includes(bid.account) || !mine,
              'idle beside work'
            )
          }
      }),
      { numRuns: 300 }
    )
  })
})
