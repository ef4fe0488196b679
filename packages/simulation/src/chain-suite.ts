import assert from 'node:assert/strict'
import type { Account } from '@rayswarm/interface'
import {
  BUDGET,
  type Cast,
  type ChainWorld,
  castOf,
  coded,
  type Entries,
  ODD,
  orderOf,
  REFUND_AFTER_S,
  refused,
  terms
} from './chain-cast.ts'
import { accountOf, keccak } from './escrow-hash.ts'
import { moneyRules, refundRules } from './money-rules.ts'
import { viewRules, viewSettleRules } from './view-rules.ts'
import {
  appointmentRules,
  appointRules,
  decisionRules,
  quorumRules,
  verifyRules,
  witnessSettleRules
} from './witness-rules.ts'

/** Declares the mocha tests that every {@link Chain} must pass. `open` is called once per test. */
export function chainSuite(name: string, open: () => Promise<ChainWorld>): void {
  describe(`${name}: chain suite`, () => {
    let world: ChainWorld
    let cast: Cast

    beforeEach(async () => {
      world = await open()
      cast = await castOf(world)
    })
    afterEach(() => world.close())

    lockRules(() => cast)
    settleRules(() => cast)
    signatureRules(() => cast)
    payoutRules(() => cast)
    refundRules(() => cast)
    moneyRules(() => cast)
    appointRules(() => cast)
    appointmentRules(() => cast)
    witnessSettleRules(() => cast)
    decisionRules(() => cast)
    quorumRules(() => cast)
    verifyRules(() => cast)
    viewRules(() => cast)
    viewSettleRules(() => cast)
  })
}

function lockRules(cast: () => Cast): void {
  it('locks the amount and says so', async () => {
    const { creator, stranger, world } = cast()
    const { ref } = await creator.lock(terms())
    assert.deepEqual(ref, creator.escrowRef(terms()))

    const escrow = await stranger.escrow(ref)
    assert.deepEqual(
      { ...escrow, refundableAtS: 0 },
      { ref, creator: creator.account, locked: BUDGET, state: 'locked', refundableAtS: 0, final: true }
    )
    const leftS = escrow.refundableAtS - (await world.nowS())
    assert.ok(leftS > 0 && leftS <= REFUND_AFTER_S, `refundable in ${leftS} s`)
    assert.equal(await creator.balanceOf(creator.account), BUDGET)
    assert.equal(await creator.balanceOf(creator.contract), BUDGET)
  })

  it('answers a repeated lock with the first one', async () => {
    const { creator } = cast()
    const first = await creator.lock(terms())
    assert.deepEqual(await creator.lock(terms()), first)
    assert.equal(await creator.balanceOf(creator.contract), BUDGET)
  })

  it('refuses the same job under other terms', async () => {
    const { creator } = cast()
    await creator.lock(terms())
    await refused(creator.lock(terms({ amount: BUDGET - 1n })), 'JobExists')
    await refused(creator.lock(terms({ refundAfterS: REFUND_AFTER_S + 1 })), 'JobExists')
    assert.equal(await creator.balanceOf(creator.contract), BUDGET)
  })

  it('locks one job again under another salt', async () => {
    const { creator } = cast()
    const first = await creator.lock(terms())
    const second = await creator.lock(terms({ salt: keccak('salt 2') }))
    assert.notEqual(first.ref.id, second.ref.id)
    assert.equal(await creator.balanceOf(creator.contract), 2n * BUDGET)
  })

  it('gives two creators of one job an escrow each', async () => {
    const { creator, stranger, world } = cast()
    await world.fund(stranger.account, BUDGET)
    const [ours, theirs] = [await creator.lock(terms()), await stranger.lock(terms())]
    assert.notEqual(ours.ref.id, theirs.ref.id)
    assert.equal((await creator.escrow(theirs.ref)).creator, stranger.account)
  })

  it('locks nothing when the balance is too low', async () => {
    const { creator } = cast()
    await coded(creator.lock(terms({ amount: 2n * BUDGET + 1n })), 'ERR_BALANCE_TOO_LOW')
    assert.equal((await creator.escrow(creator.escrowRef(terms()))).state, 'none')
    assert.equal(await creator.balanceOf(creator.account), 2n * BUDGET)
  })

  it('refuses to lock nothing, for no time or for ever', async () => {
    const { creator } = cast()
    await refused(creator.lock(terms({ amount: 0n })), 'ZeroAmount')
    await refused(creator.lock(terms({ refundAfterS: 0 })), 'RefundTimeOutOfRange')
    await refused(creator.lock(terms({ refundAfterS: 365 * 24 * 3_600 + 1 })), 'RefundTimeOutOfRange')
    assert.equal(await creator.balanceOf(creator.contract), 0n)
  })

  it('knows no escrow of another salt, chain or contract', async () => {
    const { creator, stranger } = cast()
    const { ref } = await creator.lock(terms())
    for (const unknown of [
      creator.escrowRef(terms({ salt: keccak('wrong') })),
      stranger.escrowRef(terms()),
      { ...ref, chainId: ref.chainId + 1 },
      { ...ref, contract: accountOf('another contract') }
    ]) {
      const { state, locked, final } = await creator.escrow(unknown)
      assert.deepEqual({ state, locked, final }, { state: 'none', locked: 0n, final: false })
    }
  })
}

