import assert from 'node:assert/strict'
import type { Account, Hex, SettlementOrder } from '@rayswarm/interface'
import { computeAddress, id, Signature, Wallet, ZeroHash } from 'ethers'
import { reverted } from '../src/errors.ts'
import {
  appointmentHash,
  type Deployment,
  ESCROW,
  type EthersChain,
  fund,
  openChain,
  TOKEN
} from '../src/index.ts'
import {
  appointmentValue,
  settlementDomain,
  settlementTypes,
  settlementValue
} from '../src/typed-settlement.ts'
import { deployEscrow, KEYS, TestBed } from './world.ts'

interface Compact {
  readonly r: Hex
  readonly vs: Hex
}

const VIEW_SIZE = 7
const QUORUM = 5
/** Of two views. */
const WITNESSES = Array.from({ length: 2 * VIEW_SIZE }, (_, i) => new Wallet(id(`witness ${i}`)))
const ACCOUNTS = WITNESSES.map(({ address }) => address)
const APPOINTMENT = { views: [ACCOUNTS.slice(0, VIEW_SIZE), ACCOUNTS.slice(VIEW_SIZE)], quorum: QUORUM }
const APPOINTED = appointmentValue(APPOINTMENT)
const ROOT = id('root')
const TERMS = { jobHash: id('job'), salt: id('salt'), amount: 1_000n, refundAfterS: 60 }

