import assert from 'node:assert/strict'
import type { Account, Amount, Hex, Identity } from '@rayswarm/interface'
import { isRayswarmError } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'
import { nodeIdentity, publicKeyOf, toHex } from '@rayswarm/wire'
import { AbiCoder, concat, id, ZeroHash } from 'ethers'
import { REGISTRY_BYTECODE } from '../src/artifacts.ts'
import {
  type ChainInit,
  type ChainRegistry,
  type EthersChain,
  fund,
  isVoteSigned,
  openChain,
  openRegistry,
  REGISTRY,
  type RegisterInit,
  TOKEN,
  voteHash
} from '../src/index.ts'
import { KEYS, TestBed } from './world.ts'

const EPOCH_S = 100
const UNBONDING_S = 300
const STAKE_MIN = 1_000n
const FUNDS = 10_000n
const GENESIS_S = 2_000_000_000
const FIRST = GENESIS_S / EPOCH_S
const CLASSES = ['pathtracer/1/wasm', 'pathtracer/1/cuda-12']
const TRANSFER_AND_CALL = 'transferAndCall(address,uint256,bytes)'
const ABI = AbiCoder.defaultAbiCoder()
const TERMS = ['bytes32', 'bytes32', 'string', 'bytes']
const REPLICA = id('replica')

/** An account with its peer. */
interface Member {
  readonly chain: EthersChain
  readonly identity: Identity
  readonly registry: ChainRegistry
}

