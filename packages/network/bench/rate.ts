/**
 * Requests per second between two processes on loopback: bare libp2p streams, and the request layer over them, taken in
 * turns so that a busy machine burdens both alike.
 *
 *     node dist/bench/rate.js [--seconds N] [--rounds N] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { peerIdFromString } from '@libp2p/peer-id'
import { lpStream } from '@libp2p/utils'
import { createSwarm, type Swarm } from '../src/index.ts'
import { eventually, Swarms, seedOf } from '../test/swarms.ts'

const BARE_PROTOCOL = '/bench/echo/1'
/** A claim, or a renewal, is about as long. */
const REQUEST_BYTES = 256
const OPTIONS = { timeoutMs: 10_000 }

interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the asker alone; holds on a busy machine, too. */
  readonly cpuMs: number
}

type Ask = () => Promise<unknown>

async function echo(address: string): Promise<void> {
  const swarms = new Swarms()
  const swarm = await swarms.start({ name: 'echo', bootstrap: address === '' ? [] : [address] })
  swarm.network.serve('lease', async bytes => bytes)
  await swarm.libp2p.handle(
    BARE_PROTOCOL,
    async stream => {
      const lp = lpStream(stream)
      await lp.write(await lp.read())
      await stream.close()
    },
    { maxInboundStreams: 1_000 }
  )
  process.stdout.write(`${swarm.network.addresses()[0]}\n`)
  for await (const _ of process.stdin); // until whoever started us is gone
  await swarms.close()
}

async function figures(ask: Ask, inFlight: number, durationMs: number): Promise<Figures> {
  const tookMs: number[] = []
  const endMs = performance.now() + durationMs
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const askedMs = performance.now()
      await ask()
      tookMs.push(performance.now() - askedMs)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  const perSecond = (tookMs.length * 1_000) / (performance.now() - startMs)
  const { user, system } = process.cpuUsage(cpu)
  const cpuMs = (user + system) / 1_000 / tookMs.length
  tookMs.sort((a, b) => a - b)
  const at = (share: number): number => tookMs[Math.floor(share * tookMs.length)] ?? Number.NaN
  return { perSecond, p50Ms: at(0.5), p99Ms: at(0.99), cpuMs }
}

function middle(all: readonly Figures[]): Figures {
  return [...all].sort((a, b) => a.perSecond - b.perSecond)[all.length >> 1]!
}

function asks(swarm: Swarm, to: string): Readonly<Record<'bare' | 'ours', Ask>> {
  const bytes = new Uint8Array(REQUEST_BYTES)
  const peer = peerIdFromString(to)
  return {
    bare: async () => {
      const stream = await swarm.libp2p.dialProtocol(peer, BARE_PROTOCOL, { maxOutboundStreams: 1_000 })
      const lp = lpStream(stream)
      await lp.write(bytes)
      await lp.read()
      await stream.close()
    },
    ours: () => swarm.network.request(to, 'lease', bytes, OPTIONS)
  }
}

async function measure(child: ChildProcess): Promise<void> {
  const value = (name: string, otherwise: number): number => {
    const at = process.argv.indexOf(name)
    return at < 0 ? otherwise : Number(process.argv[at + 1])
  }
  const durationMs = value('--seconds', 2) * 1_000
  const rounds = value('--rounds', 5)
  const json = process.argv.includes('--json')
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const address = String((await lines.next()).value)
  const swarms = new Swarms()
  const swarm = await createSwarm({
    ...(await swarms.init()),
    privateKeySeed: seedOf('asker'),
    bootstrap: [address]
  })
  await swarm.start()
  try {
    await eventually(() => swarm.network.peers().length === 1)
    const kinds = asks(swarm, address.split('/').at(-1) ?? '')
    for (const ask of Object.values(kinds)) await figures(ask, 8, durationMs / 2) // warm
    for (const inFlight of [1, 8, 32]) {
      const taken = { bare: [] as Figures[], ours: [] as Figures[] }
      for (let round = 0; round < rounds; round++)
        for (const kind of ['bare', 'ours'] as const)
          taken[kind].push(await figures(kinds[kind], inFlight, durationMs))
      const [bare, ours] = [middle(taken.bare), middle(taken.ours)]
      const ratio = ours.perSecond / bare.perSecond
      if (json) console.log(JSON.stringify({ inFlight, requestBytes: REQUEST_BYTES, bare, ours, ratio }))
      else
        console.log(
          `${inFlight} in flight: bare ${text(bare)}; requests ${text(ours)}; ratio ${ratio.toFixed(2)}`
        )
    }
  } finally {
    await swarm.stop()
    await swarms.close()
  }
}

function text({ perSecond, p50Ms, p99Ms, cpuMs }: Figures): string {
  const times = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, CPU ${cpuMs.toFixed(2)} ms`
  return `${perSecond.toFixed(0)}/s, ${times}`
}

if (process.argv[2] === 'echo') {
  await echo(process.argv[3] ?? '')
} else {
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'echo'], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  try {
    await measure(child)
  } finally {
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.stdin.end()
    await gone
  }
}
