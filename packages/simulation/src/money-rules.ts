import assert from 'node:assert/strict'
import { BUDGET, type Cast, ODD, orderOf, REFUND_AFTER_S, refused, terms } from './chain-cast.ts'
import { keccak } from './escrow-hash.ts'

/** Rules of timed-out escrows. Part of the chain suite. */
export function refundRules(cast: () => Cast): void {
  it('refunds nobody too early', async () => {
    const { creator, stranger, world } = cast()
    const { ref } = await creator.lock(terms())
    await refused(creator.refund(ref), 'NotRefundableYet')
    await world.advance(REFUND_AFTER_S / 2)
    await refused(stranger.refund(ref), 'NotRefundableYet')
    assert.equal((await creator.escrow(ref)).state, 'locked')
  })

  it('lets anybody refund a timed-out escrow, to its creator, once', async () => {
    const { creator, stranger, world } = cast()
    const { ref } = await creator.lock(terms())
    await world.advance(REFUND_AFTER_S)
    const { refunded } = await stranger.refund(ref)
    assert.equal(refunded, BUDGET)
    assert.equal(await creator.balanceOf(creator.account), 2n * BUDGET)
    assert.equal(await creator.balanceOf(stranger.account), 0n)

    await refused(stranger.refund(ref), 'JobNotOpen')
    assert.equal(await creator.balanceOf(creator.contract), 0n)
    const { state, locked, refundableAtS } = await creator.escrow(ref)
    assert.deepEqual(
      { state, locked, refundableAtS },
      { state: 'refunded', locked: BUDGET, refundableAtS: 0 }
    )
  })

  it('never settles what was refunded, never refunds what was settled', async () => {
    const { creator, nodes, world } = cast()
    const { ref } = await creator.lock(terms())
    const again = await creator.lock(terms({ salt: keccak('salt 2') }))
    const order = orderOf(ref, [nodes[0].account, BUDGET])
    const signature = await creator.signSettlement(order)
    const settled = orderOf(again.ref, [nodes[0].account, 10_000n])
    await creator.settle(settled, await creator.signSettlement(settled))
    await world.advance(REFUND_AFTER_S)
    await creator.refund(ref)

    await refused(creator.settle(order, signature), 'JobNotOpen')
    await refused(creator.refund(again.ref), 'JobNotOpen')
    await refused(creator.refund(creator.escrowRef(terms({ salt: keccak('none') }))), 'JobNotOpen')
    assert.equal(await creator.creditOf(nodes[0].account), 9_000n)
  })
}

/** Rules of where every base unit goes. Part of the chain suite. */
export function moneyRules(cast: () => Cast): void {
  it('pays a credit to its account, whoever asks, once', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, 10_000n])
    await creator.settle(order, await creator.signSettlement(order))

    const { amount } = await stranger.withdraw(nodes[0].account)
    assert.equal(amount, 9_000n)
    assert.equal(await creator.balanceOf(nodes[0].account), 9_000n)
    assert.equal(await creator.balanceOf(stranger.account), 0n)
    assert.equal(await creator.creditOf(nodes[0].account), 0n)
    await refused(stranger.withdraw(nodes[0].account), 'NothingToWithdraw')
    await refused(stranger.withdraw(stranger.account), 'NothingToWithdraw')
  })

  it('adds up credits of several jobs', async () => {
    const { creator, nodes } = cast()
    for (const salt of [keccak('salt 1'), keccak('salt 2')]) {
      const { ref } = await creator.lock(terms({ salt }))
      const order = orderOf(ref, [nodes[0].account, 10_000n])
      await creator.settle(order, await creator.signSettlement(order))
    }
    assert.equal((await nodes[0].withdraw(nodes[0].account)).amount, 18_000n)
  })

  it('conserves every base unit: locked = paid + burned + treasury + refunded', async () => {
    const { creator, nodes, stranger, world } = cast()
    const minted = await world.supply()
    const { ref } = await creator.lock(terms())
    const order = orderOf(ref, [nodes[0].account, ODD[0]], [nodes[1].account, ODD[2]])
    const { paid, burned, treasury, refunded } = await creator.settle(
      order,
      await creator.signSettlement(order)
    )

    assert.equal(paid + burned + treasury + refunded, BUDGET)
    assert.equal(await world.supply(), minted - burned)
    assert.equal(await creator.balanceOf(creator.contract), paid + treasury)
    await stranger.withdraw(nodes[0].account)
    await stranger.withdraw(nodes[1].account)
    assert.equal(await world.sweepTreasury(), treasury)
    assert.equal(await creator.balanceOf(world.treasury), treasury)
    assert.equal(await creator.balanceOf(creator.contract), 0n)
    await refused(world.sweepTreasury(), 'NothingToWithdraw')
  })

  it('splits by shares that add up to 10 000', async () => {
    const { creator } = cast()
    const { nodeBps, burnBps, treasuryBps } = await creator.split()
    assert.deepEqual({ nodeBps, burnBps, treasuryBps }, { nodeBps: 9_000, burnBps: 500, treasuryBps: 500 })
  })
}
