import assert from 'node:assert/strict'
import type {
  Account,
  Appointment,
  Chain,
  EscrowRef,
  SettlementOrder,
  SettlementSignature
} from '@rayswarm/interface'
import { WITNESS_COUNT_MAX } from '@rayswarm/params'
import { BUDGET, type Cast, coded, orderOf, REFUND_AFTER_S, refused, terms } from './chain-cast.ts'
import { accountOf, appointmentHash, keccak } from './escrow-hash.ts'

/** The zero account. */
export const NOBODY: Account = `0x${'0'.repeat(40)}`
const PAID = 10_000n
const CREDITED = 9_000n

/** A locked escrow of the creator, both nodes and the stranger appointed, two of them a quorum. */
interface Appointed {
  readonly ref: EscrowRef
  readonly witnesses: readonly [Chain, Chain, Chain]
  readonly appointment: Appointment
  /** Pays the first node. */
  readonly order: SettlementOrder
}

async function appoint({ creator, nodes, stranger }: Cast, salt = keccak('salt')): Promise<Appointed> {
  const { ref } = await creator.lock(terms({ salt }))
  // Not ascending: the draw decides the order.
  const witnesses = [stranger, nodes[1], nodes[0]] as const
  const appointment = { views: [witnesses.map(({ account }) => account)], quorum: 2 }
  await creator.appoint(ref, appointment)
  return { ref, witnesses, appointment, order: orderOf(ref, [nodes[0].account, PAID]) }
}

/** Every signer's signature over an order. */
export async function signed(order: SettlementOrder, ...signers: Chain[]): Promise<SettlementSignature[]> {
  return await Promise.all(
    signers.map(async view => ({ account: view.account, signature: await view.signSettlement(order) }))
  )
}

/** Rules of appointing witnesses. Part of the chain suite. */
export function appointRules(cast: () => Cast): void {
  it('keeps the hash of the witnesses that the creator appoints, for everybody to compare', async () => {
    const { creator, stranger } = cast()
    const { ref: other } = await creator.lock(terms({ salt: keccak('salt 2') }))
    const { ref, appointment } = await appoint(cast())
    const escrow = await stranger.escrow(ref)
    assert.equal(escrow.appointed, appointmentHash(appointment))
    assert.deepEqual([escrow.state, escrow.locked], ['locked', BUDGET])
    assert.ok(!('appointed' in (await stranger.escrow(other))))
  })

  it('answers the same appointment with the first one, also when the escrow is closed', async () => {
    const { creator, nodes } = cast()
    const { ref, witnesses, appointment, order } = await appoint(cast())
    const first = await creator.appoint(ref, appointment)
    assert.deepEqual(await creator.appoint(ref, appointment), first)
    await nodes[0].settleByWitnesses(order, appointment, await signed(order, ...witnesses))
    assert.deepEqual(await creator.appoint(ref, appointment), first)
    assert.equal((await creator.escrow(ref)).appointed, appointmentHash(appointment))
  })

  it('lets the creator appoint once', async () => {
    const { creator } = cast()
    const { ref, appointment } = await appoint(cast())
    const { views, quorum } = appointment
    const accounts = views.flat()
    for (const other of [
      { views: [accounts.toReversed()], quorum },
      { views, quorum: 3 },
      { views: [...views, named(3)], quorum },
      { views: [accounts.slice(0, 1)], quorum: 1 }
    ])
      await refused(creator.appoint(ref, other), 'AlreadyAppointed')
    assert.equal((await creator.escrow(ref)).appointed, appointmentHash(appointment))
  })

  it('lets nobody else appoint', async () => {
    const { creator, stranger } = cast()
    const { ref } = await creator.lock(terms())
    const usurpers = { views: [[stranger.account]], quorum: 1 }
    await refused(stranger.appoint(ref, usurpers), 'NotCreator')
    await creator.appoint(ref, usurpers)
    await refused(stranger.appoint(ref, usurpers), 'NotCreator')
  })

  it('appoints for locked escrows only', async () => {
    const { creator, stranger, world } = cast()
    const witnesses = { views: [[stranger.account]], quorum: 1 }
    const unknown = creator.escrowRef(terms())
    await refused(creator.appoint(unknown, witnesses), 'JobNotOpen')

    const settled = orderOf((await creator.lock(terms())).ref)
    await creator.settle(settled, await creator.signSettlement(settled))
    await refused(creator.appoint(settled.escrow, witnesses), 'JobNotOpen')

    const { ref } = await creator.lock(terms({ salt: keccak('salt 2') }))
    await world.advance(REFUND_AFTER_S)
    await creator.refund(ref)
    await refused(creator.appoint(ref, witnesses), 'JobNotOpen')
    await coded(creator.appoint({ ...ref, chainId: ref.chainId + 1 }, witnesses), 'ERR_CHAIN_ID')
    await coded(creator.appoint({ ...ref, contract: accountOf('another contract') }, witnesses), 'ERR_USAGE')
  })
}

