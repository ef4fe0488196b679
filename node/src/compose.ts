import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HeliaAssets } from '@rayswarm/assets'
import type { EthersChain } from '@rayswarm/chain'
import type { Clock, Log, Network, Probe, Runner } from '@rayswarm/interface'
import type { Swarm, TransportFaults } from '@rayswarm/network'
import { params } from '@rayswarm/params'
import type { NodeSettings, Peer } from '@rayswarm/peer'
import { nodeIdentity, type WireContext } from '@rayswarm/wire'
import { diskFailure, diskFullAmong } from './disk.ts'
import { openDrawing } from './host/drawing.ts'
import { loadAccount, loadSeed, type OwnAccount } from './host/keys.ts'
import { LevelStore } from './host/level-store.ts'
import { SystemChance, SystemClock } from './host/system-world.ts'
import { present } from './present.ts'
import type { SwarmFile } from './swarm-file.ts'

/** Ways in which a node of a test network may misbehave. */
export type Byzantine = 'garbage' | 'sometimes'

/** What a test network puts between a peer and its world. */
export interface Lab {
  readonly faults: TransportFaults
  readonly clock: Clock
  /** Whether the peer book names everybody. */
  readonly acquainted: boolean | undefined
  network(inner: Network, context: WireContext): Network
  runners(runners: readonly Runner[]): readonly Runner[]
}

/** What {@link openHome} needs. */
export interface HomeInit {
  /** Directory of this peer alone; made on first use. */
  readonly dir: string
  readonly swarm: SwarmFile
  /** Encrypts the account's key. Required on mainnet. */
  readonly passphrase?: string
}

/** What a peer owns, before it meets others: directory, keys, account. */
export interface Home {
  readonly dir: string
  readonly swarm: SwarmFile
  readonly store: LevelStore
  readonly seed: Uint8Array
  readonly account: OwnAccount
  readonly chain: EthersChain
  readonly context: WireContext
  close(): Promise<void>
}

/**
 * Open a peer's directory and connect its account to the chain.
 *
 * @throws {RayswarmError} `ERR_STORE_LOCKED`, `ERR_CHAIN_ID`, `ERR_CHAIN_UNREACHABLE`, `ERR_NOT_WRITABLE`, `ERR_DISK_FULL`
 */
export async function openHome(init: HomeInit): Promise<Home> {
  const { dir, swarm, passphrase } = init
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch(error => {
    throw diskFailure(error, 'data directory', dir)
  })
  const store = await LevelStore.open(dir)
  try {
    const seed = await loadSeed(dir)
    const account = await loadAccount(dir, {
      encryptedOnly: swarm.preset === 'mainnet',
      ...present({ passphrase })
    })
    const { openChain } = await import('@rayswarm/chain')
    const { chainId, rpcUrl, token, escrow, confirmations, deployedAtBlock } = swarm.chain
    const chain = await openChain({
      rpcUrl,
      chainId,
      token,
      contract: escrow,
      key: account.key,
      ...present({ confirmations, deployedAtBlock })
    })
    const context = { identity: nodeIdentity(seed), chainId, netId: swarm.netId }
    const close = async (): Promise<void> => {
      chain.close()
      await store.close()
    }
    return { dir, swarm, store, seed, account, chain, context, close }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** What {@link openHost} needs beyond the home. */
export interface HostInit {
  readonly log: Log
  readonly quotaBytes: number
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly bootstrap?: readonly string[]
  readonly mdns?: boolean
  /** Execute other peers' work; absent: do not. */
  readonly node?: Omit<NodeSettings, 'account'>
  readonly byzantine?: Byzantine
  /** Engines instead of the built-in ones. */
  readonly engines?: readonly Runner[]
  readonly lab?: Lab
  /** Subscribe to the peer's events here: some come while it starts. */
  readonly onPeer?: (peer: Peer) => void
}

/** A running peer: the only place where concrete adapters meet. */
export interface Host {
  readonly home: Home
  readonly peer: Peer
  readonly swarm: Swarm
  readonly assets: HeliaAssets
  /** Engines this peer executes with. */
  readonly probes: readonly Probe[]
  /** Stop everything, the home too: leases are handed back, no file or socket stays open. */
  stop(): Promise<void>
}

/**
 * Start a peer from its home. Closes the home when it fails.
 *
 * @throws {RayswarmError} `ERR_PORT_IN_USE`, `ERR_USAGE`, `ERR_STORE_LOCKED`, `ERR_DISK_FULL`
 */
export async function openHost(home: Home, init: HostInit): Promise<Host> {
  const closers: (() => Promise<unknown>)[] = [() => home.close()]
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse())
      await close().catch(cause => init.log.warn('not closed cleanly', { cause }))
  }
  try {
    const { peer, swarm, assets } = await assemble(home, init, closers)
    init.onPeer?.(peer)
    await swarm.start()
    closers.push(() => peer.stop())
    const probes = await peer.start()
    return { home, peer, swarm, assets, probes, stop }
  } catch (error) {
    await stop()
    throw diskFullAmong(error, 'data directory', home.dir) ?? error
  }
}