/** What the adapter never sends: the contract must refuse it all the same. */
describe('JobEscrow.settleByWitnesses', () => {
  let bed: TestBed
  let deployment: Deployment
  let chain: EthersChain
  let order: SettlementOrder

  before(async () => {
    bed = await TestBed.start()
    deployment = bed.deployment
  })
  after(() => bed.stop())
  beforeEach(async () => {
    await bed.reset()
    const { rpcUrl } = bed.dev
    const recipients = [{ account: computeAddress(KEYS[0]!), amount: 10_000n }]
    await fund({ rpcUrl, ...deployment, key: bed.dev.key }, recipients)
    chain = await openChain({ rpcUrl, ...deployment, key: KEYS[0]! })
    const { ref } = await chain.lock(TERMS)
    await chain.appoint(ref, APPOINTMENT)
    order = { escrow: ref, payouts: [{ account: ACCOUNTS[0]!, gross: 100n }], receiptsRoot: ROOT }
  })
  afterEach(() => chain.close())

  async function sign(wallet: Wallet, signed = order): Promise<Compact> {
    const value = settlementValue(signed)
    const text = await wallet.signTypedData(settlementDomain(signed.escrow), settlementTypes(), value)
    const { r, yParityAndS } = Signature.from(text)
    return { r, vs: yParityAndS }
  }

  async function settle(
    signers: bigint,
    signatures: readonly Compact[],
    over: Partial<Call> = {}
  ): Promise<void> {
    const { payouts, receiptsRoot, escrow } = order
    const { contract = chain.contract, viewIndex = 0, ...changed } = over
    const appointment = { ...APPOINTED, ...changed }
    const args = [escrow.id, payouts, receiptsRoot, appointment, viewIndex, signers, signatures]
    await chain.link.sender.send({ to: contract, data: ESCROW.encodeFunctionData('settleByWitnesses', args) })
  }

  async function of(...indices: number[]): Promise<Compact[]> {
    return await Promise.all(indices.map(index => sign(WITNESSES[index]!)))
  }

  it('settles by any quorum, and by more than one', async () => {
    await settle(0b1111111n, await of(0, 1, 2, 3, 4, 5, 6))
    assert.equal((await chain.escrow(order.escrow)).state, 'settled')
    await refused(settle(0b1111111n, await of(0, 1, 2, 3, 4, 5, 6)), 'JobNotOpen')
  })

  it('emits who was appointed', async () => {
    const [log] = await chain.link.rpc
      .eventsOf(chain.contract, 0, 1_000_000)
      .then(logs =>
        logs.filter(({ topics }) => topics[0] === ESCROW.getEvent('WitnessesAppointed')!.topicHash)
      )
    const { appointed, appointment } = ESCROW.parseLog(log!)!.args
    const { witnesses, viewSize, quorum } = appointment
    assert.equal(appointed, appointmentHash(APPOINTMENT))
    assert.deepEqual([[...witnesses], viewSize, quorum], [ACCOUNTS, BigInt(VIEW_SIZE), BigInt(QUORUM)])
  })

  it('refuses fewer signatures than the quorum, whatever the bits say', async () => {
    await refused(settle(0b1111n, await of(0, 1, 2, 3)), 'QuorumNotMet')
    await refused(settle(0b11111n, await of(0, 1, 2, 3)), 'QuorumNotMet')
    await refused(settle(0n, []), 'QuorumNotMet')
  })

  it('refuses one witness in the place of many', async () => {
    const [one] = await of(0)
    const five = Array.from({ length: 5 }, () => one!)
    await refused(settle(0b1n, five), 'BadSignature')
    await refused(settle(0b11111n, five), 'BadSignature')
    await refused(settle(0n, five), 'BadSignature')
  })

  it('refuses bits and signatures that do not match', async () => {
    const five = await of(0, 1, 2, 3, 4)
    await refused(settle(0b111111n, five), 'BadSignature')
    await refused(settle(0b111110n, five), 'BadSignature')
    await refused(settle(0b1111n, five), 'BadSignature')
    await refused(settle(0b11111n, five.toReversed()), 'BadSignature')
    await refused(settle(0b1111n | (1n << 7n), five), 'BadSignature')
    await refused(settle(0b1111n | (1n << 255n), five), 'BadSignature')
    await refused(settle(2n ** 256n - 1n, five), 'BadSignature')
    await settle(0b11111n, five)
  })

  it('refuses a stranger, and rubbish, also beside a full quorum', async () => {
    const four = await of(0, 1, 2, 3)
    const five = await of(0, 1, 2, 3, 4)
    const stranger = await sign(new Wallet(id('stranger')))
    for (const bad of [stranger, { r: ZeroHash, vs: ZeroHash }, { r: id('r'), vs: id('vs') }]) {
      await refused(settle(0b11111n, [...four, bad]), 'BadSignature')
      await refused(settle(0b111111n, [...five, bad]), 'BadSignature')
    }
  })

  it('settles by a later view', async () => {
    await settle(0b1111001n, await of(7, 10, 11, 12, 13), { viewIndex: 1 })
    assert.equal((await chain.escrow(order.escrow)).state, 'settled')
  })

  it('refuses a signer of another view, whatever the bits say', async () => {
    const mixed = await of(0, 1, 2, 3, 7)
    await refused(settle(0b1111n | (1n << 7n), mixed), 'BadSignature')
    await refused(settle(0b11111n, mixed), 'BadSignature')
    await refused(settle(0b11111n, mixed, { viewIndex: 1 }), 'BadSignature')
    await refused(settle(0b11111n, await of(0, 1, 2, 3, 4), { viewIndex: 1 }), 'BadSignature')
    await refused(settle(0b11111n, await of(7, 8, 9, 10, 11)), 'BadSignature')
    await refused(settle(0b11111n << 7n, await of(7, 8, 9, 10, 11)), 'BadSignature')
  })

  it('refuses a view that is not there', async () => {
    const five = await of(7, 8, 9, 10, 11)
    for (const viewIndex of [2, 2n ** 255n, 2n ** 256n - 1n])
      await refused(settle(0b11111n, five, { viewIndex }), 'NoSuchView')
  })

  it('refuses to appoint witnesses that are not whole views', async () => {
    const { ref } = await chain.lock({ ...TERMS, salt: id('salt 2') })
    for (const [count, viewSize, error] of [
      [0, 7, 'BadViews'],
      [6, 7, 'BadViews'],
      [13, 7, 'BadViews'],
      [7, 0, 'BadQuorum'],
      [14, 2n ** 255n, 'BadQuorum']
    ] as const) {
      const appointment = { witnesses: ACCOUNTS.slice(0, count), viewSize, quorum: QUORUM }
      const data = ESCROW.encodeFunctionData('appoint', [ref.id, appointment])
      await refused(chain.link.sender.send({ to: chain.contract, data }), error)
    }
  })

  it('refuses other witnesses than those appointed', async () => {
    const five = await of(0, 1, 2, 3, 4)
    for (const over of [
      { quorum: 4 },
      { quorum: 1 },
      { viewSize: 14 },
      { witnesses: ACCOUNTS.slice(0, 7) },
      { witnesses: ACCOUNTS.toReversed() },
      { witnesses: [...ACCOUNTS, ACCOUNTS[0]!] }
    ])
      await refused(settle(0b11111n, five, over), 'NotAppointed')
  })

  it('refuses what was signed for the same escrow id in another contract', async () => {
    const { token } = deployment
    const contract = await deployEscrow(chain.link.sender, token)
    const other = await openChain({ rpcUrl: bed.dev.rpcUrl, ...deployment, contract, key: KEYS[0]! })
    try {
      const { ref } = await other.lock(TERMS)
      assert.equal(ref.id, order.escrow.id)
      const [here, there] = [order, { ...order, escrow: ref }]
      await refused(other.settle(there, await chain.signSettlement(here)), 'BadSignature')
      await other.appoint(ref, APPOINTMENT)
      await refused(settle(0b11111n, await of(0, 1, 2, 3, 4), { contract }), 'BadSignature')
      const theirs = await Promise.all(WITNESSES.slice(0, 5).map(wallet => sign(wallet, there)))
      await refused(settle(0b11111n, theirs), 'BadSignature')
      await settle(0b11111n, theirs, { contract })
      assert.equal((await chain.escrow(here.escrow)).state, 'locked')
    } finally {
      other.close()
    }
  })

  it('refuses accounts with dirty upper bits', async () => {
    const { ref } = await chain.lock({ ...TERMS, salt: id('salt 2') })
    const clean = ESCROW.encodeFunctionData('appoint', [
      ref.id,
      { witnesses: [ACCOUNTS[0]!], viewSize: 1, quorum: 1 }
    ])
    const word = ACCOUNTS[0]!.slice(2).toLowerCase().padStart(64, '0')
    const dirty = clean.replace(word, word.replace(/^0/, '1'))
    assert.notEqual(dirty, clean)
    const send = (data: Hex): Promise<unknown> => chain.link.sender.send({ to: chain.contract, data })
    await refused(send(dirty), 'unknown')
    await send(clean)
  })

  it('lets a witness be paid like anybody', async () => {
    await settle(0b1111100n, await of(2, 3, 4, 5, 6))
    assert.equal(await chain.creditOf(ACCOUNTS[0]!), 90n)
    const held = await chain.link.rpc.read(deployment.token, TOKEN, 'balanceOf', [chain.contract])
    assert.deepEqual([...held], [95n])
  })
})

interface Call {
  readonly witnesses: readonly Account[]
  readonly viewSize: number
  readonly quorum: number
  readonly viewIndex: number | bigint
  readonly contract: Account
}

async function refused(sent: Promise<unknown>, name: string): Promise<void> {
  const { code, value } = reverted(name)
  await assert.rejects(sent, { code, value })
}
