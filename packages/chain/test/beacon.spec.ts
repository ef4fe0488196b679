import assert from 'node:assert/strict'
import type { BeaconValue, EscrowRef } from '@rayswarm/interface'
import { nodeIdentity, toHex } from '@rayswarm/wire'
import { computeAddress, id } from 'ethers'
import { ChainBeacon, type ChainInit, type EthersChain, fund, openChain, openRegistry } from '../src/index.ts'
import { KEYS, PAGES_OF_BLOCKS, TestBed } from './world.ts'

const CONFIRMATIONS = 2
const EPOCH_S = 100
const TERMS = { epochS: EPOCH_S }

describe('ChainBeacon', () => {
  let bed: TestBed
  let init: ChainInit
  const opened: EthersChain[] = []

  before(async () => {
    bed = await TestBed.start({ ...TERMS, unbondingS: 300, stakeMin: 1_000n })
    init = { rpcUrl: bed.dev.rpcUrl, ...bed.deployment, key: KEYS[0]!, confirmations: CONFIRMATIONS }
  })
  after(() => bed.stop())
  beforeEach(async () => {
    await bed.reset()
    await fund({ ...init, key: bed.dev.key }, [{ account: computeAddress(init.key), amount: 1_000n }])
  })
  afterEach(() => {
    for (const chain of opened.splice(0)) chain.close()
  })

  async function open(over: Partial<ChainInit> = {}): Promise<EthersChain> {
    const chain = await openChain({ ...init, ...over })
    opened.push(chain)
    return chain
  }

  async function lock(chain: EthersChain, salt = id('salt')): Promise<{ ref: EscrowRef; block: number }> {
    const { ref } = await chain.lock({ jobHash: id('job'), salt, amount: 10n, refundAfterS: 60 })
    return { ref, block: await chain.link.rpc.connection.getBlockNumber() }
  }

  async function mine(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await bed.dev.request('evm_mine', [])
  }

  /** On a chain whose blocks carry `prevRandao`: no chain that runs here does that. */
  async function afterOn(
    chain: EthersChain,
    prevRandao: string | null,
    salt = id('salt 2')
  ): Promise<BeaconValue | undefined> {
    const { ref } = await lock(chain, salt)
    await mine(2 * CONFIRMATIONS + 1)
    const { rpc } = chain.link
    const block = rpc.block.bind(rpc)
    rpc.block = async number => Object.create(await block(number), { prevRandao: { value: prevRandao } })
    return await new ChainBeacon(chain, TERMS).after(ref)
  }

  it('is the randomness of the block after the lock’s finality, once that block is final too', async () => {
    const chain = await open()
    const beacon = new ChainBeacon(chain, TERMS)
    const unlocked = chain.escrowRef({ jobHash: id('job'), salt: id('salt'), amount: 10n, refundAfterS: 60 })
    assert.equal(await beacon.after(unlocked), undefined)

    const { ref, block } = await lock(chain)
    for (let above = 0; above < 2 * CONFIRMATIONS + 1; above++) {
      assert.equal(await beacon.after(ref), undefined, `${above} blocks above the lock`)
      await mine(1)
    }
    const value = await beacon.after(ref)
    const round = block + CONFIRMATIONS + 1
    const { prevRandao } = await chain.link.rpc.block(round)
    assert.deepEqual(
      [value?.round, value && toHex(value.randomness), value?.insecure],
      [round, prevRandao, false]
    )
  })

  it('is the same for everybody, however late', async () => {
    const chain = await open()
    const { ref } = await lock(chain)
    await mine(2 * CONFIRMATIONS + 1)
    const value = await new ChainBeacon(chain, TERMS).after(ref)
    await bed.mine(PAGES_OF_BLOCKS)
    const order = { escrow: ref, payouts: [], receiptsRoot: id('root') }
    await chain.settle(order, await chain.signSettlement(order))
    assert.deepEqual(await new ChainBeacon(await open({ key: KEYS[1]! }), TERMS).after(ref), value)
    assert.ok(value)
  })

  it('names the epoch in which its block was made, whenever it is asked', async () => {
    const chain = await open()
    const identity = nodeIdentity(new Uint8Array(32).fill(1))
    const registry = await openRegistry(chain, { registry: bed.deployment.registry, identity })
    const { ref, block } = await lock(chain)
    const lockedAt = (await chain.link.rpc.block(block)).timestamp
    const first = (Math.floor(lockedAt / EPOCH_S) + 10) * EPOCH_S
    // The last instant before the block's epoch, its first, and epochs later.
    for (const instantS of [first - 2, first - 1, first, first + 5 * EPOCH_S, first + 6 * EPOCH_S]) {
      await bed.dev.request('evm_setNextBlockTimestamp', [instantS])
      await mine(1)
    }
    const value = await new ChainBeacon(chain, registry).after(ref)
    assert.equal(value?.epoch, first / EPOCH_S)
    // The last epoch that has begun when the value is known, as the contract counts.
    assert.equal(await registry.epoch(), value.epoch)
    assert.equal((await registry.snapshot(value.epoch)).epoch, value.epoch)
    await assert.rejects(registry.snapshot(value.epoch + 1), { code: 'ERR_USAGE', thing: 'epoch' })

    await mine(CONFIRMATIONS)
    assert.equal(await registry.epoch(), value.epoch + 6)
    assert.deepEqual(await new ChainBeacon(await open({ key: KEYS[1]! }), registry).after(ref), value)
  })

  it('differs from lock to lock', async () => {
    const chain = await open()
    const [one, two] = [await lock(chain), await lock(chain, id('salt 2'))]
    await mine(2 * CONFIRMATIONS + 1)
    const beacon = new ChainBeacon(chain, TERMS)
    assert.notDeepEqual((await beacon.after(one.ref))?.randomness, (await beacon.after(two.ref))?.randomness)
  })

  it('says when somebody could predict it', async () => {
    const hasty = await open({ confirmations: 0 })
    const { ref } = await lock(hasty)
    await mine(1)
    assert.equal((await new ChainBeacon(hasty, TERMS).after(ref))?.insecure, true)

    // Chains without randomness of their own put a one there.
    const one = `0x${'1'.padStart(64, '0')}`
    assert.equal((await afterOn(await open(), one))?.insecure, true)
    assert.equal((await afterOn(await open(), `0x${'2'.padStart(64, '0')}`, id('salt 3')))?.insecure, false)
  })

  it('refuses a chain whose blocks carry no randomness', async () => {
    await assert.rejects(afterOn(await open(), null), { code: 'ERR_USAGE', thing: 'chain id' })
  })

  it('knows nothing of another chain or contract', async () => {
    const chain = await open({ confirmations: 0 })
    const { ref } = await lock(chain)
    await mine(1)
    const beacon = new ChainBeacon(chain, TERMS)
    assert.ok(await beacon.after(ref))
    assert.equal(await beacon.after({ ...ref, chainId: 1 }), undefined)
    assert.equal(await beacon.after({ ...ref, contract: bed.deployment.token }), undefined)
    chain.link.rpc.connection.getLogs = () => assert.fail('searched for what is not there')
    assert.equal(await beacon.after({ ...ref, id: id('another') }), undefined)
  })

  it('asks the chain once for each escrow', async () => {
    const chain = await open({ confirmations: 0 })
    const { ref } = await lock(chain)
    await mine(1)
    const beacon = new ChainBeacon(chain, TERMS)
    const value = await beacon.after(ref)
    chain.close()
    assert.deepEqual(await beacon.after(ref), value)
  })
})
