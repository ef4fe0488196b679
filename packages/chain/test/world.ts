import type { Account, Hex } from '@rayswarm/interface'
import type { ChainWorld } from '@rayswarm/simulation'
import { AbiCoder, computeAddress, concat, id, toQuantity } from 'ethers'
import { ESCROW_BYTECODE } from '../src/artifacts.ts'
import {
  type Deployment,
  DevChain,
  deploy,
  fund,
  openChain,
  type RegistryTerms,
  TOKEN
} from '../src/index.ts'
import { Rpc } from '../src/rpc.ts'
import type { Sender } from '../src/sender.ts'

/** Keys of the views, in order. For tests only. */
export const KEYS: readonly Hex[] = ['creator', 'node-1', 'node-2', 'stranger'].map(name => id(name))
/** More than one page of a search in the logs. */
export const PAGES_OF_BLOCKS = 12_000
const MINED_AT_ONCE = 1_000
export const TREASURY = computeAddress(id('treasury'))

/** A development chain with the contracts on it that can be reset between tests. */
export class TestBed {
  #snapshot: unknown
  private constructor(
    readonly dev: DevChain,
    readonly deployment: Deployment
  ) {}

  static async start(
    registry: RegistryTerms = { epochS: 100, unbondingS: 300, stakeMin: 1_000n }
  ): Promise<TestBed> {
    const dev = await DevChain.start()
    const { rpcUrl, chainId } = dev
    const deployment = await deploy({ rpcUrl, chainId, key: dev.key, treasury: TREASURY, registry })
    const { token } = deployment
    const recipients = KEYS.map(key => ({ account: computeAddress(key), amount: 0n }))
    await fund({ rpcUrl, chainId, token, key: dev.key }, recipients)
    return new TestBed(dev, deployment)
  }

  /** Back to the freshly deployed contracts. */
  async reset(): Promise<void> {
    if (this.#snapshot !== undefined) await this.dev.request('evm_revert', [this.#snapshot])
    this.#snapshot = await this.dev.request('evm_snapshot', [])
  }

  /** Many blocks, a few at a time: a busy machine takes long for each. */
  async mine(count: number): Promise<void> {
    for (let left = count; left > 0; left -= MINED_AT_ONCE)
      await this.dev.request('anvil_mine', [toQuantity(Math.min(left, MINED_AT_ONCE)), '0x0'])
  }

  /** The same fresh world again, however the last test left it. */
  async open(): Promise<ChainWorld> {
    const { dev, deployment } = this
    const { rpcUrl, chainId } = dev
    const { token } = deployment
    await this.reset()
    const views = await Promise.all(KEYS.map(key => openChain({ rpcUrl, ...deployment, key })))
    const rpc = await Rpc.open({ rpcUrl, chainId })
    return {
      views,
      treasury: TREASURY,
      fund: (account, amount) => fund({ rpcUrl, chainId, token, key: dev.key }, [{ account, amount }]),
      advance: seconds => dev.advance(seconds),
      nowS: async () => (await rpc.connection.getBlock('latest'))!.timestamp,
      supply: async () => (await rpc.read(token, TOKEN, 'totalSupply', []))[0] as bigint,
      sweepTreasury: async () => (await views[3]!.sweepTreasury()).amount,
      close: async () => {
        for (const view of views) view.close()
        rpc.close()
      }
    }
  }

  async stop(): Promise<void> {
    await this.dev.stop()
  }
}

/** One more escrow. */
export async function deployEscrow(
  sender: Sender,
  token: Account,
  treasury: Account = TREASURY,
  split: readonly unknown[] = [9_000, 500, 500]
): Promise<Account> {
  const types = ['address', 'address', 'uint256', 'uint256', 'uint256']
  const args = AbiCoder.defaultAbiCoder().encode(types, [token, treasury, ...split])
  return (await sender.send({ data: concat([ESCROW_BYTECODE, args]) })).contractAddress!
}