/** Rules of who may be appointed. Part of the chain suite. */
export function appointmentRules(cast: () => Cast): void {
  for (const [what, error, appointment] of [
    ['nobody', 'BadQuorum', { views: [], quorum: 0 }],
    ['nobody, with a quorum of one', 'BadQuorum', { views: [[]], quorum: 1 }],
    ['no quorum', 'BadQuorum', { views: [named(1)], quorum: 0 }],
    ['a minority of an odd number', 'BadQuorum', { views: [named(7)], quorum: 3 }],
    ['half of an even number', 'BadQuorum', { views: [named(4)], quorum: 2 }],
    ['fewer than the quorum', 'BadQuorum', { views: [named(3)], quorum: 4 }],
    ['one too many', 'BadQuorum', { views: [named(WITNESS_COUNT_MAX + 1)], quorum: 20 }],
    ['the same twice', 'DuplicateWitness', { views: [[...named(6), ...named(1)]], quorum: 5 }],
    ['the zero account', 'ZeroAccount', { views: [[...named(2), NOBODY]], quorum: 2 }]
  ] as const satisfies readonly (readonly [string, string, Appointment])[])
    refusesToAppoint(cast, what, error, appointment)

  it('appoints as many as there may be, by the smallest majority or unanimously', async () => {
    for (const [count, quorum] of [
      [WITNESS_COUNT_MAX, 16],
      [4, 3]
    ] as const)
      await appoints(cast(), { views: [named(count)], quorum })
  })
}

/** Rules of a settlement that witnesses signed. Part of the chain suite. */
export function witnessSettleRules(cast: () => Cast): void {
  it('pays what a quorum of witnesses signed, whoever sends it', async () => {
    const { creator, nodes } = cast()
    const { ref, witnesses, appointment, order } = await appoint(cast())
    const signatures = await signed(order, witnesses[2], witnesses[0])
    const outcome = await nodes[1].settleByWitnesses(order, appointment, signatures)

    const { txHash, ...sums } = outcome
    assert.match(txHash, /^0x[0-9a-f]{64}$/)
    assert.deepEqual(sums, {
      receiptsRoot: order.receiptsRoot,
      paid: CREDITED,
      burned: 500n,
      treasury: 500n,
      refunded: BUDGET - PAID,
      credits: [{ account: nodes[0].account, amount: CREDITED }]
    })
    assert.equal(await creator.creditOf(nodes[0].account), CREDITED)
    assert.equal(await creator.balanceOf(creator.account), BUDGET + sums.refunded)
    assert.equal((await creator.escrow(ref)).state, 'settled')
  })

  it('holds witnesses to the lock and to the order of payouts', async () => {
    const { nodes, stranger } = cast()
    const { ref, witnesses, appointment } = await appoint(cast())
    const [a, b] = [nodes[0].account, nodes[1].account]
    for (const [order, error] of [
      [orderOf(ref, [a, BUDGET + 1n]), 'ExceedsLock'],
      [orderOf(ref, [b, 1n], [a, 1n]), 'PayoutsNotAscending'],
      [orderOf(ref, [a, 0n]), 'ZeroAmount']
    ] as const) {
      const signatures = await signed(order, ...witnesses)
      await refused(stranger.settleByWitnesses(order, appointment, signatures), error)
    }
  })

  it('settles by witnesses as long as nobody refunded, and never after', async () => {
    const { creator, stranger, world } = cast()
    const kept = await appoint(cast())
    const lost = await appoint(cast(), keccak('salt 2'))
    await world.advance(REFUND_AFTER_S)
    const { paid } = await stranger.settleByWitnesses(
      kept.order,
      kept.appointment,
      await signed(kept.order, ...kept.witnesses)
    )
    assert.equal(paid, CREDITED)
    await creator.refund(lost.ref)
    const signatures = await signed(lost.order, ...lost.witnesses)
    await refused(stranger.settleByWitnesses(lost.order, lost.appointment, signatures), 'JobNotOpen')
  })
}

