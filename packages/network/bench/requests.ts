/**
 * Requests of our `Network` beside an echo over a raw libp2p stream, on the same connection settings, in the same run: what
 * length prefixes, limits, deadlines and turns cost. Prints a table; ratios are what to compare between machines.
 *
 *     node packages/network/dist/bench/requests.js
 */

import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peerIdFromString } from '@libp2p/peer-id'
import { echo, lpStream } from '@libp2p/utils'
import { createSwarm, type Swarm } from '../src/index.ts'

const ECHO = '/bench/echo/1'
const RUN_MS = 2_000
const ROUNDS = 3
const OPTIONS = { timeoutMs: 10_000 }

const dirs: string[] = []

async function start(name: string, bootstrap: readonly string[]): Promise<Swarm> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-bench-'))
  dirs.push(dir)
  const swarm = await createSwarm({
    privateKeySeed: createHash('sha256').update(name).digest(),
    netId: 'bench',
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap,
    dir,
    profile: 'testnet',
    mdns: false,
    validateRecord: () => ({ action: 'accept' }),
    log: { debug: () => {}, info: () => {}, warn: () => {} }
  })
  await swarm.start()
  return swarm
}

const a = await start('a', [])
const b = await start('b', a.network.addresses())
const to = a.network.peerId
a.network.serve('market', async bytes => bytes)
await a.libp2p.handle(ECHO, stream => void echo(stream), { maxInboundStreams: 1_000 })

async function ours(bytes: Uint8Array): Promise<void> {
  await b.network.request(to, 'market', bytes, OPTIONS)
}

const peerId = peerIdFromString(to)

async function raw(bytes: Uint8Array): Promise<void> {
  const stream = await b.libp2p.dialProtocol(peerId, ECHO, { maxOutboundStreams: 1_000 })
  const lp = lpStream(stream)
  await lp.write(bytes)
  await lp.read()
  await stream.close()
}

interface Run {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** `atOnce` loops, each asking again as soon as it is answered. */
async function run(
  ask: (bytes: Uint8Array) => Promise<void>,
  sizeBytes: number,
  atOnce: number
): Promise<Run> {
  const bytes = new Uint8Array(sizeBytes)
  const timesMs: number[] = []
  const startMs = performance.now()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - startMs < RUN_MS) {
        const askedMs = performance.now()
        await ask(bytes)
        timesMs.push(performance.now() - askedMs)
      }
    })
  )
  timesMs.sort((x, y) => x - y)
  const at = (share: number): number => timesMs[Math.trunc(timesMs.length * share)] ?? 0
  return {
    perSecond: (timesMs.length * 1_000) / (performance.now() - startMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99)
  }
}

const median = (runs: Run[]): Run =>
  runs.sort((x, y) => x.perSecond - y.perSecond)[Math.trunc(runs.length / 2)]!

console.log('bytes  at once │ ours /s   p50 ms  p99 ms │ raw /s    p50 ms  p99 ms │ rate  p50')
for (const [sizeBytes, atOnce] of [
  [200, 1],
  [200, 16],
  [4_096, 1],
  [4_096, 16],
  [65_536, 1],
  [65_536, 8]
] as const) {
  const oursRuns: Run[] = []
  const rawRuns: Run[] = []
  for (let round = 0; round < ROUNDS; round++) {
    oursRuns.push(await run(ours, sizeBytes, atOnce))
    rawRuns.push(await run(raw, sizeBytes, atOnce))
  }
  const [our, their] = [median(oursRuns), median(rawRuns)]
  const cells = (r: Run): string =>
    `${r.perSecond.toFixed(0).padStart(7)} ${r.p50Ms.toFixed(2).padStart(8)} ${r.p99Ms.toFixed(2).padStart(7)}`
  console.log(
    `${String(sizeBytes).padStart(5)} ${String(atOnce).padStart(8)} │${cells(our)} │${cells(their)} │` +
      ` ${(our.perSecond / their.perSecond).toFixed(2)}  ${(our.p50Ms / their.p50Ms).toFixed(2)}`
  )
}

await Promise.all([a.stop(), b.stop()])
for (const dir of dirs) await rm(dir, { recursive: true, force: true })
