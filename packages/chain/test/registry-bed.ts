import assert from 'node:assert/strict'
import { type Account, type Amount, type Hex, type Identity, isRayswarmError } from '@rayswarm/interface'
import { nodeIdentity, publicKeyOf, toHex } from '@rayswarm/wire'
import { AbiCoder, concat, ZeroHash } from 'ethers'
import { REGISTRY_BYTECODE } from '../src/artifacts.ts'
import {
  type ChainInit,
  type ChainRegistry,
  type Deployment,
  type EthersChain,
  fund,
  openChain,
  openRegistry,
  REGISTRY,
  type RegisterInit,
  TOKEN
} from '../src/index.ts'
import { KEYS, TestBed } from './world.ts'

export const EPOCH_S = 100
export const UNBONDING_S = 300
export const STAKE_MIN = 1_000n
export const FUNDS = 10_000n
export const GENESIS_S = 2_000_000_000
/** The epoch in which every test begins. */
export const FIRST_EPOCH = GENESIS_S / EPOCH_S
export const CLASSES: readonly string[] = ['pathtracer/1/wasm', 'pathtracer/1/cuda-12']
export const TRANSFER_AND_CALL = 'transferAndCall(address,uint256,bytes)'
const REGISTRATION = ['bytes32', 'bytes32', 'string', 'bytes']
const TERMS = ['address', 'uint256', 'uint256', 'uint64']
const ABI = AbiCoder.defaultAbiCoder()

/** An account with its peer. */
export interface Member {
  readonly chain: EthersChain
  readonly identity: Identity
  readonly registry: ChainRegistry
}

/** A registry with three funded members, fresh for every test. */
export class RegistryBed {
  members!: readonly [Member, Member, Member]
  readonly #opened: EthersChain[] = []

  private constructor(readonly bed: TestBed) {}

  static async start(): Promise<RegistryBed> {
    const terms = { epochS: EPOCH_S, unbondingS: UNBONDING_S, stakeMin: STAKE_MIN }
    return new RegistryBed(await TestBed.start(terms))
  }

  get deployment(): Deployment {
    return this.bed.deployment
  }

  async reset(): Promise<void> {
    const { bed } = this
    await bed.reset()
    await bed.dev.request('evm_setNextBlockTimestamp', [GENESIS_S])
    await bed.dev.request('anvil_setBlockTimestampInterval', [0])
    this.members = (await Promise.all([0, 1, 2].map(index => this.member(index)))) as never
    const recipients = this.members.map(({ chain }) => ({ account: chain.account, amount: FUNDS }))
    await fund({ rpcUrl: bed.dev.rpcUrl, ...bed.deployment, key: bed.dev.key }, recipients)
  }

  close(): void {
    for (const chain of this.#opened.splice(0)) chain.close()
  }

  async stop(): Promise<void> {
    await this.bed.stop()
  }

  async member(index: number, over: Partial<ChainInit> = {}): Promise<Member> {
    const { rpcUrl } = this.bed.dev
    const chain = await openChain({ rpcUrl, ...this.deployment, key: KEYS[index]!, ...over })
    this.#opened.push(chain)
    const identity = nodeIdentity(new Uint8Array(32).fill(index + 1))
    const registry = await openRegistry(chain, { registry: this.deployment.registry, identity })
    return { chain, identity, registry }
  }

  /** The first block of an epoch, counted from the first of the test. */
  async toEpoch(count: number): Promise<void> {
    await this.toInstant(GENESIS_S + count * EPOCH_S)
  }

  async toInstant(instantS: number): Promise<void> {
    await this.bed.dev.request('evm_setNextBlockTimestamp', [instantS])
    await this.bed.dev.request('evm_mine', [])
  }

  async peersAt(epoch: number, reader: ChainRegistry = this.members[2].registry): Promise<string[]> {
    return (await reader.snapshot(FIRST_EPOCH + epoch)).entries.map(({ peer }) => peer)
  }

  async call(member: Member, name: string, args: readonly unknown[]): Promise<void> {
    const data = REGISTRY.encodeFunctionData(name, args)
    await member.chain.link.sender.send({ to: this.deployment.registry, data })
  }

  async callToken(member: Member, name: string, args: readonly unknown[]): Promise<void> {
    const data = TOKEN.encodeFunctionData(name, args)
    await member.chain.link.sender.send({ to: this.deployment.token, data })
  }

  /** Another registry. */
  async deployRegistry(member: Member, ...terms: readonly unknown[]): Promise<Account> {
    const data = concat([REGISTRY_BYTECODE, ABI.encode(TERMS, terms)])
    return (await member.chain.link.sender.send({ data })).contractAddress!
  }

  async supply(): Promise<Amount> {
    const { rpc } = this.members[0].chain.link
    return (await rpc.read(this.deployment.token, TOKEN, 'totalSupply', []))[0] as Amount
  }
}

export function terms(over: Partial<RegisterInit> = {}): RegisterInit {
  return { stake: STAKE_MIN, classes: CLASSES, ...over }
}

/** What the contract takes, with any binding. */
export function rawTerms(
  peer: Identity,
  over: { readonly classes?: string; readonly binding?: Hex } = {}
): readonly unknown[] {
  const { classes = '', binding = `0x${'00'.repeat(64)}` } = over
  return [toHex(publicKeyOf(peer.peerId)!), ZeroHash, classes, binding]
}

export function encodedTerms(values: readonly unknown[]): Hex {
  return ABI.encode(REGISTRATION, values)
}

export async function refused(sent: Promise<unknown>, name: string): Promise<void> {
  await assert.rejects(sent, error => {
    assert.ok(isRayswarmError(error), String(error))
    assert.deepEqual([error.code, error.value], ['ERR_CHAIN_REVERTED', name])
    return true
  })
}