/** Rules of who decides once witnesses are appointed. Part of the chain suite. */
export function decisionRules(cast: () => Cast): void {
  it('leaves the creator no way to settle once witnesses are appointed', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref } = await creator.lock(terms({ salt: keccak('salt 2') }))
    const before = orderOf(ref, [nodes[0].account, PAID])
    const early = await creator.signSettlement(before)
    const usurpers = { views: [[stranger.account]], quorum: 1 }
    await creator.appoint(ref, usurpers)
    const nothing = orderOf(ref)
    for (const sender of [creator, stranger]) {
      await refused(sender.settle(nothing, await creator.signSettlement(nothing)), 'WitnessesDecide')
      await refused(sender.settle(before, early), 'WitnessesDecide')
      await refused(sender.settle(before, await stranger.signSettlement(before)), 'WitnessesDecide')
      await refused(sender.settle(before, '0x'), 'WitnessesDecide')
    }
    await refused(
      creator.settleByWitnesses(nothing, usurpers, await signed(nothing, creator)),
      'QuorumNotMet'
    )
    assert.equal((await creator.escrow(ref)).state, 'locked')
    assert.equal(await creator.balanceOf(creator.contract), BUDGET)

    // Another escrow of the same creator is its own, as ever.
    const own = orderOf((await creator.lock(terms())).ref, [nodes[0].account, PAID])
    assert.equal((await creator.settle(own, await creator.signSettlement(own))).paid, CREDITED)
  })

  it('refunds a timed-out escrow whose witnesses never settled', async () => {
    const { creator, stranger, world } = cast()
    const { ref, order } = await appoint(cast())
    await refused(creator.refund(ref), 'NotRefundableYet')
    await world.advance(REFUND_AFTER_S)
    await refused(creator.settle(order, await creator.signSettlement(order)), 'WitnessesDecide')
    assert.equal((await stranger.refund(ref)).refunded, BUDGET)
    await refused(creator.settle(order, await creator.signSettlement(order)), 'JobNotOpen')
    assert.equal((await creator.escrow(ref)).state, 'refunded')
  })

  it('tells everybody the one outcome, whoever asks, signed or not', async () => {
    const { creator, nodes, stranger } = cast()
    const { ref, witnesses, appointment, order } = await appoint(cast())
    const signatures = await signed(order, ...witnesses)
    await refused(creator.settleByWitnesses(order, appointment, []), 'QuorumNotMet')
    const outcome = await stranger.settleByWitnesses(order, appointment, signatures)

    const nothing = orderOf(ref)
    assert.deepEqual(await stranger.settleByWitnesses(order, appointment, signatures), outcome)
    assert.deepEqual(await creator.settleByWitnesses(order, appointment, []), outcome)
    assert.deepEqual(await creator.settleByWitnesses(nothing, appointment, []), outcome)
    assert.deepEqual(await creator.settle(nothing, await creator.signSettlement(nothing)), outcome)
    assert.deepEqual(await creator.settle(nothing, '0x'), outcome)
    assert.equal(await creator.creditOf(nodes[0].account), CREDITED)

    const own = orderOf((await creator.lock(terms({ salt: keccak('salt 2') }))).ref)
    const byCreator = await creator.settle(own, await creator.signSettlement(own))
    assert.deepEqual(await stranger.settleByWitnesses(own, appointment, []), byCreator)
  })
}

