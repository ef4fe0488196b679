import {
  type Account,
  type Amount,
  type EquivalenceClass,
  type Hex,
  type Identity,
  isRayswarmError,
  RayswarmError,
  type Registry,
  type RegistrySnapshot
} from '@rayswarm/interface'
import { canonical, publicKeyOf, toHex } from '@rayswarm/wire'
import { AbiCoder, type Block, getAddress, id, Signature, ZeroHash } from 'ethers'
import { REGISTRY, TOKEN } from './artifacts.ts'
import type { ChainLink, EthersChain } from './ethers-chain.ts'
import { checkEpoch, snapshotOf } from './registrations.ts'
import { RegistryLog } from './registry-log.ts'
import { LOG_PAGE_BLOCKS, LOG_PAGES_MAX } from './rpc.ts'
import { type StakeVote, signVote } from './typed-vote.ts'

const BINDING_DOMAIN = 'rayswarm registration'
/** Snapshots kept: epochs pass slowly. */
const SNAPSHOT_COUNT_MAX = 8

/** Which registry, and who reads it. */
export interface ChainRegistryInit {
  /** Address of `NodeRegistry`. */
  readonly registry: Account
  /** Signs our own registration, checks those of others. */
  readonly identity: Identity
}

/** What a peer says of itself when it registers. */
export interface RegisterInit {
  /** What is added to the stake. */
  readonly stake: Amount
  readonly classes: readonly EquivalenceClass[]
  /** Absent: an operator of one machine. Only its hash is published. */
  readonly operator?: string
}

/** An account's stake, as the contract knows it. */
export interface StakeState {
  readonly stake: Amount
  /** From here on the stake can be withdrawn, seconds of chain time; 0 unless the account has left. */
  readonly withdrawableAtS: number
  readonly slashed: boolean
}

/** A vote that an account answers for with its stake. */
export interface SignedContent {
  readonly content: Hex
  readonly signature: Hex
}

/** The registry contract, for the account of an open chain. Closes with it. */
export async function openRegistry(chain: EthersChain, init: ChainRegistryInit): Promise<ChainRegistry> {
  const { link } = chain
  try {
    const read = async (name: string): Promise<unknown> =>
      (await link.rpc.read(init.registry, REGISTRY, name, []))[0]
    const [token, epochS] = await Promise.all([read('token'), read('epochS')])
    if (token !== link.token) throw notTheRegistry(init, link, String(token))
    return new ChainRegistry(link, init, Number(epochS))
  } catch (error) {
    if (isRayswarmError(error) && error.code !== 'ERR_CHAIN_REVERTED') throw error
    throw notTheRegistry(init, link, 'no registry', error)
  }
}

/** `NodeRegistry` over JSON-RPC. Open it with {@link openRegistry}. */
export class ChainRegistry implements Registry {
  readonly chainId: number
  /** Address of `NodeRegistry`. */
  readonly registry: Account
  /** Length of an epoch in seconds. */
  readonly epochS: number
  readonly #link: ChainLink
  readonly #identity: Identity
  readonly #snapshots = new Map<number, RegistrySnapshot>()
  #log: RegistryLog
  /** All events up to and with this block are in the log. */
  #read: { readonly number: number; readonly hash: Hex | null } | undefined
  /** The last epoch of which every earlier event is in the log. */
  #epoch = -1
  #reading: Promise<number> | undefined

  constructor(link: ChainLink, init: ChainRegistryInit, epochS: number) {
    this.#link = link
    this.#identity = init.identity
    this.chainId = link.rpc.chainId
    this.registry = getAddress(init.registry)
    this.epochS = epochS
    this.#log = this.#emptyLog()
  }

