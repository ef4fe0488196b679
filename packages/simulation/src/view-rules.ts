import assert from 'node:assert/strict'
import type { Account, Appointment, Chain, EscrowRef, SettlementOrder } from '@rayswarm/interface'
import { WITNESS_COUNT_MAX, WITNESS_VIEW_COUNT_MAX } from '@rayswarm/params'
import { type Cast, orderOf, refused, terms } from './chain-cast.ts'
import { accountOf } from './escrow-hash.ts'
import { appoints, NOBODY, named, refusesToAppoint, signed } from './witness-rules.ts'

const PAID = 10_000n
const CREDITED = 9_000n

/** A locked escrow with two views of three, two of them a quorum. One witness of each view never signs. */
interface Appointed {
  readonly ref: EscrowRef
  readonly appointment: Appointment
  readonly first: readonly [Chain, Chain]
  readonly second: readonly [Chain, Chain]
  /** Pays the first node. */
  readonly order: SettlementOrder
}

async function appoint({ creator, nodes, stranger }: Cast): Promise<Appointed> {
  const { ref } = await creator.lock(terms())
  const [first, second] = [[stranger, nodes[1]] as const, [nodes[0], creator] as const]
  const [silent, mute] = [accountOf('silent'), accountOf('mute')]
  const views = [
    [first[0].account, silent, first[1].account],
    [mute, second[0].account, second[1].account]
  ]
  const appointment = { views, quorum: 2 }
  await creator.appoint(ref, appointment)
  return { ref, appointment, first, second, order: orderOf(ref, [nodes[0].account, PAID]) }
}

/** Rules of appointments of several views. Part of the chain suite. */
export function viewRules(cast: () => Cast): void {
  for (const [what, error, appointment] of [
    [
      'more views than there may be',
      'BadViews',
      { views: viewsOf(WITNESS_VIEW_COUNT_MAX + 1, 3), quorum: 2 }
    ],
    ['views of nobody', 'BadQuorum', { views: [[], []], quorum: 1 }],
    ['a quorum of all views together', 'BadQuorum', { views: viewsOf(2, 3), quorum: 4 }],
    ['a minority of each view', 'BadQuorum', { views: viewsOf(2, 3), quorum: 1 }],
    ['views that are too large', 'BadQuorum', { views: viewsOf(2, WITNESS_COUNT_MAX + 1), quorum: 20 }],
    ['a later view with the same twice', 'DuplicateWitness', { views: [named(2), twice(9)], quorum: 2 }],
    ['a later view with the zero account', 'ZeroAccount', { views: [named(1), [NOBODY]], quorum: 1 }]
  ] as const satisfies readonly (readonly [string, string, Appointment])[])
    refusesToAppoint(cast, what, error, appointment)

  it('takes views of different sizes for a mistake of the caller', async () => {
    const { creator } = cast()
    const { ref } = await creator.lock(terms())
    const appointment = { views: [named(3), named(2, 3)], quorum: 2 }
    await assert.rejects(creator.appoint(ref, appointment), RangeError)
    await assert.rejects(creator.settleByWitnesses(orderOf(ref), appointment, []), RangeError)
  })

  it('appoints as many views as there may be, the largest too', async () => {
    for (const [viewSize, quorum] of [
      [7, 5],
      [WITNESS_COUNT_MAX, WITNESS_COUNT_MAX]
    ] as const)
      await appoints(cast(), { views: viewsOf(WITNESS_VIEW_COUNT_MAX, viewSize), quorum })
  })
}

/** Rules of settlements where there are several views. Part of the chain suite. */
export function viewSettleRules(cast: () => Cast): void {
  it('never adds up signers of different views', async () => {
    const { creator, nodes } = cast()
    const { ref, appointment, first, second, order } = await appoint(cast())
    for (const signers of [
      [first[0], second[0]],
      [second[1], first[1]]
    ]) {
      const signatures = await signed(order, ...signers)
      await refused(nodes[1].settleByWitnesses(order, appointment, signatures), 'QuorumNotMet')
    }
    assert.equal((await creator.escrow(ref)).state, 'locked')
    assert.equal(await creator.creditOf(nodes[0].account), 0n)
  })

  it('settles by a later view alone', async () => {
    const { stranger } = cast()
    const { appointment, second, order } = await appoint(cast())
    const signatures = await signed(order, ...second)
    assert.equal((await stranger.settleByWitnesses(order, appointment, signatures)).paid, CREDITED)
  })

  it('settles by a later view beside what signed of an earlier one', async () => {
    const { stranger } = cast()
    const { appointment, first, second, order } = await appoint(cast())
    const signatures = await signed(order, first[1], second[1], second[0])
    assert.equal((await stranger.settleByWitnesses(order, appointment, signatures)).paid, CREDITED)
  })

  it('settles once, whichever view asks next', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref, appointment, first, second, order } = await appoint(cast())
    const other = orderOf(ref, [nodes[1].account, PAID])
    const outcome = await stranger.settleByWitnesses(order, appointment, await signed(order, ...first))
    const late = await signed(other, ...second)
    assert.deepEqual(await stranger.settleByWitnesses(other, appointment, late), outcome)
    assert.equal(await creator.creditOf(nodes[1].account), 0n)
  })

  it('settles by exactly the views that were appointed', async () => {
    const { stranger } = cast()
    const { appointment, first, order } = await appoint(cast())
    const signatures = await signed(order, ...first)
    const { views, quorum } = appointment
    for (const other of [
      { views: views.toReversed(), quorum },
      { views: views.slice(0, 1), quorum },
      { views: [...views, named(3)], quorum },
      // The same accounts in one row, cut elsewhere.
      { views: [views.flat()], quorum },
      { views: views.flat().map(account => [account]), quorum: 1 }
    ])
      await refused(stranger.settleByWitnesses(order, other, signatures), 'NotAppointed')
    assert.equal((await stranger.settleByWitnesses(order, appointment, signatures)).paid, CREDITED)
  })

  it('counts who is in two views once in each', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const [a, b, c] = [stranger, nodes[0], nodes[1]]
    const views = [
      [a.account, b.account],
      [b.account, c.account]
    ]
    const appointment = { views, quorum: 2 }
    await creator.appoint(ref, appointment)
    const order = orderOf(ref, [nodes[0].account, PAID])
    for (const signers of [[b], [a, c]])
      await refused(
        stranger.settleByWitnesses(order, appointment, await signed(order, ...signers)),
        'QuorumNotMet'
      )
    const { paid } = await stranger.settleByWitnesses(order, appointment, await signed(order, c, b))
    assert.equal(paid, CREDITED)
  })
}

function twice(index: number): Account[] {
  return [...named(1, index), ...named(1, index)]
}

function viewsOf(viewCount: number, viewSize: number): Account[][] {
  return Array.from({ length: viewCount }, (_, view) => named(viewSize, view * viewSize))
}