describe('NodeRegistry', () => {
  let bed: TestBed
  let init: Omit<ChainInit, 'key'>
  let members: readonly [Member, Member, Member]
  const opened: EthersChain[] = []

  before(async () => {
    bed = await TestBed.start({ epochS: EPOCH_S, unbondingS: UNBONDING_S, stakeMin: STAKE_MIN })
    init = { rpcUrl: bed.dev.rpcUrl, ...bed.deployment }
  })
  after(() => bed.stop())
  beforeEach(async () => {
    await bed.reset()
    await bed.dev.request('evm_setNextBlockTimestamp', [GENESIS_S])
    await bed.dev.request('anvil_setBlockTimestampInterval', [0])
    members = (await Promise.all([0, 1, 2].map(index => memberOf(index)))) as never
    const recipients = members.map(({ chain }) => ({ account: chain.account, amount: FUNDS }))
    await fund({ ...init, key: bed.dev.key }, recipients)
  })
  afterEach(() => {
    for (const chain of opened.splice(0)) chain.close()
  })

  async function memberOf(index: number, over: Partial<ChainInit> = {}): Promise<Member> {
    const chain = await openChain({ ...init, key: KEYS[index]!, ...over })
    opened.push(chain)
    const identity = nodeIdentity(new Uint8Array(32).fill(index + 1))
    const registry = await openRegistry(chain, { registry: bed.deployment.registry, identity })
    return { chain, identity, registry }
  }

  /** The first block of an epoch, counted from the first of the test. */
  async function toEpoch(count: number): Promise<void> {
    await toInstant(GENESIS_S + count * EPOCH_S)
  }

  async function toInstant(instantS: number): Promise<void> {
    await bed.dev.request('evm_setNextBlockTimestamp', [instantS])
    await bed.dev.request('evm_mine', [])
  }

  function terms(over: Partial<RegisterInit> = {}): RegisterInit {
    return { stake: STAKE_MIN, classes: CLASSES, ...over }
  }

  async function peersAt(epoch: number, reader = members[2].registry): Promise<string[]> {
    return (await reader.snapshot(FIRST + epoch)).entries.map(({ peer }) => peer)
  }

  async function call(member: Member, name: string, args: readonly unknown[], to?: Account): Promise<void> {
    const data = REGISTRY.encodeFunctionData(name, args)
    await member.chain.link.sender.send({ to: to ?? bed.deployment.registry, data })
  }

  async function callToken(member: Member, name: string, args: readonly unknown[]): Promise<void> {
    const data = TOKEN.encodeFunctionData(name, args)
    await member.chain.link.sender.send({ to: bed.deployment.token, data })
  }

  /** What the contract takes, with any binding. */
  function rawTerms(peer: Identity, over: { classes?: string; binding?: Hex } = {}): readonly unknown[] {
    return [
      toHex(publicKeyOf(peer.peerId)!),
      ZeroHash,
      over.classes ?? '',
      over.binding ?? `0x${'00'.repeat(64)}`
    ]
  }

  describe('registration', () => {
    it('counts from the end of its delay on, and not a block earlier', async () => {
      const [one, , reader] = members
      await one.registry.register(terms({ operator: 'acme' }))
      await toEpoch(REGISTRATION_DELAY_EPOCHS)
      assert.deepEqual(await peersAt(REGISTRATION_DELAY_EPOCHS - 1), [])
      assert.deepEqual(await reader.registry.snapshot(FIRST + REGISTRATION_DELAY_EPOCHS), {
        epoch: FIRST + REGISTRATION_DELAY_EPOCHS,
        entries: [
          {
            peer: one.identity.peerId,
            account: one.chain.account,
            stake: STAKE_MIN,
            classes: CLASSES,
            operatorTag: id('acme'),
            sinceEpoch: FIRST
          }
        ]
      })
      assert.deepEqual(await reader.registry.stakeOf(one.chain.account), {
        stake: STAKE_MIN,
        withdrawableAtS: 0,
        slashed: false
      })
      assert.equal(await reader.chain.balanceOf(bed.deployment.registry), STAKE_MIN)
    })

    it('is the same for who read along, who comes later, and who reads page by page', async () => {
      const [one, two, along] = members
      await one.registry.register(terms())
      await along.registry.epoch()
      await toEpoch(1)
      await two.registry.register(terms({ stake: 2n * STAKE_MIN }))
      await along.registry.epoch()
      await toEpoch(4)
      const expected = await along.registry.snapshot(FIRST + 3)
      assert.deepEqual(
        expected.entries.map(({ peer }) => peer),
        [one, two].map(({ identity }) => identity.peerId).toSorted()
      )
      await one.registry.leave()
      await bed.dev.request('anvil_mine', ['0x7530', '0x0']) // 30 000 blocks
      await toEpoch(9)
      await two.registry.register(terms({ stake: 5n, classes: [] }))
      await toEpoch(12)
      const late = await memberOf(3)
      assert.deepEqual(await late.registry.snapshot(FIRST + 3), expected)
      assert.deepEqual(await along.registry.snapshot(FIRST + 12), await late.registry.snapshot(FIRST + 12))
      assert.equal((await late.registry.snapshot(FIRST + 12)).entries[0]?.stake, 2n * STAKE_MIN + 5n)
    })

    it('stays as it was until a new one is of age', async () => {
      const [one, , { registry }] = members
      await one.registry.register(terms())
      await toEpoch(2)
      await one.registry.register(terms({ stake: 7n, classes: ['other/1'] }))
      await toEpoch(4)
      const stakesAt = async (epoch: number): Promise<Amount[]> =>
        (await registry.snapshot(FIRST + epoch)).entries.map(({ stake }) => stake)
      assert.deepEqual(
        [await stakesAt(2), await stakesAt(3), await stakesAt(4)],
        [[STAKE_MIN], [STAKE_MIN], [STAKE_MIN + 7n]]
      )
      const [entry] = (await registry.snapshot(FIRST + 4)).entries
      assert.deepEqual([entry?.classes, entry?.sinceEpoch], [['other/1'], FIRST + 2])
    })

    it('changes without a further stake', async () => {
      const [one] = members
      await one.registry.register(terms())
      await one.registry.register(terms({ stake: 0n, classes: [] }))
      assert.equal((await one.registry.stakeOf(one.chain.account)).stake, STAKE_MIN)
      await toEpoch(2)
      assert.deepEqual((await one.registry.snapshot(FIRST + 2)).entries[0]?.classes, [])
    })

    it('registers by allowance too', async () => {
      const [one] = members
      await callToken(one, 'approve', [bed.deployment.registry, STAKE_MIN])
      await call(one, 'register', [...rawTerms(one.identity), STAKE_MIN])
      assert.equal((await one.registry.stakeOf(one.chain.account)).stake, STAKE_MIN)
      await refused(call(one, 'register', [...rawTerms(one.identity), 1n]), 'ERC20InsufficientAllowance')
    })

    it('counts only where the peer itself signed for the account', async () => {
      const [one, thief, { registry }] = members
      await one.registry.register(terms())
      // The binding of another account, as it stands in the chain for all to copy; and none at all.
      const [log] = await one.chain.link.rpc.eventsOf(bed.deployment.registry, 0, 1_000_000)
      const { binding } = REGISTRY.parseLog(log!)!.args
      for (const stolen of [binding, undefined])
        await callToken(thief, TRANSFER_AND_CALL, [
          bed.deployment.registry,
          STAKE_MIN,
          ABI.encode(TERMS, rawTerms(one.identity, { binding: stolen }))
        ])
      await toEpoch(2)
      const { entries } = await registry.snapshot(FIRST + 2)
      assert.deepEqual(
        entries.map(({ peer, account }) => [peer, account]),
        [[one.identity.peerId, one.chain.account]]
      )
    })

    it('takes the first of two accounts that a peer signed for, as long as it stays', async () => {
      const [one, two, { registry }] = members
      await one.registry.register(terms())
      const again = await openRegistry(two.chain, {
        registry: bed.deployment.registry,
        identity: one.identity
      })
      await again.register(terms({ stake: 2n * STAKE_MIN }))
      const accountsAt = async (epoch: number): Promise<Account[]> =>
        (await registry.snapshot(FIRST + epoch)).entries.map(({ account }) => account)
      await toEpoch(2)
      assert.deepEqual(await accountsAt(2), [one.chain.account])
      await one.registry.leave()
      await toEpoch(3)
      assert.deepEqual([await accountsAt(2), await accountsAt(3)], [[one.chain.account], [two.chain.account]])
    })

    it('leaves out classes that are none', async () => {
      const [one] = members
      const odd = ['ok/1', 'ok/1', '', 'Not A Class', 'x'.repeat(129), 'ok/2']
      await one.registry.register(terms({ classes: odd }))
      await toEpoch(2)
      assert.deepEqual((await one.registry.snapshot(FIRST + 2)).entries[0]?.classes, ['ok/1', 'ok/2'])
    })

    it('needs the least stake, and the tokens for it', async () => {
      const [one] = members
      await refused(one.registry.register(terms({ stake: STAKE_MIN - 1n })), 'StakeTooLow')
      await refused(one.registry.register(terms({ stake: 0n })), 'StakeTooLow')
      await assert.rejects(one.registry.register(terms({ stake: FUNDS + 1n })), {
        code: 'ERR_BALANCE_TOO_LOW'
      })
      await one.registry.register(terms({ stake: STAKE_MIN - 1n + 1n }))
      await one.registry.register(terms({ stake: 1n }))
    })

    it('refuses what cannot be a registration', async () => {
      const [one] = members
      const stake = (...args: readonly unknown[]): Promise<void> =>
        callToken(one, TRANSFER_AND_CALL, [bed.deployment.registry, STAKE_MIN, ABI.encode(TERMS, args)])
      const { identity } = one
      await refused(stake(...rawTerms(identity, { binding: `0x${'00'.repeat(63)}` })), 'BadBinding')
      await refused(stake(...rawTerms(identity, { binding: `0x${'00'.repeat(65)}` })), 'BadBinding')
      await refused(stake(...rawTerms(identity, { classes: 'x'.repeat(1_025) })), 'ClassesTooLong')
      await stake(...rawTerms(identity, { classes: 'x'.repeat(1_024) }))
      for (const data of ['0x', '0x00', id('word')])
        await assert.rejects(callToken(one, TRANSFER_AND_CALL, [bed.deployment.registry, STAKE_MIN, data]), {
          code: 'ERR_CHAIN_REVERTED'
        })
    })

    it('lets nobody register in the name of another', async () => {
      const [one, stranger] = members
      const data = ABI.encode(TERMS, rawTerms(stranger.identity))
      const { account } = one.chain
      const direct = call(stranger, 'onTransferReceived', [account, account, STAKE_MIN, data])
      await refused(direct, 'NotToken')
      const from = 'transferFromAndCall(address,address,uint256,bytes)'
      const { registry } = bed.deployment
      await refused(callToken(stranger, from, [account, registry, 0n, data]), 'NotOwner')
      await callToken(one, 'approve', [stranger.chain.account, STAKE_MIN])
      await refused(callToken(stranger, from, [account, registry, STAKE_MIN, data]), 'NotOwner')
      await refused(callToken(one, TRANSFER_AND_CALL, [registry, 0n, data]), 'ZeroAmount')
    })
  })

  describe('leaving', () => {
    it('ends what counts with the next epoch, and gives the stake back after the unbonding', async () => {
      const [one, stranger] = members
      const { account } = one.chain
      await one.registry.register(terms())
      await toEpoch(2)
      await one.registry.leave()
      const leftAtS = GENESIS_S + 2 * EPOCH_S
      await toEpoch(3)
      assert.deepEqual([await peersAt(2), await peersAt(3)], [[one.identity.peerId], []])
      assert.equal((await one.registry.stakeOf(account)).withdrawableAtS, leftAtS + UNBONDING_S)

      await refused(one.registry.leave(), 'NotRegistered')
      await refused(one.registry.register(terms()), 'Unbonding')
      await toInstant(leftAtS + UNBONDING_S - 1)
      await refused(stranger.registry.withdrawStake(account), 'StillBonded')
      await toInstant(leftAtS + UNBONDING_S)
      await stranger.registry.withdrawStake(account)
      assert.equal(await one.chain.balanceOf(account), FUNDS)
      await refused(stranger.registry.withdrawStake(account), 'NotLeaving')
      await refused(one.registry.leave(), 'NotRegistered')

      await one.registry.register(terms())
      await toEpoch(8)
      assert.deepEqual(await peersAt(8), [one.identity.peerId])
    })

    it('is for those who registered', async () => {
      const [one, stranger] = members
      await one.registry.register(terms())
      await refused(stranger.registry.leave(), 'NotRegistered')
      await refused(stranger.registry.withdrawStake(one.chain.account), 'NotLeaving')
    })
  })

  describe('equivocation', () => {
    const [one, other] = [id('content 1'), id('content 2')]

    async function votes(member: Member, ...contents: Hex[]): Promise<[Evidence, Evidence]> {
      const signed = contents.map(async content => ({
        content,
        signature: await member.registry.signVote({ replica: REPLICA, content })
      }))
      return (await Promise.all(signed)) as [Evidence, Evidence]
    }

    it('costs the stake: a tenth goes to who proves it, the rest is burned', async () => {
      const [witness, reporter] = members
      const { account } = witness.chain
      await witness.registry.register(terms({ stake: 1_009n }))
      await toEpoch(2)
      const supply = await supplyOf(witness)
      await reporter.registry.slash(account, REPLICA, await votes(witness, one, other))
      assert.equal(await witness.chain.balanceOf(reporter.chain.account), FUNDS + 100n)
      assert.equal(await supplyOf(witness), supply - 909n)
      assert.equal(await witness.chain.balanceOf(bed.deployment.registry), 0n)
      assert.deepEqual(await witness.registry.stakeOf(account), {
        stake: 0n,
        withdrawableAtS: 0,
        slashed: true
      })
      await toEpoch(3)
      assert.deepEqual([await peersAt(2), await peersAt(3)], [[witness.identity.peerId], []])

      await refused(
        reporter.registry.slash(account, REPLICA, await votes(witness, one, other)),
        'AlreadySlashed'
      )
      await refused(witness.registry.register(terms()), 'AlreadySlashed')
      await refused(witness.registry.leave(), 'NotRegistered')
      await refused(witness.registry.withdrawStake(account), 'NotLeaving')
    })

    it('is proved as long as the stake is there', async () => {
      const [witness, reporter] = members
      const { account } = witness.chain
      const evidence = await votes(witness, one, other)
      await refused(reporter.registry.slash(account, REPLICA, evidence), 'NothingAtStake')
      await witness.registry.register(terms())
      await witness.registry.leave()
      await toInstant(GENESIS_S + UNBONDING_S)
      await reporter.registry.slash(account, REPLICA, evidence)
      await refused(witness.registry.withdrawStake(account), 'NotLeaving')
    })

    it('takes two votes, both of the account, for one replica and this registry', async () => {
      const [witness, stranger] = members
      const { account } = witness.chain
      await witness.registry.register(terms())
      const [a, b] = await votes(witness, one, other)
      const [foreign] = await votes(stranger, other)
      const elsewhere = await witness.registry.signVote({ replica: id('other replica'), content: other })
      const slash = (first: Evidence, second: Evidence): Promise<unknown> =>
        stranger.registry.slash(account, REPLICA, [first, second])
      await refused(slash(a, a), 'NoEquivocation')
      await refused(slash(a, { content: other, signature: a.signature }), 'BadVote')
      await refused(slash({ content: other, signature: a.signature }, b), 'NoEquivocation')
      await refused(slash(a, foreign), 'BadVote')
      await refused(slash(a, { content: other, signature: elsewhere }), 'BadVote')
      await refused(stranger.registry.slash(account, id('other replica'), [a, b]), 'BadVote')
      await refused(stranger.registry.slash(stranger.chain.account, REPLICA, [a, b]), 'NothingAtStake')
      assert.equal((await witness.registry.stakeOf(account)).stake, STAKE_MIN)

      const { registry } = await withRegistry(witness, bed.deployment.token)
      await callToken(witness, TRANSFER_AND_CALL, [
        registry,
        STAKE_MIN,
        ABI.encode(TERMS, rawTerms(witness.identity))
      ])
      const theirs = await openRegistry(stranger.chain, { registry, identity: stranger.identity })
      await refused(theirs.slash(account, REPLICA, [a, b]), 'BadVote')
      await slash(b, a)
    })

    it('is signed as the contract hashes it', async () => {
      const [witness] = members
      const vote = { replica: REPLICA, content: one }
      const { registry, chain } = witness
      const [digest] = await chain.link.rpc.read(registry.registry, REGISTRY, 'voteDigest', [REPLICA, one])
      assert.equal(digest, voteHash(registry, vote))
      const signature = await registry.signVote(vote)
      assert.equal(isVoteSigned(registry, vote, chain.account, signature), true)
      assert.equal(isVoteSigned(registry, vote, members[1].chain.account, signature), false)
      assert.equal(isVoteSigned(registry, { ...vote, content: other }, chain.account, signature), false)
      assert.equal(
        isVoteSigned({ ...registry, registry: chain.account }, vote, chain.account, signature),
        false
      )
      for (const broken of ['', '0x', `${signature.slice(0, -2)}00`, signature.slice(0, -2)])
        assert.equal(isVoteSigned(registry, vote, chain.account, broken), false)
    })
  })

  describe('reading', () => {
    it('knows nothing of epochs that have not begun', async () => {
      const [{ registry }] = members
      await toEpoch(3)
      assert.equal(await registry.epoch(), FIRST + 3)
      await registry.snapshot(FIRST + 3)
      for (const epoch of [FIRST + 4, -1, 1.5, Number.NaN, 2 ** 60])
        await assert.rejects(
          registry.snapshot(epoch),
          error => isRayswarmError(error) && error.code === 'ERR_USAGE'
        )
      await toEpoch(4)
      await registry.snapshot(FIRST + 4)
    })

    it('waits until blocks are final', async () => {
      const careful = await memberOf(0, { confirmations: 3 })
      await toEpoch(1)
      assert.equal(await careful.registry.epoch(), FIRST)
      await bed.dev.request('anvil_mine', ['0x3', '0x0'])
      assert.equal(await careful.registry.epoch(), FIRST + 1)
    })

    it('reads anew when the chain was undone', async () => {
      const [one, two, { registry }] = members
      const before = await bed.dev.request('evm_snapshot', [])
      await one.registry.register(terms())
      await toEpoch(2)
      assert.deepEqual(await peersAt(2), [one.identity.peerId])
      await bed.dev.request('evm_revert', [before])
      const fresh = await memberOf(1)
      await fresh.registry.register(terms())
      await bed.dev.request('anvil_mine', ['0x9', '0x0'])
      await toEpoch(2)
      assert.equal(await registry.epoch(), FIRST + 2)
      assert.deepEqual(await peersAt(2), [two.identity.peerId])
    })

    it('asks once when many ask at the same time', async () => {
      const [one, , { registry, chain }] = members
      await one.registry.register(terms())
      await toEpoch(2)
      const { connection } = chain.link.rpc
      const getLogs = connection.getLogs.bind(connection)
      let count = 0
      connection.getLogs = filter => {
        count += 1
        return getLogs(filter)
      }
      const snapshots = await Promise.all([1, 2, 2, 2].map(epoch => registry.snapshot(FIRST + epoch)))
      assert.deepEqual([count, snapshots[3]?.entries.length], [1, 1])
      await registry.snapshot(FIRST + 2)
      assert.equal(count, 1)
    })

    it('says so when there is no registry, or one of another token', async () => {
      const [{ chain, identity }] = members
      const { token, contract, registry } = bed.deployment
      for (const address of [token, contract, chain.account])
        await assert.rejects(openRegistry(chain, { registry: address, identity }), {
          code: 'ERR_USAGE',
          thing: 'registry'
        })
      const other = await withRegistry(members[0], registry)
      await assert.rejects(openRegistry(chain, { registry: other.registry, identity }), { thing: 'registry' })
    })
  })

  it('is not deployed with a schedule that makes no sense', async () => {
    const [{ chain }] = members
    const { token } = bed.deployment
    for (const [args, error] of [
      [[`0x${'0'.repeat(40)}`, 1, 1, 1], 'ZeroAccount'],
      [[token, 0, 1, 1], 'BadSchedule'],
      [[token, 365 * 24 * 3_600 + 1, 1, 1], 'BadSchedule'],
      [[token, 1, 365 * 24 * 3_600 + 1, 1], 'BadSchedule'],
      [[token, 1, 1, 0], 'ZeroAmount']
    ] as const) {
      const data = concat([REGISTRY_BYTECODE, ABI.encode(['address', 'uint256', 'uint256', 'uint64'], args)])
      await refused(chain.link.sender.send({ data }), error)
    }
  })

  async function withRegistry(member: Member, token: Account): Promise<{ registry: Account }> {
    const args = ABI.encode(
      ['address', 'uint256', 'uint256', 'uint64'],
      [token, EPOCH_S, UNBONDING_S, STAKE_MIN]
    )
    const { contractAddress } = await member.chain.link.sender.send({
      data: concat([REGISTRY_BYTECODE, args])
    })
    return { registry: contractAddress! }
  }

  async function supplyOf({ chain }: Member): Promise<Amount> {
    return (await chain.link.rpc.read(bed.deployment.token, TOKEN, 'totalSupply', []))[0] as Amount
  }
})

interface Evidence {
  readonly content: Hex
  readonly signature: Hex
}

async function refused(sent: Promise<unknown>, name: string): Promise<void> {
  await assert.rejects(sent, error => {
    assert.ok(isRayswarmError(error), String(error))
    assert.deepEqual([error.code, error.value], ['ERR_CHAIN_REVERTED', name])
    return true
  })
}