  /** The epoch of the newest block that is final. */
  async epoch(): Promise<number> {
    // Whoever asks while we read gets the same answer.
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined
    })
    return await this.#reading
  }

  async snapshot(epoch: number): Promise<RegistrySnapshot> {
    const known = this.#snapshots.get(epoch)
    if (known !== undefined) return known
    if (!(epoch <= this.#epoch)) await this.epoch()
    checkEpoch(epoch, this.#epoch)
    const snapshot = snapshotOf(epoch, this.#log.entries(epoch))
    if (this.#snapshots.size >= SNAPSHOT_COUNT_MAX)
      this.#snapshots.delete(this.#snapshots.keys().next().value!)
    this.#snapshots.set(epoch, snapshot)
    return snapshot
  }

  /** What an account has at stake. */
  async stakeOf(account: Account): Promise<StakeState> {
    const [stake, withdrawableAt, slashed] = await this.#link.rpc.read(this.registry, REGISTRY, 'nodes', [
      account
    ])
    return {
      stake: stake as Amount,
      withdrawableAtS: Number(withdrawableAt),
      slashed: slashed as boolean
    }
  }

  /** Stake tokens for our peer, or change what is registered. Counts from the epoch after the next but one. */
  async register({ stake, classes, operator }: RegisterInit): Promise<{ readonly txHash: Hex }> {
    const { sender, token } = this.#link
    const { peerId } = this.#identity
    const account = sender.account
    const args = [
      toHex(publicKeyOf(peerId)!),
      operator === undefined ? ZeroHash : id(operator),
      classes.join(','),
      toHex(this.#identity.sign(this.#bindingBytes(account)))
    ]
    if (stake === 0n) return await this.#send('register', [...args, stake])
    const data = TOKEN.encodeFunctionData('transferAndCall(address,uint256,bytes)', [
      this.registry,
      stake,
      AbiCoder.defaultAbiCoder().encode(['bytes32', 'bytes32', 'string', 'bytes'], args)
    ])
    return { txHash: (await sender.send({ to: token, data })).hash }
  }

  /** Stop taking part. The stake can be withdrawn after the unbonding time. */
  async leave(): Promise<{ readonly txHash: Hex }> {
    return await this.#send('unbond', [])
  }

  /** Pay an account that left its stake. Anybody may call. */
  async withdrawStake(account: Account): Promise<{ readonly txHash: Hex }> {
    return await this.#send('withdrawStake', [account])
  }

  /** Answer for a vote with our stake. */
  async signVote(vote: StakeVote): Promise<Hex> {
    return await signVote(this.#link.sender.wallet, this, vote)
  }

  /** Take the stake of an account that signed two different votes for one replica. */
  async slash(
    account: Account,
    replica: Hex,
    votes: readonly [SignedContent, SignedContent]
  ): Promise<{ readonly txHash: Hex }> {
    const signed = votes.map(({ content, signature }) => {
      const { r, yParityAndS } = Signature.from(signature)
      return { content, r, vs: yParityAndS }
    })
    return await this.#send('slash', [account, replica, ...signed])
  }

  async #send(name: string, values: readonly unknown[]): Promise<{ readonly txHash: Hex }> {
    const data = REGISTRY.encodeFunctionData(name, values)
    return { txHash: (await this.#link.sender.send({ to: this.registry, data })).hash }
  }

  async #readOn(): Promise<number> {
    const { rpc, confirmations, deployedAtBlock } = this.#link
    const headBlock = await rpc.ask(() => rpc.connection.getBlockNumber())
    const last = await rpc.block(Math.max(0, headBlock - confirmations))
    if (await this.#isUndone(last)) this.#forget()
    let fromBlock = this.#read === undefined ? deployedAtBlock : this.#read.number + 1
    for (let page = 0; page < LOG_PAGES_MAX && fromBlock <= last.number; page += 1) {
      const toBlock = Math.min(last.number, fromBlock + LOG_PAGE_BLOCKS - 1)
      const [logs, { number, hash }] = await Promise.all([
        rpc.eventsOf(this.registry, fromBlock, toBlock),
        toBlock === last.number ? last : rpc.block(toBlock)
      ])
      for (const log of logs) this.#log.append(log)
      this.#read = { number, hash }
      fromBlock = toBlock + 1
    }
    if (fromBlock <= last.number)
      throw new RayswarmError('ERR_TIMEOUT', `the registry is read up to block ${fromBlock - 1} only`, {
        thing: 'block',
        value: fromBlock - 1,
        remedy: 'Ask again: reading goes on from there.'
      })
    this.#epoch = Math.floor(last.timestamp / this.epochS)
    return this.#epoch
  }

  // A development chain that was reset, or a chain that undid more blocks than we waited for.
  async #isUndone(last: Block): Promise<boolean> {
    if (this.#read === undefined) return false
    const { number, hash } = this.#read
    if (number >= last.number) return number > last.number || hash !== last.hash
    return (await this.#link.rpc.block(number)).hash !== hash
  }

  #forget(): void {
    this.#log = this.#emptyLog()
    this.#read = undefined
    this.#epoch = -1
    this.#snapshots.clear()
  }

  #emptyLog(): RegistryLog {
    return new RegistryLog((account, peer, binding) =>
      this.#identity.verify(peer, this.#bindingBytes(account), binding)
    )
  }

  /** What a peer signs to make an account its own. */
  #bindingBytes(account: Account): Uint8Array {
    return canonical([BINDING_DOMAIN, this.chainId, this.registry, account])
  }
}

function notTheRegistry(
  { registry }: ChainRegistryInit,
  { token }: ChainLink,
  got: string,
  cause?: unknown
): RayswarmError {
  return new RayswarmError('ERR_USAGE', `contract ${registry} is not a registry of token ${token}: ${got}`, {
    thing: 'registry',
    value: registry,
    remedy: 'Use the addresses that the deployment printed.',
    cause
  })
}
