import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Checkout } from '@rayswarm/interface'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { createAssets } from '../src/create-assets.ts'
import type { HeliaAssets } from '../src/helia-assets.ts'

/** A libp2p node on the loopback interface, as a farm of one host needs it. */
export function nodeOptions(): Libp2pOptions {
  return {
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 },
    services: { identify: identify() }
  }
}

export interface SwarmPeer {
  readonly peerId: string
  readonly dir: string
  readonly libp2p: Libp2p
  readonly assets: HeliaAssets
}

/** Peers on the loopback interface, and everything needed to leave nothing of them behind. */
export class Swarm {
  readonly #nodes: Libp2p[] = []
  readonly #stores: HeliaAssets[] = []
  readonly #dirs: string[] = []

  /** A libp2p node connected to all earlier ones. */
  async node(): Promise<Libp2p> {
    const libp2p = await createLibp2p(nodeOptions())
    for (const other of this.#nodes) {
      if (other.status !== 'started') continue
      await libp2p.dial(other.getMultiaddrs())
      // The listening end learns of the connection a moment later.
      while (other.getConnections(libp2p.peerId).length === 0) await turn()
    }
    this.#nodes.push(libp2p)
    return libp2p
  }

  async dir(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'rayswarm-assets-'))
    this.#dirs.push(dir)
    return dir
  }

  async peer(init: { quotaBytes?: number; dir?: string } = {}): Promise<SwarmPeer> {
    const libp2p = await this.node()
    const dir = init.dir ?? (await this.dir())
    const assets = await createAssets({ libp2p, dir, quotaBytes: init.quotaBytes ?? 2 ** 30, netId: 'test' })
    this.#stores.push(assets)
    return { peerId: libp2p.peerId.toString(), dir, libp2p, assets }
  }

  async close(): Promise<void> {
    for (const assets of this.#stores) await assets.stop()
    for (const libp2p of this.#nodes) await libp2p.stop()
    for (const dir of this.#dirs) await rm(dir, { recursive: true, force: true })
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve)
  })
}

/** Content of a checkout by path, or undefined when its directory is gone. */
export async function filesOf({ dir }: Checkout): Promise<Map<string, Uint8Array> | undefined> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (names === undefined) return undefined
  const files = new Map<string, Uint8Array>()
  for (const name of names) {
    if (!name.isFile()) continue
    const file = join(name.parentPath, name.name)
    files.set(relative(dir, file).split(sep).join('/'), await readFile(file))
  }
  return files
}