function settleRules(cast: () => Cast): void {
  it('pays what the creator signed, to the base unit', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, ODD[0]], [nodes[1].account, ODD[2]])
    const outcome = await stranger.settle(order, await creator.signSettlement(order))

    const { txHash, ...sums } = outcome
    assert.match(txHash, /^0x[0-9a-f]{64}$/)
    // 333 333: 16 666 burned, 16 666 to the treasury; 77 777: 3 888 each.
    const [first, second] = [ODD[0] - 2n * 16_666n, ODD[2] - 2n * 3_888n]
    assert.deepEqual(sums, {
      receiptsRoot: order.receiptsRoot,
      paid: first + second,
      burned: 16_666n + 3_888n,
      treasury: 16_666n + 3_888n,
      refunded: BUDGET - ODD[0] - ODD[2],
      credits: [
        { account: nodes[0].account, amount: first },
        { account: nodes[1].account, amount: second }
      ]
    })
    assert.equal(await creator.creditOf(nodes[0].account), first)
    assert.equal(await creator.creditOf(nodes[1].account), second)
    assert.equal(await creator.balanceOf(creator.account), BUDGET + sums.refunded)
    const { state, locked, refundableAtS } = await creator.escrow(ref)
    assert.deepEqual({ state, locked, refundableAtS }, { state: 'settled', locked: BUDGET, refundableAtS: 0 })
  })

  it('gives dust to the node: one base unit is paid whole', async () => {
    const { creator, nodes } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, ODD[1]])
    const { paid, burned, treasury } = await creator.settle(order, await creator.signSettlement(order))
    assert.deepEqual({ paid, burned, treasury }, { paid: 1n, burned: 0n, treasury: 0n })
  })

  it('gives everything back when nobody is to be paid', async () => {
    const { creator } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref)
    const { refunded, credits } = await creator.settle(order, await creator.signSettlement(order))
    assert.deepEqual({ refunded, credits }, { refunded: BUDGET, credits: [] })
    assert.equal(await creator.balanceOf(creator.account), 2n * BUDGET)
  })

  it('pays out all of it when all is earned', async () => {
    const { creator, nodes } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, BUDGET])
    assert.equal((await creator.settle(order, await creator.signSettlement(order))).refunded, 0n)
  })

  it('answers a repeated settlement with the first outcome, whatever is asked now', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, 10_000n])
    const signature = await creator.signSettlement(order)
    const outcome = await creator.settle(order, signature)
    const other = orderOf(ref, [nodes[1].account, 20_000n])

    assert.deepEqual(await stranger.settle(order, signature), outcome)
    assert.deepEqual(await stranger.settle(other, await creator.signSettlement(other)), outcome)
    assert.equal(await creator.creditOf(nodes[0].account), 9_000n)
    assert.equal(await creator.creditOf(nodes[1].account), 0n)
  })

  it('still answers a repeated lock once settled, and locks no more', async () => {
    const { creator } = cast()
    const first = await creator.lock(terms())
    const order = orderOf(first.ref)
    await creator.settle(order, await creator.signSettlement(order))
    assert.deepEqual(await creator.lock(terms()), first)
    assert.equal(await creator.balanceOf(creator.contract), 0n)
    assert.equal((await creator.escrow(first.ref)).state, 'settled')
  })

  it('can be settled after the refund time, as long as nobody refunded', async () => {
    const { creator, nodes, world } = cast()
    const { ref } = await creator.lock(terms())
    await world.advance(REFUND_AFTER_S + 1)
    const order = orderOf(ref, [nodes[0].account, BUDGET])
    assert.equal((await creator.settle(order, await creator.signSettlement(order))).refunded, 0n)
  })
}

