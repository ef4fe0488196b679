import { join } from 'node:path'
import { withBitswap } from '@helia/bitswap'
import { type CreateLibp2pOptions, type HeliaWithLibp2p, withLibp2pLight } from '@helia/libp2p'
import type { Libp2p, ServiceMap } from '@libp2p/interface'
import { type Log, RayswarmError } from '@rayswarm/interface'
import { LevelDatastore } from 'datastore-level'
import { createHeliaLight, type Helia } from 'helia'
import { BitswapSource } from './bitswap-source.ts'
import { serveBlocks } from './block-protocol.ts'
import { BlockSession } from './block-session.ts'
import { Checkouts } from './checkouts.ts'
import { DiskBlocks } from './disk-blocks.ts'
import type { OpenSource } from './download.ts'
import { failureOf } from './failures.ts'
import { HeliaAssets } from './helia-assets.ts'
import { IdleStreams } from './idle-streams.ts'
import { Pins } from './pins.ts'

/** What {@link createAssets} needs. */
export type AssetsInit = {
  /** Private directory: `blocks`, `records` and `checkouts` are made in it. One process at a time. */
  readonly dir: string
  /** Most bytes of blocks to keep. */
  readonly quotaBytes: number
  /** Names the network; peers of other networks are not asked. */
  readonly netId: string
  readonly log?: Log
} & (
  | {
      /** The process's one libp2p node, started or not. Stays its maker's to start and stop. */
      readonly libp2p: Libp2p
    }
  | {
      /** Options of a libp2p node that is made for this store alone, and stopped with it. */
      readonly libp2pOptions: CreateLibp2pOptions
    }
)

/**
 * Open a store of assets and join the exchange of blocks.
 *
 * No public gateway, delegated router or default bootstrap peer is ever asked: `createHeliaLight` has none. Bitswap only
 * looks at `helia.libp2p`, so one node can serve gossip, the DHT and blocks: make it, hand it to both packages, start it,
 * and in the end stop the store before the node. One store per node and network.
 *
 * @throws {RayswarmError} `ERR_STORE_LOCKED` if another process has the directory, `ERR_DISK_FULL`
 */
export async function createAssets(init: AssetsInit): Promise<HeliaAssets> {
  // The database's lock comes first: sweeping and indexing must not disturb another process.
  const records = await openRecords(join(init.dir, 'records'))
  const undo: (() => Promise<unknown>)[] = [() => records.close()]
  try {
    const blocks = new DiskBlocks(join(init.dir, 'blocks'), init.quotaBytes)
    const checkouts = new Checkouts(join(init.dir, 'checkouts'))
    await blocks.open()
    await checkouts.open()
    const pins = new Pins(records, blocks)
    blocks.onFull = () => pins.collect()

    const helia = withNetwork(createHeliaLight({ blockstore: blocks, datastore: records }), init)
    undo.unshift(() => helia.stop())
    await helia.start()
    const { libp2p } = helia
    undo.unshift(await serveBlocks(libp2p, init.netId, blocks, init.log))
    const idle = new IdleStreams()
    undo.unshift(async () => idle.close())
    return new HeliaAssets({
      libp2p,
      blocks,
      pins,
      checkouts,
      source: sourceOver(helia, idle, init),
      close: () => inTurn(undo)
    })
  } catch (error) {
    await inTurn(undo)
    throw failureOf(error, 'assets directory')
  }
}

function sourceOver(
  helia: HeliaWithLibp2p<ServiceMap>,
  idle: IdleStreams,
  { netId, log }: AssetsInit
): OpenSource {
  const foreign: OpenSource = (peers, signal) => new BitswapSource(helia.blockstore, peers, signal)
  const components = { libp2p: helia.libp2p, netId, log, idle, foreign }
  return (providers, signal) => new BlockSession(components, providers, signal)
}

async function inTurn(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) await step()
}

function withNetwork(helia: Helia, init: AssetsInit): HeliaWithLibp2p<ServiceMap> {
  if ('libp2pOptions' in init) return withBitswap(withLibp2pLight(helia, init.libp2pOptions))
  // `withLibp2pLight` only makes nodes; all it adds for bitswap is this property.
  return withBitswap(Object.assign(helia, { libp2p: init.libp2p }))
}

async function openRecords(dir: string): Promise<LevelDatastore> {
  const records = new LevelDatastore(dir)
  try {
    // Opened below the datastore, which would keep only the text of the error.
    await records.db.open({ createIfMissing: true })
    return records
  } catch (error) {
    if (!isLocked(error)) throw failureOf(error, 'assets directory')
    throw new RayswarmError('ERR_STORE_LOCKED', 'another process is using the assets directory', {
      thing: 'assets directory',
      value: dir,
      cause: error,
      remedy: 'Stop the other process, or give this one a directory of its own.'
    })
  }
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
}
