import assert from 'node:assert/strict'
import { type Account, type Amount, isRayswarmError } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'
import { id } from 'ethers'
import { openRegistry, REGISTRY } from '../src/index.ts'
import {
  CLASSES,
  EPOCH_S,
  encodedTerms,
  FIRST_EPOCH,
  FUNDS,
  GENESIS_S,
  RegistryBed,
  rawTerms,
  refused,
  STAKE_MIN,
  TRANSFER_AND_CALL,
  terms,
  UNBONDING_S
} from './registry-bed.ts'
import { PAGES_OF_BLOCKS } from './world.ts'

describe('NodeRegistry', () => {
  let world: RegistryBed
  before(async () => {
    world = await RegistryBed.start()
  })
  after(() => world.stop())
  beforeEach(() => world.reset())
  afterEach(() => world.close())

  describe('registration', () => {
    it('counts from the end of its delay on, and not a block earlier', async () => {
      const [one, , reader] = world.members
      await one.registry.register(terms({ operator: 'acme' }))
      await world.toEpoch(REGISTRATION_DELAY_EPOCHS)
      assert.deepEqual(await world.peersAt(REGISTRATION_DELAY_EPOCHS - 1), [])
      assert.deepEqual(await reader.registry.snapshot(FIRST_EPOCH + REGISTRATION_DELAY_EPOCHS), {
        epoch: FIRST_EPOCH + REGISTRATION_DELAY_EPOCHS,
        entries: [
          {
            peer: one.identity.peerId,
            account: one.chain.account,
            stake: STAKE_MIN,
            classes: CLASSES,
            operatorTag: id('acme'),
            sinceEpoch: FIRST_EPOCH
          }
        ]
      })
      assert.deepEqual(await reader.registry.stakeOf(one.chain.account), {
        stake: STAKE_MIN,
        withdrawableAtS: 0,
        slashed: false
      })
      assert.equal(await reader.chain.balanceOf(world.deployment.registry), STAKE_MIN)
    })

    it('is the same for who read along, who comes later, and who reads page by page', async () => {
      const [one, two, along] = world.members
      await one.registry.register(terms())
      await along.registry.epoch()
      await world.toEpoch(1)
      await two.registry.register(terms({ stake: 2n * STAKE_MIN }))
      await along.registry.epoch()
      await world.toEpoch(4)
      const expected = await along.registry.snapshot(FIRST_EPOCH + 3)
      assert.deepEqual(
        expected.entries.map(({ peer }) => peer),
        [one, two].map(({ identity }) => identity.peerId).toSorted()
      )
      await one.registry.leave()
      await world.bed.mine(PAGES_OF_BLOCKS)
      await world.toEpoch(9)
      await two.registry.register(terms({ stake: 5n, classes: [] }))
      await world.toEpoch(12)
      const late = await world.member(3)
      assert.deepEqual(await late.registry.snapshot(FIRST_EPOCH + 3), expected)
      assert.deepEqual(
        await along.registry.snapshot(FIRST_EPOCH + 12),
        await late.registry.snapshot(FIRST_EPOCH + 12)
      )
      assert.equal((await late.registry.snapshot(FIRST_EPOCH + 12)).entries[0]?.stake, 2n * STAKE_MIN + 5n)
    })

    it('stays as it was until a new one is of age', async () => {
      const [one, , { registry }] = world.members
      await one.registry.register(terms())
      await world.toEpoch(2)
      await one.registry.register(terms({ stake: 7n, classes: ['other/1'] }))
      await world.toEpoch(4)
      const stakesAt = async (epoch: number): Promise<Amount[]> =>
        (await registry.snapshot(FIRST_EPOCH + epoch)).entries.map(({ stake }) => stake)
      assert.deepEqual(
        [await stakesAt(2), await stakesAt(3), await stakesAt(4)],
        [[STAKE_MIN], [STAKE_MIN], [STAKE_MIN + 7n]]
      )
      const [entry] = (await registry.snapshot(FIRST_EPOCH + 4)).entries
      assert.deepEqual([entry?.classes, entry?.sinceEpoch], [['other/1'], FIRST_EPOCH + 2])
    })

    it('changes without a further stake', async () => {
      const [one] = world.members
      await one.registry.register(terms())
      await one.registry.register(terms({ stake: 0n, classes: [] }))
      assert.equal((await one.registry.stakeOf(one.chain.account)).stake, STAKE_MIN)
      await world.toEpoch(2)
      assert.deepEqual((await one.registry.snapshot(FIRST_EPOCH + 2)).entries[0]?.classes, [])
    })

    it('registers by allowance too', async () => {
      const [one] = world.members
      await world.callToken(one, 'approve', [world.deployment.registry, STAKE_MIN])
      await world.call(one, 'register', [...rawTerms(one.identity), STAKE_MIN])
      assert.equal((await one.registry.stakeOf(one.chain.account)).stake, STAKE_MIN)
      await refused(
        world.call(one, 'register', [...rawTerms(one.identity), 1n]),
        'ERC20InsufficientAllowance'
      )
    })

    it('counts only where the peer itself signed for the account', async () => {
      const [one, thief, { registry }] = world.members
      await one.registry.register(terms())
      // The binding of another account, as it stands in the chain for all to copy; and none at all.
      const [log] = await one.chain.link.rpc.eventsOf(world.deployment.registry, 0, 1_000_000)
      const { binding } = REGISTRY.parseLog(log!)!.args
      for (const stolen of [binding, undefined])
        await world.callToken(thief, TRANSFER_AND_CALL, [
          world.deployment.registry,
          STAKE_MIN,
          encodedTerms(rawTerms(one.identity, { binding: stolen }))
        ])
      await world.toEpoch(2)
      const { entries } = await registry.snapshot(FIRST_EPOCH + 2)
      assert.deepEqual(
        entries.map(({ peer, account }) => [peer, account]),
        [[one.identity.peerId, one.chain.account]]
      )
    })

    it('takes the first of two accounts that a peer signed for, as long as it stays', async () => {
      const [one, two, { registry }] = world.members
      await one.registry.register(terms())
      const again = await openRegistry(two.chain, {
        registry: world.deployment.registry,
        identity: one.identity
      })
      await again.register(terms({ stake: 2n * STAKE_MIN }))
      const accountsAt = async (epoch: number): Promise<Account[]> =>
        (await registry.snapshot(FIRST_EPOCH + epoch)).entries.map(({ account }) => account)
      await world.toEpoch(2)
      assert.deepEqual(await accountsAt(2), [one.chain.account])
      await one.registry.leave()
      await world.toEpoch(3)
      assert.deepEqual([await accountsAt(2), await accountsAt(3)], [[one.chain.account], [two.chain.account]])
    })

    it('leaves out classes that are none', async () => {
      const [one] = world.members
      const odd = ['ok/1', 'ok/1', '', 'Not A Class', 'x'.repeat(129), 'ok/2']
      await one.registry.register(terms({ classes: odd }))
      await world.toEpoch(2)
      assert.deepEqual((await one.registry.snapshot(FIRST_EPOCH + 2)).entries[0]?.classes, ['ok/1', 'ok/2'])
    })

    it('needs the least stake, and the tokens for it', async () => {
      const [one] = world.members
      await refused(one.registry.register(terms({ stake: STAKE_MIN - 1n })), 'StakeTooLow')
      await refused(one.registry.register(terms({ stake: 0n })), 'StakeTooLow')
      await assert.rejects(one.registry.register(terms({ stake: FUNDS + 1n })), {
        code: 'ERR_BALANCE_TOO_LOW'
      })
      await one.registry.register(terms({ stake: STAKE_MIN }))
      await one.registry.register(terms({ stake: 1n }))
    })

    it('refuses what cannot be a registration', async () => {
      const [one] = world.members
      const stake = (...args: readonly unknown[]): Promise<void> =>
        world.callToken(one, TRANSFER_AND_CALL, [world.deployment.registry, STAKE_MIN, encodedTerms(args)])
      const { identity } = one
      await refused(stake(...rawTerms(identity, { binding: `0x${'00'.repeat(63)}` })), 'BadBinding')
      await refused(stake(...rawTerms(identity, { binding: `0x${'00'.repeat(65)}` })), 'BadBinding')
      await refused(stake(...rawTerms(identity, { classes: 'x'.repeat(1_025) })), 'ClassesTooLong')
      await stake(...rawTerms(identity, { classes: 'x'.repeat(1_024) }))
      for (const data of ['0x', '0x00', id('word')])
        await assert.rejects(
          world.callToken(one, TRANSFER_AND_CALL, [world.deployment.registry, STAKE_MIN, data]),
          {
            code: 'ERR_CHAIN_REVERTED'
          }
        )
    })

    it('lets nobody register in the name of another', async () => {
      const [one, stranger] = world.members
      const data = encodedTerms(rawTerms(stranger.identity))
      const { account } = one.chain
      const direct = world.call(stranger, 'onTransferReceived', [account, account, STAKE_MIN, data])
      await refused(direct, 'NotToken')
      const from = 'transferFromAndCall(address,address,uint256,bytes)'
      const { registry } = world.deployment
      await refused(world.callToken(stranger, from, [account, registry, 0n, data]), 'NotOwner')
      await world.callToken(one, 'approve', [stranger.chain.account, STAKE_MIN])
      await refused(world.callToken(stranger, from, [account, registry, STAKE_MIN, data]), 'NotOwner')
      await refused(world.callToken(one, TRANSFER_AND_CALL, [registry, 0n, data]), 'ZeroAmount')
    })
  })

  describe('leaving', () => {
    it('ends what counts with the next epoch, and gives the stake back after the unbonding', async () => {
      const [one, stranger] = world.members
      const { account } = one.chain
      await one.registry.register(terms())
      await world.toEpoch(2)
      await one.registry.leave()
      const leftAtS = GENESIS_S + 2 * EPOCH_S
      await world.toEpoch(3)
      assert.deepEqual([await world.peersAt(2), await world.peersAt(3)], [[one.identity.peerId], []])
      assert.equal((await one.registry.stakeOf(account)).withdrawableAtS, leftAtS + UNBONDING_S)

      await refused(one.registry.leave(), 'NotRegistered')
      await refused(one.registry.register(terms()), 'Unbonding')
      await world.toInstant(leftAtS + UNBONDING_S - 1)
      await refused(stranger.registry.withdrawStake(account), 'StillBonded')
      await world.toInstant(leftAtS + UNBONDING_S)
      await stranger.registry.withdrawStake(account)
      assert.equal(await one.chain.balanceOf(account), FUNDS)
      await refused(stranger.registry.withdrawStake(account), 'NotLeaving')
      await refused(one.registry.leave(), 'NotRegistered')

      await one.registry.register(terms())
      await world.toEpoch(8)
      assert.deepEqual(await world.peersAt(8), [one.identity.peerId])
    })

    it('is for those who registered', async () => {
      const [one, stranger] = world.members
      await one.registry.register(terms())
      await refused(stranger.registry.leave(), 'NotRegistered')
      await refused(stranger.registry.withdrawStake(one.chain.account), 'NotLeaving')
    })
  })

  describe('reading', () => {
    it('knows nothing of epochs that have not begun', async () => {
      const [{ registry }] = world.members
      await world.toEpoch(3)
      assert.equal(await registry.epoch(), FIRST_EPOCH + 3)
      await registry.snapshot(FIRST_EPOCH + 3)
      for (const epoch of [FIRST_EPOCH + 4, -1, 1.5, Number.NaN, 2 ** 60])
        await assert.rejects(
          registry.snapshot(epoch),
          error => isRayswarmError(error) && error.code === 'ERR_USAGE'
        )
      await world.toEpoch(4)
      await registry.snapshot(FIRST_EPOCH + 4)
    })

    it('waits until blocks are final', async () => {
      const careful = await world.member(0, { confirmations: 3 })
      await world.toEpoch(1)
      assert.equal(await careful.registry.epoch(), FIRST_EPOCH)
      await world.bed.dev.request('anvil_mine', ['0x3', '0x0'])
      assert.equal(await careful.registry.epoch(), FIRST_EPOCH + 1)
    })

    it('reads anew when the chain was undone', async () => {
      const [one, two, { registry }] = world.members
      const before = await world.bed.dev.request('evm_snapshot', [])
      await one.registry.register(terms())
      await world.toEpoch(2)
      assert.deepEqual(await world.peersAt(2), [one.identity.peerId])
      await world.bed.dev.request('evm_revert', [before])
      const fresh = await world.member(1)
      await fresh.registry.register(terms())
      await world.bed.dev.request('anvil_mine', ['0x9', '0x0'])
      await world.toEpoch(2)
      assert.equal(await registry.epoch(), FIRST_EPOCH + 2)
      assert.deepEqual(await world.peersAt(2), [two.identity.peerId])
    })

    it('asks once when many ask at the same time', async () => {
      const [one, , { registry, chain }] = world.members
      await one.registry.register(terms())
      await world.toEpoch(2)
      const { connection } = chain.link.rpc
      const getLogs = connection.getLogs.bind(connection)
      let count = 0
      connection.getLogs = filter => {
        count += 1
        return getLogs(filter)
      }
      const snapshots = await Promise.all([1, 2, 2, 2].map(epoch => registry.snapshot(FIRST_EPOCH + epoch)))
      assert.deepEqual([count, snapshots[3]?.entries.length], [1, 1])
      await registry.snapshot(FIRST_EPOCH + 2)
      assert.equal(count, 1)
    })

    it('says so when there is no registry, or one of another token', async () => {
      const [{ chain, identity }] = world.members
      const { token, contract, registry } = world.deployment
      for (const address of [token, contract, chain.account])
        await assert.rejects(openRegistry(chain, { registry: address, identity }), {
          code: 'ERR_USAGE',
          thing: 'registry'
        })
      const other = await world.deployRegistry(world.members[0], registry, EPOCH_S, UNBONDING_S, STAKE_MIN)
      await assert.rejects(openRegistry(chain, { registry: other, identity }), { thing: 'registry' })
    })
  })

  it('is not deployed with a schedule that makes no sense', async () => {
    const { token } = world.deployment
    for (const [args, error] of [
      [[`0x${'0'.repeat(40)}`, 1, 1, 1], 'ZeroAccount'],
      [[token, 0, 1, 1], 'BadSchedule'],
      [[token, 365 * 24 * 3_600 + 1, 1, 1], 'BadSchedule'],
      [[token, 1, 365 * 24 * 3_600 + 1, 1], 'BadSchedule'],
      [[token, 1, 1, 0], 'ZeroAmount']
    ] as const) {
      await refused(world.deployRegistry(world.members[0], ...args), error)
    }
  })
})
