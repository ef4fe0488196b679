import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@rayswarm/interface'
import { createSwarm, type Libp2pFactory, type Swarm, type SwarmInit } from '../src/index.ts'

/** Swarms of one test on loopback addresses, each with a data directory of its own, and their end. */
export class Swarms {
  readonly warnings: string[] = []
  readonly #swarms: Swarm[] = []
  readonly #dirs: string[] = []
  #named = 0

  readonly log: Log = {
    debug: () => {},
    info: () => {},
    warn: message => this.warnings.push(message)
  }

  async dir(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'rayswarm-network-'))
    this.#dirs.push(dir)
    return dir
  }

  async init(over: Partial<SwarmInit> & { name?: string } = {}): Promise<SwarmInit> {
    const name = over.name ?? `peer ${this.#named++}`
    return {
      privateKeySeed: seedOf(name),
      netId: 'test',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      dir: over.dir ?? (await this.dir()),
      profile: 'testnet',
      mdns: false,
      validateRecord: () => ({ action: 'accept' }),
      log: this.log,
      ...over
    }
  }

  async create(over: Partial<SwarmInit> & { name?: string; libp2p?: Libp2pFactory } = {}): Promise<Swarm> {
    const swarm = await createSwarm({ ...(await this.init(over)), ...over })
    this.#swarms.push(swarm)
    return swarm
  }

  async start(over: Parameters<Swarms['create']>[0] = {}): Promise<Swarm> {
    const swarm = await this.create(over)
    await swarm.start()
    return swarm
  }

  /** `count` started swarms, each connected with every other. */
  async mesh(count: number): Promise<Swarm[]> {
    const first = await this.start()
    const bootstrap = first.network.addresses()
    const others = await Promise.all(Array.from({ length: count - 1 }, () => this.start({ bootstrap })))
    const swarms = [first, ...others]
    await connectAll(swarms)
    return swarms
  }

  async close(): Promise<void> {
    await Promise.all(this.#swarms.splice(0).map(swarm => swarm.stop()))
    await Promise.all(this.#dirs.splice(0).map(dir => rm(dir, { recursive: true, force: true })))
  }
}

export function seedOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest())
}

export async function connectAll(swarms: readonly Swarm[]): Promise<void> {
  for (const from of swarms)
    for (const to of swarms)
      if (from !== to) await from.network.learn(to.network.peerId, to.network.addresses())
  await eventually(() => swarms.every(swarm => swarm.network.peers().length >= swarms.length - 1))
}

/** Wait for a condition; the bound is there for a hang, not as an expectation. */
export async function eventually(met: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 1_500; round++) {
    if (await met()) return
    await sleep(20)
  }
  throw new Error('it never came to that')
}
