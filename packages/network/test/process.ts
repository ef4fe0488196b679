/**
 * One peer as a process of its own, for two-hosts.spec.ts: prints its address as a JSON line, answers `market` requests with
 * who it is, and does what it is told on stdin, one JSON line per command.
 */
import { createInterface } from 'node:readline'
import { createSwarm } from '../src/index.ts'
import { seedOf } from './swarms.ts'

interface Command {
  readonly do: 'request' | 'publish' | 'put' | 'get' | 'peers' | 'stop'
  readonly to?: string
  readonly key?: string
}

const [, , name = '', host = '', dir = '', ...bootstrap] = process.argv
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const OPTIONS = { timeoutMs: 5_000 }

const swarm = await createSwarm({
  privateKeySeed: seedOf(name),
  netId: 'two-hosts',
  listen: [`/ip4/${host}/tcp/0`],
  bootstrap,
  dir,
  profile: 'testnet',
  mdns: false,
  validateRecord: () => ({ action: 'accept' }),
  log: { debug: () => {}, info: () => {}, warn: () => {} }
})
const { network, records } = swarm
let heard = 0
network.serve('market', async asked => bytes(`${name} got ${text(asked)}`))
network.subscribe('offers', () => {
  heard++
  return { action: 'accept' }
})
await swarm.start()
say({ peer: network.peerId, addresses: network.addresses() })

const actions: Record<Command['do'], (command: Command) => Promise<unknown>> = {
  request: async ({ to = '' }) => text(await network.request(to, 'market', bytes(name), OPTIONS)),
  publish: async () => network.publish('offers', bytes(`${name} ${performance.now()}`)),
  put: async ({ key = '' }) =>
    records.put(key, bytes(name), OPTIONS).then(() => swarm.counts.records.putAcks),
  get: async ({ key = '' }) => records.get(key, OPTIONS).then(value => value && text(value)),
  peers: async () => ({ peers: network.peers(), heard }),
  stop: async () => swarm.stop()
}

// Whoever started us may be killed: then so do we end.
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command
  try {
    say({ ok: (await actions[command.do](command)) ?? null })
  } catch (error) {
    say({ failed: (error as { code?: string }).code ?? String(error) })
  }
  if (command.do === 'stop') break
}
await swarm.stop()
// Nothing of the swarm may keep the process alive; the pipe it was told by would.
process.stdin.destroy()
