import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { BlockList, isIPv6 } from 'node:net'
import { type Account, type Hex, RayswarmError } from '@rayswarm/interface'
import {
  type Block,
  type FetchGetUrlFunc,
  FetchRequest,
  type Interface,
  JsonRpcProvider,
  type Log
} from 'ethers'
import { chainError, wrongChainId } from './errors.ts'

const REQUEST_TIMEOUT_MS = 15_000
/** No time-out of a request counts before it is connected, and the kernel tries that for two minutes. */
const CONNECT_TIMEOUT_MS = 5_000
const CONNECT_ATTEMPT_COUNT_MAX = 4
const MINED_TIMEOUT_MS = 120_000
/** How often to look for new blocks: a local chain is asked at no cost, a hosted one counts requests. */
const LOCAL_POLL_MS = 50
const HOSTED_POLL_MS = 2_000
const PRIVATE_BATCH_COUNT_MAX = 16
const PRIVATE = new BlockList()
PRIVATE.addSubnet('127.0.0.0', 8)
PRIVATE.addSubnet('10.0.0.0', 8)
PRIVATE.addSubnet('172.16.0.0', 12)
PRIVATE.addSubnet('192.168.0.0', 16)
PRIVATE.addAddress('::1', 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
/** Hosted nodes refuse to search more blocks at once. */
export const LOG_PAGE_BLOCKS = 10_000
/** Most pages of one search; older events are not found. */
export const LOG_PAGES_MAX = 1_000

/** Which chain, and where it answers. */
export interface RpcInit {
  /** JSON-RPC over http(s). */
  readonly rpcUrl: string
  readonly chainId: number
  /** How often to look for a transaction of ours. Absent: often on this machine, rarely elsewhere. */
  readonly pollIntervalMs?: number
  readonly requestTimeoutMs?: number
  /** How long one of four attempts to connect may take. */
  readonly connectTimeoutMs?: number
  /** How long a transaction may wait for its block. */
  readonly minedTimeoutMs?: number
}

/** What is being looked for in the logs of a contract: events of one name about one id. */
export interface EventQuery {
  readonly contract: Account
  readonly abi: Interface
  readonly event: string
  readonly id: Hex
  readonly fromBlock: number
}

/** A connection to one chain that turns every failure into a coded error. */
export class Rpc {
  readonly url: string
  readonly chainId: number
  readonly pollIntervalMs: number
  readonly minedTimeoutMs: number
  readonly connection: JsonRpcProvider
  readonly #agent: HttpAgent

  private constructor(init: RpcInit) {
    this.url = init.rpcUrl
    this.chainId = init.chainId
    this.pollIntervalMs = init.pollIntervalMs ?? (isLocal(init.rpcUrl) ? LOCAL_POLL_MS : HOSTED_POLL_MS)
    this.minedTimeoutMs = init.minedTimeoutMs ?? MINED_TIMEOUT_MS
    const request = new FetchRequest(init.rpcUrl)
    request.timeout = init.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    // Node's own agent gives up on a connection after five seconds, which a machine that starts many peers may be too busy to see.
    this.#agent = new (request.url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true })
    limitConnecting(this.#agent, init.connectTimeoutMs ?? CONNECT_TIMEOUT_MS)
    request.getUrlFunc = connectingAgain(FetchRequest.createGetUrlFunc({ agent: this.#agent }))
    this.connection = new JsonRpcProvider(request, init.chainId, {
      staticNetwork: true,
      // Cached nonces and balances are wrong as soon as we have sent something.
      cacheTimeout: -1,
      pollingInterval: this.pollIntervalMs,
      // What is asked at one moment goes out in one request, but not to strangers: hosted nodes may not take batches.
      batchMaxCount: isPrivate(init.rpcUrl) ? PRIVATE_BATCH_COUNT_MAX : 1,
      batchStallTime: 0
    })
  }

  /** Connect, and make sure it is the chain we mean. */
  static async open(init: RpcInit): Promise<Rpc> {
    if (!/^https?:$/.test(URL.parse(init.rpcUrl)?.protocol ?? ''))
      throw new RayswarmError('ERR_USAGE', `not an http(s) URL: ${init.rpcUrl}`, {
        thing: 'RPC URL',
        value: init.rpcUrl,
        remedy: 'Give the URL of a JSON-RPC endpoint.'
      })
    const rpc = new Rpc(init)
    try {
      const got = Number(await rpc.ask(() => rpc.connection.send('eth_chainId', [])))
      if (got !== init.chainId) throw wrongChainId(init.chainId, got)
      return rpc
    } catch (error) {
      rpc.close()
      throw error
    }
  }

  close(): void {
    this.connection.destroy()
    this.#agent.destroy()
  }

  async ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw chainError(error, this.url)
    }
  }

  /** Call a view function; resolves to its results. */
  async read(
    contract: Account,
    abi: Interface,
    name: string,
    args: readonly unknown[]
  ): Promise<readonly unknown[]> {
    const data = abi.encodeFunctionData(name, args)
    return await this.ask(async () =>
      abi.decodeFunctionResult(name, await this.connection.call({ to: contract, data }))
    )
  }

  /** All events of a contract in at most {@link LOG_PAGE_BLOCKS} blocks, both ends included. */
  async eventsOf(contract: Account, fromBlock: number, toBlock: number): Promise<readonly Log[]> {
    return await this.ask(() => this.connection.getLogs({ address: contract, fromBlock, toBlock }))
  }

  /** A block that must be there. */
  async block(number: number): Promise<Block> {
    const block = await this.ask(() => this.connection.getBlock(number))
    if (block !== null) return block
    throw new RayswarmError('ERR_TIMEOUT', `block ${number} is not there yet`, {
      thing: 'block',
      value: number,
      remedy: 'Ask again later.'
    })
  }

  /** The newest event that matches, searched backwards page by page. */
  async findEvent(query: EventQuery): Promise<Log | undefined> {
    const { contract, abi, event, id, fromBlock } = query
    const topics = [abi.getEvent(event)!.topicHash, id]
    let toBlock = await this.ask(() => this.connection.getBlockNumber())
    for (let page = 0; page < LOG_PAGES_MAX && toBlock >= fromBlock; page += 1) {
      const from = Math.max(fromBlock, toBlock - LOG_PAGE_BLOCKS + 1)
      const filter = { address: contract, topics, fromBlock: from, toBlock }
      const logs = await this.ask(() => this.connection.getLogs(filter))
      if (logs.length > 0) return logs.at(-1)
      toBlock = from - 1
    }
    return undefined
  }
}

function limitConnecting(agent: HttpAgent, timeoutMs: number): void {
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = connect(...args)
    const giveUp = (): void => {
      socket?.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }))
    }
    const timer = setTimeout(giveUp, timeoutMs)
    for (const event of ['connect', 'close']) socket?.once(event, () => clearTimeout(timer))
    return socket
  }
}

/** What was never connected was never sent. */
function connectingAgain(getUrl: FetchGetUrlFunc): FetchGetUrlFunc {
  return async (request, signal) => {
    for (let attempt = 1; ; attempt++)
      try {
        return await getUrl(request, signal)
      } catch (error) {
        const isLate = (error as { code?: unknown }).code === 'ETIMEDOUT'
        if (!isLate || attempt >= CONNECT_ATTEMPT_COUNT_MAX) throw error
      }
  }
}

function hostOf(rpcUrl: string): string {
  return (URL.parse(rpcUrl)?.hostname ?? '').replace(/^\[|\]$/g, '')
}

function isLocal(rpcUrl: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(hostOf(rpcUrl))
}

/** Whether a chain runs on this machine or in a private network, and is no hosted one. */
function isPrivate(rpcUrl: string): boolean {
  const host = hostOf(rpcUrl)
  return host === 'localhost' || PRIVATE.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')
}
