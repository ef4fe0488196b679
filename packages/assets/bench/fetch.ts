// How fast a scene arrives, next to what the same two processes move over a bare libp2p stream in the same run.
// node packages/assets/dist/bench/fetch.js [MiB] [rounds]
import { type ChildProcess, fork } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withBitswap } from '@helia/bitswap'
import type { Libp2p } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryBlockstore } from 'blockstore-core'
import { createHeliaLight } from 'helia'
import { exporter } from 'ipfs-unixfs-exporter'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { createAssets } from '../src/index.ts'
import { nodeOptions } from '../test/swarm.ts'

const MIB = 1024 * 1024
const RAW_PROTOCOL = '/bench/raw/1'
const PIECE_SIZE_BYTES = 64 * 1024
const PROVIDER_COUNT = 2
const QUOTA_BYTES = 2 ** 34
const TIMEOUT_MS = 120_000

interface Provider {
  readonly process: ChildProcess
  readonly addresses: string[]
  readonly peerId: string
  readonly cid: string
  readonly file: string
}

// The same bytes in every process, and nothing that compresses.
interface Rate {
  readonly mibPerS: number
  readonly mibPerCpuS: number
}

async function* content(sizeBytes: number): AsyncGenerator<Uint8Array> {
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16))
  for (let at = 0; at < sizeBytes; at += MIB) yield cipher.update(new Uint8Array(MIB))
}

async function provide(sizeBytes: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-bench-'))
  const libp2p = await createLibp2p(nodeOptions())
  const assets = await createAssets({ libp2p, dir, quotaBytes: QUOTA_BYTES, netId: 'bench' })
  const { cid, manifest } = await assets.add([{ path: 'scene.bin', read: () => content(sizeBytes) }])
  const piece = new Uint8Array(PIECE_SIZE_BYTES).fill(7)
  await libp2p.handle(RAW_PROTOCOL, async stream => {
    for (let sent = 0; sent < sizeBytes; sent += piece.length) if (!stream.send(piece)) await stream.onDrain()
    await stream.close()
  })
  // The measuring process lets go of us when it is done, and also when it dies.
  process.once('disconnect', async () => {
    await assets.stop()
    await libp2p.stop()
    await rm(dir, { recursive: true, force: true })
  })
  process.send?.({
    addresses: libp2p.getMultiaddrs().map(String),
    peerId: libp2p.peerId.toString(),
    cid,
    file: manifest.entries[0]?.cid
  })
}

async function start(sizeBytes: number): Promise<Provider> {
  const child = fork(import.meta.filename, ['provide', String(sizeBytes)])
  const [ready] = await once(child, 'message')
  return { process: child, ...ready }
}

async function copyRaw(libp2p: Libp2p, provider: Provider, sizeBytes: number): Promise<void> {
  const stream = await libp2p.dialProtocol(provider.addresses.map(multiaddr), RAW_PROTOCOL)
  const bytes = byteStream(stream, { maxBufferSize: 2 ** 30 })
  for (let read = 0; read < sizeBytes; ) {
    const part = await bytes.read()
    if (part === null) throw new Error('the stream ended early')
    read += part.byteLength
  }
  await stream.close()
}

async function checkout(libp2p: Libp2p, providers: readonly Provider[], sizeBytes: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-bench-'))
  const assets = await createAssets({ libp2p, dir, quotaBytes: QUOTA_BYTES, netId: 'bench' })
  const options = {
    providers: providers.map(({ peerId }) => peerId),
    sizeBytesMax: sizeBytes,
    timeoutMs: TIMEOUT_MS
  }
  const ms = await timed(() => assets.checkout(providers[0]!.cid, options))
  await assets.stop()
  await rm(dir, { recursive: true, force: true })
  return ms
}

// A node of its own each time: a peer that has sent a block over bitswap does not soon send it again.
async function overBitswap({ addresses, file }: Provider, sizeBytes: number): Promise<number> {
  const libp2p = await createLibp2p(nodeOptions())
  await libp2p.dial(addresses.map(multiaddr))
  const helia = createHeliaLight({ blockstore: new MemoryBlockstore() })
  const node = await withBitswap(Object.assign(helia, { libp2p })).start()
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const ms = await timed(async () => {
    const entry = await exporter(CID.parse(file), node.blockstore, { signal })
    let read = 0
    if (entry.type === 'file') {
      for await (const part of entry.content({ blockReadConcurrency: 16, signal })) read += part.length
    }
    if (read !== sizeBytes) throw new Error(`${read} bytes over bitswap`)
  })
  await node.stop()
  await libp2p.stop()
  return ms
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

async function measure(sizeMiB: number, rounds: number): Promise<void> {
  const sizeBytes = sizeMiB * MIB
  const providers: Provider[] = []
  for (let i = 0; i < PROVIDER_COUNT; i++) providers.push(await start(sizeBytes))
  const libp2p = await createLibp2p(nodeOptions())
  for (const { addresses } of providers) await libp2p.dial(addresses.map(multiaddr))

  const ways = {
    'raw stream': () => timed(() => copyRaw(libp2p, providers[0]!, sizeBytes)),
    'checkout, 1 provider': () => checkout(libp2p, providers.slice(0, 1), sizeBytes),
    'checkout, 2 providers': () => checkout(libp2p, providers, sizeBytes),
    'bitswap, memory only': () => overBitswap(providers[0]!, sizeBytes)
  }
  const best = new Map<string, Rate>()
  for (let round = 0; round < rounds; round++) {
    for (const [way, run] of Object.entries(ways)) {
      const before = process.cpuUsage()
      const mibPerS = sizeMiB / ((await run()) / 1_000)
      const { user, system } = process.cpuUsage(before)
      const rate = { mibPerS, mibPerCpuS: sizeMiB / ((user + system) / 1e6) }
      if (rate.mibPerS > (best.get(way)?.mibPerS ?? 0)) best.set(way, rate)
    }
  }
  const reference = best.get('raw stream')!
  console.log(
    `${sizeMiB} MiB, best of ${rounds} rounds, ${PROVIDER_COUNT} providers in processes of their own`
  )
  console.log(`${''.padEnd(24)}  MiB/s ratio  MiB per CPU second of the receiver, ratio`)
  for (const [way, { mibPerS, mibPerCpuS }] of best) {
    const wall = `${mibPerS.toFixed(0).padStart(6)} ${(mibPerS / reference.mibPerS).toFixed(2).padStart(5)}`
    const cpu = `${mibPerCpuS.toFixed(0).padStart(6)} ${(mibPerCpuS / reference.mibPerCpuS).toFixed(2).padStart(5)}`
    console.log(`${way.padEnd(24)} ${wall} ${cpu}`)
  }

  await libp2p.stop()
  for (const { process: child } of providers) {
    child.disconnect()
    await once(child, 'exit')
  }
}

const [first, second] = process.argv.slice(2)
if (first === 'provide') await provide(Number(second))
else await measure(Number(first ?? 256), Number(second ?? 3))
