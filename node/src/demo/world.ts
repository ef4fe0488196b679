import { join } from 'node:path'
import { type Deployment, DevChain, deploy } from '@rayswarm/chain'
import type { Account, PeerId } from '@rayswarm/interface'
import { RayswarmError } from '@rayswarm/interface'
import { computeAddress, Wallet } from 'ethers'
import { type SwarmFile, writeSwarmFile } from '../swarm-file.ts'
import { Child, type ChildEvent } from './children.ts'

/** A node process of the demo. */
export interface DemoNode {
  readonly name: string
  readonly liar: boolean
  readonly peerId: PeerId
  readonly account: Account
  readonly child: Child
}

/** Everything that runs for one demo: a chain and processes. */
export class DemoWorld {
  readonly dir: string
  readonly chain: DevChain
  readonly deployment: Deployment
  readonly swarmPath: string
  readonly #children: Child[] = []

  private constructor(dir: string, chain: DevChain, deployment: Deployment) {
    this.dir = dir
    this.chain = chain
    this.deployment = deployment
    this.swarmPath = join(dir, 'swarm.json')
  }

  /** Start the chain and deploy the contracts. */
  static async open(dir: string): Promise<DemoWorld> {
    const chain = await DevChain.start()
    try {
      const { rpcUrl, chainId, key } = chain
      const treasury = computeAddress(Wallet.createRandom().privateKey)
      return new DemoWorld(dir, chain, await deploy({ rpcUrl, chainId, key, treasury }))
    } catch (error) {
      await chain.stop()
      throw error
    }
  }

  /** Start the nodes: the first alone, so that the others can start from it. The last ones lie. */
  async startNodes(count: number, liarCount: number, onReady: (node: DemoNode) => void): Promise<DemoNode[]> {
    await this.#writeSwarm([])
    const startOne = async (index: number): Promise<{ node: DemoNode; addresses: readonly string[] }> => {
      const name = `node-${index + 1}`
      const liar = index >= count - liarCount
      const place = ['--swarm', this.swarmPath, '--data', join(this.dir, name), '--concurrency', '1']
      const lie = liar ? ['--byzantine', 'garbage'] : []
      const child = this.start(name, ['join', ...place, ...lie, '--listen', '/ip4/127.0.0.1/tcp/0'])
      const ready = await child.ready()
      const node = { name, liar, peerId: String(ready.peerId), account: String(ready.account), child }
      onReady(node)
      return { node, addresses: ready.addresses as readonly string[] }
    }
    const first = await startOne(0)
    await this.#writeSwarm(first.addresses)
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, index) => startOne(index + 1)))
    return [first.node, ...others.map(({ node }) => node)]
  }

  /** Start one process of the program. */
  start(name: string, args: readonly string[], onEvent?: (event: ChildEvent) => void): Child {
    const child = new Child({ name, args, dir: this.dir, ...(onEvent === undefined ? {} : { onEvent }) })
    this.#children.push(child)
    return child
  }

  /** Rejects when a process that should run on has ended. */
  async lost(nodes: readonly DemoNode[]): Promise<never> {
    const { name, child } = await Promise.any(nodes.map(node => node.child.ended().then(() => node)))
    const { message, remedy } = await child.failure()
    throw new RayswarmError('ERR_INTERNAL', message, {
      thing: 'process',
      value: name,
      ...(remedy === undefined ? {} : { remedy })
    })
  }

  /** End every process, then the chain. */
  async close(): Promise<void> {
    await Promise.all(this.#children.map(child => child.end()))
    await this.chain.stop()
  }

  async #writeSwarm(bootstrap: readonly string[]): Promise<void> {
    const { chainId, token, contract, deployedAtBlock } = this.deployment
    const file: SwarmFile = {
      netId: 'demo',
      preset: 'testnet',
      chain: { chainId, rpcUrl: this.chain.rpcUrl, token, escrow: contract, deployedAtBlock },
      bootstrap,
      faucetKey: this.chain.key
    }
    await writeSwarmFile(this.swarmPath, file)
  }
}
