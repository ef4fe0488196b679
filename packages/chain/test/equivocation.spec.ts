import assert from 'node:assert/strict'
import type { Hex } from '@rayswarm/interface'
import { id } from 'ethers'
import { isVoteSigned, openRegistry, REGISTRY, type SignedContent, voteHash } from '../src/index.ts'
import {
  EPOCH_S,
  encodedTerms,
  FUNDS,
  GENESIS_S,
  type Member,
  RegistryBed,
  rawTerms,
  refused,
  STAKE_MIN,
  TRANSFER_AND_CALL,
  terms,
  UNBONDING_S
} from './registry-bed.ts'

const REPLICA = id('replica')
const [one, other] = [id('content 1'), id('content 2')]

describe('NodeRegistry.slash', () => {
  let world: RegistryBed
  before(async () => {
    world = await RegistryBed.start()
  })
  after(() => world.stop())
  beforeEach(() => world.reset())
  afterEach(() => world.close())

  async function votes(member: Member, ...contents: Hex[]): Promise<[SignedContent, SignedContent]> {
    const signed = contents.map(async content => ({
      content,
      signature: await member.registry.signVote({ replica: REPLICA, content })
    }))
    return (await Promise.all(signed)) as [SignedContent, SignedContent]
  }

  it('costs the stake: a tenth goes to who proves it, the rest is burned', async () => {
    const [witness, reporter] = world.members
    const { account } = witness.chain
    await witness.registry.register(terms({ stake: 1_009n }))
    await world.toEpoch(2)
    const supply = await world.supply()
    await reporter.registry.slash(account, REPLICA, await votes(witness, one, other))
    assert.equal(await witness.chain.balanceOf(reporter.chain.account), FUNDS + 100n)
    assert.equal(await world.supply(), supply - 909n)
    assert.equal(await witness.chain.balanceOf(world.deployment.registry), 0n)
    assert.deepEqual(await witness.registry.stakeOf(account), {
      stake: 0n,
      withdrawableAtS: 0,
      slashed: true
    })
    await world.toEpoch(3)
    assert.deepEqual([await world.peersAt(2), await world.peersAt(3)], [[witness.identity.peerId], []])

    await refused(
      reporter.registry.slash(account, REPLICA, await votes(witness, one, other)),
      'AlreadySlashed'
    )
    await refused(witness.registry.register(terms()), 'AlreadySlashed')
    await refused(witness.registry.leave(), 'NotRegistered')
    await refused(witness.registry.withdrawStake(account), 'NotLeaving')
  })

  it('is proved as long as the stake is there', async () => {
    const [witness, reporter] = world.members
    const { account } = witness.chain
    const evidence = await votes(witness, one, other)
    await refused(reporter.registry.slash(account, REPLICA, evidence), 'NothingAtStake')
    await witness.registry.register(terms())
    await witness.registry.leave()
    await world.toInstant(GENESIS_S + UNBONDING_S)
    await reporter.registry.slash(account, REPLICA, evidence)
    await refused(witness.registry.withdrawStake(account), 'NotLeaving')
  })

  it('takes two votes, both of the account, for one replica and this registry', async () => {
    const [witness, stranger] = world.members
    const { account } = witness.chain
    await witness.registry.register(terms())
    const [a, b] = await votes(witness, one, other)
    const [foreign] = await votes(stranger, other)
    const elsewhere = await witness.registry.signVote({ replica: id('other replica'), content: other })
    const slash = (first: SignedContent, second: SignedContent): Promise<unknown> =>
      stranger.registry.slash(account, REPLICA, [first, second])
    await refused(slash(a, a), 'NoEquivocation')
    await refused(slash(a, { content: other, signature: a.signature }), 'BadVote')
    await refused(slash({ content: other, signature: a.signature }, b), 'NoEquivocation')
    await refused(slash({ content: one, signature: b.signature }, b), 'BadVote')
    await refused(slash(a, foreign), 'BadVote')
    await refused(slash({ ...foreign, content: one }, b), 'BadVote')
    await refused(slash(a, { content: other, signature: elsewhere }), 'BadVote')
    await refused(stranger.registry.slash(account, id('other replica'), [a, b]), 'BadVote')
    await refused(stranger.registry.slash(stranger.chain.account, REPLICA, [a, b]), 'NothingAtStake')
    assert.equal((await witness.registry.stakeOf(account)).stake, STAKE_MIN)

    const { token } = world.deployment
    const registry = await world.deployRegistry(witness, token, EPOCH_S, UNBONDING_S, STAKE_MIN)
    await world.callToken(witness, TRANSFER_AND_CALL, [
      registry,
      STAKE_MIN,
      encodedTerms(rawTerms(witness.identity))
    ])
    const theirs = await openRegistry(stranger.chain, { registry, identity: stranger.identity })
    await refused(theirs.slash(account, REPLICA, [a, b]), 'BadVote')
    await slash(b, a)
  })

  it('is signed as the contract hashes it', async () => {
    const [witness] = world.members
    const vote = { replica: REPLICA, content: one }
    const { registry, chain } = witness
    const [digest] = await chain.link.rpc.read(registry.registry, REGISTRY, 'voteDigest', [REPLICA, one])
    assert.equal(digest, voteHash(registry, vote))
    const signature = await registry.signVote(vote)
    assert.equal(isVoteSigned(registry, vote, chain.account, signature), true)
    assert.equal(isVoteSigned(registry, vote, world.members[1].chain.account, signature), false)
    assert.equal(isVoteSigned(registry, { ...vote, content: other }, chain.account, signature), false)
    assert.equal(
      isVoteSigned({ ...registry, registry: chain.account }, vote, chain.account, signature),
      false
    )
    for (const broken of ['', '0x', `${signature.slice(0, -2)}00`, signature.slice(0, -2)])
      assert.equal(isVoteSigned(registry, vote, chain.account, broken), false)
  })
})
