import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RayswarmError } from '@rayswarm/interface'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { wholeNumber } from '../cli/options.ts'
import { shortPeer } from '../cli/screen.ts'
import { readJson, requireWritable, writeWhole } from '../disk.ts'
import { absolute, type SwarmFile, writeSwarmFile } from '../swarm-file.ts'
import { CHAIN_FILE, type ChainFile } from './chain.ts'
import { endProcesses, isRunning, type OwnProcess, spawnDetached, whenReady } from './processes.ts'

const READY_TIMEOUT_MS = 60_000
const PEER_COUNT_MAX = 64

export interface TestnetUpOptions extends CommonOptions {
  readonly dir: string
  readonly peers: string
  readonly liars: string
  readonly host: string
}

/** Contents of `testnet.json`: what `testnet down` ends. */
export interface TestnetFile {
  readonly processes: readonly OwnProcess[]
}

export const TESTNET_FILE = 'testnet.json'

/** What a node writes when it is ready. */
interface ReadyNode {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly account: string
  readonly pid: number
}

/** A testnet that is being started. */
interface Starting {
  readonly dir: string
  readonly host: string
  readonly started: OwnProcess[]
  written: Promise<void>
  readonly io: CommandIo
}

/** `rayswarm testnet up`: start chain and nodes, wait until they are ready, leave them running. */
export async function testnetUp(options: TestnetUpOptions, io: CommandIo): Promise<Outcome> {
  const dir = absolute(options.dir)
  const peerCount = wholeNumber(options.peers, '--peers')
  const liarCount = wholeNumber(options.liars, '--liars', 0)
  requireCounts(peerCount, liarCount)
  await requireWritable(dir, 'testnet directory')
  await requireDown(dir)
  const starting: Starting = { dir, host: options.host, started: [], written: Promise.resolve(), io }
  try {
    const chain = await startChain(starting)
    const swarmPath = join(dir, 'swarm.json')
    const swarm: SwarmFile = {
      netId: 'testnet',
      preset: 'testnet',
      chain: {
        chainId: chain.deployment.chainId,
        rpcUrl: chain.rpcUrl,
        token: chain.deployment.token,
        escrow: chain.deployment.contract,
        deployedAtBlock: chain.deployment.deployedAtBlock
      },
      bootstrap: [],
      faucetKey: chain.key
    }
    await writeSwarmFile(swarmPath, swarm)
    const names = Array.from({ length: peerCount }, (_, index) => `node-${index + 1}`)
    const isLiar = (name: string): boolean => names.indexOf(name) >= peerCount - liarCount
    const first = await startNode(starting, names[0]!, isLiar(names[0]!))
    // Everybody else, on this machine or another, starts from the first node.
    await writeSwarmFile(swarmPath, { ...swarm, bootstrap: [...first.addresses] })
    const others = await allOf(names.slice(1).map(name => startNode(starting, name, isLiar(name))))
    const nodes = [first, ...others].map((node, index) => ({
      node: names[index]!,
      peerId: node.peerId,
      account: node.account,
      pid: node.pid,
      liar: isLiar(names[index]!)
    }))
    const lines = nodes.map(node => `${node.node}  ${shortPeer(node.peerId)}${node.liar ? '  lies' : ''}`)
    return {
      json: { dir, swarm: swarmPath, rpcUrl: chain.rpcUrl, chainId: chain.deployment.chainId, nodes },
      text: [
        ...lines,
        `chain   ${chain.rpcUrl}`,
        `swarm   ${swarmPath}`,
        `publish with: rayswarm publish <scene or job file> --swarm ${swarmPath}`
      ].join('\n')
    }
  } catch (error) {
    await endProcesses(starting.started)
    await rm(join(dir, TESTNET_FILE), { force: true })
    throw error
  }
}

/** Like `Promise.all`, but a failure waits for the others: what they start must be known before it is ended. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return await Promise.all(work)
}

function requireCounts(peerCount: number, liarCount: number): void {
  const fault = (thing: string, value: number, remedy: string): RayswarmError =>
    new RayswarmError('ERR_USAGE', `${thing} ${value} does not work`, { thing, value, remedy })
  if (peerCount > PEER_COUNT_MAX) throw fault('--peers', peerCount, `Start at most ${PEER_COUNT_MAX} here.`)
  if (liarCount > peerCount) throw fault('--liars', liarCount, `Let at most ${peerCount} lie.`)
}

/** @throws {RayswarmError} `ERR_USAGE` when processes of the directory are running */
async function requireDown(dir: string): Promise<void> {
  const file = await readJson(join(dir, TESTNET_FILE), 'testnet file').catch(() => undefined)
  const processes = (file as TestnetFile | undefined)?.processes ?? []
  const running = await Promise.all(processes.map(isRunning))
  if (running.includes(true))
    throw new RayswarmError('ERR_USAGE', `a testnet is running in ${dir}`, {
      thing: '--dir',
      value: dir,
      remedy: `End it with \`rayswarm testnet down --dir ${dir}\`, or choose another directory.`
    })
}

async function startChain(starting: Starting): Promise<ChainFile> {
  const { dir, host } = starting
  const own = await start(starting, 'chain', dir, ['testnet', 'chain', '--dir', dir, '--host', host])
  const ready = async (): Promise<ChainFile | undefined> => {
    const file = (await readJson(join(dir, CHAIN_FILE), 'chain file')) as ChainFile
    return file.pid === own.pid ? file : undefined
  }
  return await whenReady(own, join(dir, 'chain.log'), ready, timing(starting))
}

async function startNode(starting: Starting, name: string, isLiar: boolean): Promise<ReadyNode> {
  const { dir, host } = starting
  const home = join(dir, name)
  await mkdir(home, { recursive: true, mode: 0o700 })
  const readyFile = join(home, 'ready.json')
  await rm(readyFile, { force: true })
  const listen = ['--listen', `/ip4/${host}/tcp/0`, `/ip4/${host}/tcp/0/ws`]
  const place = ['--swarm', join(dir, 'swarm.json'), '--data', home, '--ready-file', readyFile]
  const lie = isLiar ? ['--byzantine', 'garbage'] : []
  const own = await start(starting, name, home, ['join', ...place, '--concurrency', '1', ...lie, ...listen])
  const ready = async (): Promise<ReadyNode> => (await readJson(readyFile, 'ready file')) as ReadyNode
  return await whenReady(own, join(home, `${name}.log`), ready, timing(starting))
}

/** Start one process and write down that it is ours before anything else happens. */
async function start(starting: Starting, name: string, dir: string, args: string[]): Promise<OwnProcess> {
  const own = await spawnDetached(name, args, join(dir, `${name}.log`))
  starting.started.push(own)
  // One write after the other: the last one must be the one that names everybody.
  starting.written = starting.written.then(async () => {
    const file: TestnetFile = { processes: starting.started }
    const text = `${JSON.stringify(file, undefined, 2)}\n`
    await writeWhole(join(starting.dir, TESTNET_FILE), text, { thing: 'testnet file' })
  })
  await starting.written
  return own
}

function timing({ io }: Starting): { timeoutMs: number; signal: AbortSignal } {
  return { timeoutMs: READY_TIMEOUT_MS, signal: io.signal }
}