async function assemble(
  home: Home,
  init: HostInit,
  closers: (() => Promise<unknown>)[]
): Promise<{ peer: Peer; swarm: Swarm; assets: HeliaAssets }> {
  const { dir, seed, store, chain, context } = home
  const { netId, preset, bootstrap } = home.swarm
  const { log, node, lab } = init
  // Two seconds of loading, which a command that fails before this point is spared.
  const [{ createSwarm }, { createAssets }, { judgeCertRecord }, { Peer }, engines] = await Promise.all([
    import('@rayswarm/network'),
    import('@rayswarm/assets'),
    import('@rayswarm/lease'),
    import('@rayswarm/peer'),
    init.engines ?? builtIn(init)
  ])
  let peer: Peer | undefined
  const swarm = await createSwarm({
    privateKeySeed: seed,
    netId,
    dir,
    profile: preset === 'mainnet' ? 'public' : 'testnet',
    bootstrap: [...bootstrap, ...(init.bootstrap ?? [])],
    mdns: init.mdns ?? false,
    log,
    validateRecord: (key, value) =>
      judgeCertRecord(key, value, job => peer?.offers.get(job)?.witnesses, context),
    ...present({
      listen: init.listen,
      announce: init.announce,
      faults: lab?.faults,
      acquainted: lab?.acquainted
    })
  })
  closers.push(() => swarm.stop())
  const { libp2p, records } = swarm
  const network = lab?.network(swarm.network, context) ?? swarm.network
  const assets = await createAssets({
    libp2p,
    dir: join(dir, 'assets'),
    quotaBytes: init.quotaBytes,
    netId,
    log
  })
  closers.push(() => assets.stop())
  const chance = new SystemChance()
  const honest = await disguise(engines, init.byzantine)
  const runners = lab?.runners(honest) ?? honest
  const clock = lab?.clock ?? new SystemClock()
  const drawing = await openDrawing(home)
  peer = new Peer(
    { clock, chance, network, records, assets, chain, store, log, runners, context, ...drawing },
    {
      params: params[preset],
      ...(node === undefined ? {} : { node: { ...node, account: chain.account } })
    }
  )
  return { peer, swarm, assets }
}

async function builtIn({ node }: HostInit): Promise<readonly Runner[]> {
  const { openEngines } = await import('./host/engines.ts')
  return openEngines(present({ concurrency: node?.concurrency }))
}

/** Engines that lie, for test networks. */
async function disguise(runners: readonly Runner[], kind: Byzantine | undefined): Promise<readonly Runner[]> {
  if (kind === undefined) return runners
  const { lyingRunner } = await import('@rayswarm/simulation')
  return runners.map(runner => lyingRunner(runner, new SystemChance(), kind))
}