function signatureRules(cast: () => Cast): void {
  it('refuses what its creator did not sign', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, 10_000n])
    const signature = await creator.signSettlement(order)
    const broken = `${signature.slice(0, -4)}${signature.slice(-4) === '0000' ? '0101' : '0000'}`

    await refused(nodes[0].settle(order, await stranger.signSettlement(order)), 'BadSignature')
    await refused(nodes[0].settle(order, broken), 'BadSignature')
    await refused(nodes[0].settle(order, '0x'), 'BadSignature')
    await refused(nodes[0].settle(orderOf(ref, [nodes[0].account, 10_001n]), signature), 'BadSignature')
    await refused(nodes[0].settle(orderOf(ref, [nodes[1].account, 10_000n]), signature), 'BadSignature')
    await refused(nodes[0].settle({ ...order, receiptsRoot: keccak('other') }, signature), 'BadSignature')
    assert.equal((await creator.escrow(ref)).state, 'locked')
  })

  it('refuses a signature for another job of the same creator', async () => {
    const { creator, nodes } = cast()
    const { ref } = await creator.lock(terms())
    const again = await creator.lock(terms({ salt: keccak('salt 2') }))
    const order = orderOf(ref, [nodes[0].account, 10_000n])
    const signature = await creator.signSettlement(order)
    await refused(nodes[0].settle({ ...order, escrow: again.ref }, signature), 'BadSignature')
  })
}

function payoutRules(cast: () => Cast): void {
  for (const [what, error, payouts] of [
    ['that exceed the lock by one', 'ExceedsLock', ([a]) => [[a, BUDGET + 1n]]],
    [
      'that exceed it together',
      'ExceedsLock',
      ([a, b]) => [
        [a, BUDGET],
        [b, 1n]
      ]
    ],
    [
      'out of order',
      'PayoutsNotAscending',
      ([a, b]) => [
        [b, 1n],
        [a, 1n]
      ]
    ],
    [
      'to one account twice',
      'PayoutsNotAscending',
      ([a]) => [
        [a, 1n],
        [a, 1n]
      ]
    ],
    ['to nobody', 'PayoutsNotAscending', () => [[`0x${'0'.repeat(40)}`, 1n]]],
    [
      'of nothing',
      'ZeroAmount',
      ([a, b]) => [
        [a, 1n],
        [b, 0n]
      ]
    ]
  ] as const satisfies readonly (readonly [
    string,
    string,
    (nodes: readonly [Account, Account]) => Entries
  ])[]) {
    it(`refuses payouts ${what} although signed`, async () => {
      const { creator, nodes } = cast()
      const { ref } = await creator.lock(terms())
      const order = orderOf(ref, ...payouts([nodes[0].account, nodes[1].account]))
      await refused(creator.settle(order, await creator.signSettlement(order)), error)
      assert.equal((await creator.escrow(ref)).state, 'locked')
      assert.equal(await creator.creditOf(nodes[0].account), 0n)
    })
  }

  it('refuses to settle an escrow that was never locked, or of another chain or contract', async () => {
    const { creator } = cast()
    const ref = creator.escrowRef(terms())
    const order = orderOf(ref)
    await refused(creator.settle(order, await creator.signSettlement(order)), 'JobNotOpen')
    const elsewhere = orderOf({ ...ref, chainId: ref.chainId + 1 })
    await coded(creator.signSettlement(elsewhere), 'ERR_CHAIN_ID')
    await coded(creator.settle(elsewhere, '0x'), 'ERR_CHAIN_ID')
    const foreign = orderOf({ ...ref, contract: accountOf('another contract') })
    await coded(creator.signSettlement(foreign), 'ERR_USAGE')
  })
}
