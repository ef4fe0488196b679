import {
  type Account,
  type Beacon,
  type BeaconValue,
  type EscrowRef,
  type Hex,
  RayswarmError
} from '@rayswarm/interface'
import { fromHex } from '@rayswarm/wire'
import { getAddress, ZeroAddress } from 'ethers'
import { ESCROW } from './artifacts.ts'
import type { ChainRegistry } from './chain-registry.ts'
import type { ChainLink, EthersChain } from './ethers-chain.ts'

/** Values kept: one for each job that is looked at. */
const VALUE_COUNT_MAX = 1_000
/** Chains without randomness of their own put a small constant where it belongs. */
const CONSTANT_MAX = 1n

/**
 * The randomness of the block that the lock's finality ends with: block `lock + confirmations + 1`. Its timestamp says from which
 * epoch of the registry to draw.
 *
 * @see spec/registry.md#chain-beacon
 */
export class ChainBeacon implements Beacon {
  readonly #contract: Account
  readonly #link: ChainLink
  readonly #epochS: number
  readonly #values = new Map<Hex, BeaconValue>()

  /** `registry` is the one that is drawn from. */
  constructor(chain: EthersChain, registry: Pick<ChainRegistry, 'epochS'>) {
    this.#contract = chain.contract
    this.#link = chain.link
    this.#epochS = registry.epochS
  }

  async after(escrow: EscrowRef): Promise<BeaconValue | undefined> {
    const { rpc, confirmations, deployedAtBlock } = this.#link
    if (escrow.chainId !== rpc.chainId || getAddress(escrow.contract) !== this.#contract) return undefined
    const known = this.#values.get(escrow.id)
    if (known !== undefined) return known

    // Anybody can name an escrow that is not there; the search for its event would go back to the first block.
    const [creator] = await rpc.read(this.#contract, ESCROW, 'jobs', [escrow.id])
    if (creator === ZeroAddress) return undefined
    const opened = await rpc.findEvent({
      contract: this.#contract,
      abi: ESCROW,
      event: 'JobOpened',
      id: escrow.id,
      fromBlock: deployedAtBlock
    })
    if (opened === undefined) return undefined
    const round = opened.blockNumber + confirmations + 1
    const headBlock = await rpc.ask(() => rpc.connection.getBlockNumber())
    // Our block has to be as final as the lock.
    if (headBlock < round + confirmations) return undefined
    const { prevRandao, timestamp } = await rpc.block(round)
    if (prevRandao === null) throw noRandomness(rpc.chainId)
    const insecure = confirmations === 0 || BigInt(prevRandao) <= CONSTANT_MAX
    const epoch = Math.floor(timestamp / this.#epochS)
    const value = { round, epoch, randomness: fromHex(prevRandao), insecure }
    if (this.#values.size >= VALUE_COUNT_MAX) this.#values.delete(this.#values.keys().next().value!)
    this.#values.set(escrow.id, value)
    return value
  }
}

function noRandomness(chainId: number): RayswarmError {
  return new RayswarmError('ERR_USAGE', `the blocks of chain ${chainId} carry no randomness`, {
    thing: 'chain id',
    value: chainId,
    remedy: 'Use another chain, or a seeded beacon on a test network.'
  })
}