/** Rules of whose signatures count. Part of the chain suite. */
export function quorumRules(cast: () => Cast): void {
  it('counts each witness once, and nobody else', async () => {
    const { creator, stranger } = cast()
    const { ref, witnesses, appointment, order } = await appoint(cast())
    const [one, two] = await signed(order, witnesses[0], witnesses[1])
    const [byCreator] = await signed(order, creator)
    assert.ok(one && two && byCreator)
    const borrowed = { account: witnesses[1].account, signature: one.signature }
    const broken = { ...two, signature: `${two.signature.slice(0, -2)}00` }
    const cut = { ...two, signature: two.signature.slice(0, -2) }
    for (const collected of [
      [],
      [one],
      [one, one],
      [one, byCreator],
      [one, borrowed],
      [one, broken],
      [one, cut]
    ])
      await refused(stranger.settleByWitnesses(order, appointment, collected), 'QuorumNotMet')
    assert.equal((await creator.escrow(ref)).state, 'locked')

    // What does not count does no harm.
    const collected = [broken, borrowed, byCreator, one, one, two]
    const { paid } = await stranger.settleByWitnesses(order, appointment, collected)
    assert.equal(paid, CREDITED)
  })

  it('refuses signatures for another order, escrow, chain or contract', async () => {
    const { nodes, stranger } = cast()
    const { ref, witnesses, appointment, order } = await appoint(cast())
    const again = await appoint(cast(), keccak('salt 2'))
    for (const other of [
      orderOf(ref, [nodes[0].account, PAID + 1n]),
      orderOf(ref, [nodes[1].account, PAID]),
      { ...order, receiptsRoot: keccak('other') },
      again.order
    ]) {
      const signatures = await signed(other, ...witnesses)
      await refused(stranger.settleByWitnesses(order, appointment, signatures), 'QuorumNotMet')
    }
    const elsewhere = { ...order, escrow: { ...ref, chainId: ref.chainId + 1 } }
    await coded(stranger.settleByWitnesses(elsewhere, appointment, []), 'ERR_CHAIN_ID')
    const foreign = { ...order, escrow: { ...ref, contract: accountOf('another contract') } }
    await coded(stranger.settleByWitnesses(foreign, appointment, []), 'ERR_USAGE')
  })

  it('settles by exactly who was appointed', async () => {
    const { creator, stranger } = cast()
    const { witnesses, appointment, order } = await appoint(cast())
    const signatures = await signed(order, ...witnesses, creator)
    for (const other of [
      { ...appointment, quorum: 1 },
      { ...appointment, quorum: 3 },
      { ...appointment, views: [appointment.views.flat().toReversed()] },
      { ...appointment, views: [appointment.views.flat().slice(0, 2)] },
      { views: [[creator.account, stranger.account]], quorum: 2 }
    ])
      await refused(stranger.settleByWitnesses(order, other, signatures), 'NotAppointed')
    assert.equal((await stranger.settleByWitnesses(order, appointment, signatures)).paid, CREDITED)
  })

  it('settles by nobody when nobody was appointed', async () => {
    const { creator, nodes, stranger } = cast()
    const order = orderOf((await creator.lock(terms())).ref, [nodes[0].account, PAID])
    const signatures = await signed(order, creator, stranger)
    const usurpers = { views: [[creator.account, stranger.account]], quorum: 2 }
    await refused(stranger.settleByWitnesses(order, usurpers, signatures), 'NotAppointed')
    const nobody = { views: [], quorum: 0 }
    await refused(stranger.settleByWitnesses(order, nobody, []), 'NotAppointed')
    const unknown = { ...order, escrow: creator.escrowRef(terms({ salt: keccak('none') })) }
    await refused(stranger.settleByWitnesses(unknown, nobody, []), 'JobNotOpen')
  })
}

/** Rules of signatures, without a transaction. Part of the chain suite. */
export function verifyRules(cast: () => Cast): void {
  it('tells an account’s signature over a settlement from all others', async () => {
    const { creator, stranger } = cast()
    const { order } = await appoint(cast())
    const [ours] = await signed(order, stranger)
    assert.ok(ours)
    assert.equal(creator.verifySettlement(order, ours), true)
    assert.equal(creator.verifySettlement(order, { ...ours, account: ours.account.toLowerCase() }), true)
    assert.equal(creator.verifySettlement(order, { ...ours, account: creator.account }), false)
    assert.equal(creator.verifySettlement({ ...order, receiptsRoot: keccak('other') }, ours), false)
    const elsewhere = { ...order.escrow, chainId: order.escrow.chainId + 1 }
    assert.equal(creator.verifySettlement({ ...order, escrow: elsewhere }, ours), false)
    const overflow = [{ account: stranger.account, gross: 2n ** 64n }]
    assert.equal(creator.verifySettlement({ ...order, payouts: overflow }, ours), false)

    const body = ours.signature.slice(0, -2)
    for (const signature of [
      '',
      '0x',
      'word',
      `${body}00`,
      `${body}01`,
      body,
      `${ours.signature}00`,
      `0x${'f'.repeat(130)}`
    ])
      assert.equal(creator.verifySettlement(order, { ...ours, signature }), false, signature)
    for (const account of ['', '0x', 'word', NOBODY])
      assert.equal(creator.verifySettlement(order, { ...ours, account }), false, account)
  })
}

/** So many accounts, each of its own. */
export function named(count: number, first = 0): Account[] {
  return Array.from({ length: count }, (_, i) => accountOf(`witness ${first + i}`))
}

/** An appointment that no escrow takes. */
export function refusesToAppoint(
  cast: () => Cast,
  what: string,
  error: string,
  appointment: Appointment
): void {
  it(`refuses to appoint ${what}`, async () => {
    const { creator } = cast()
    const { ref } = await creator.lock(terms())
    await refused(creator.appoint(ref, appointment), error)
    assert.ok(!('appointed' in (await creator.escrow(ref))))
  })
}

/** Appoint for an escrow of its own, and see it named there. */
export async function appoints({ creator }: Cast, appointment: Appointment): Promise<void> {
  const hash = appointmentHash(appointment)
  const { ref } = await creator.lock(terms({ salt: hash }))
  await creator.appoint(ref, appointment)
  assert.equal((await creator.escrow(ref)).appointed, hash)
}
