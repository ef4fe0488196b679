import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type PeerId, RayswarmError } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { wholeNumber } from '../cli/options.ts'
import { shortPeer } from '../cli/screen.ts'
import { readJson, requireWritable } from '../disk.ts'
import { present } from '../present.ts'
import { absolute, type RegistryFile, type SwarmFile, writeSwarmFile } from '../swarm-file.ts'
import { acquainted, writePeerBooks } from './acquaint.ts'
import { assignByzantine } from './byzantine.ts'
import { CHAIN_FILE, type ChainFile } from './chain-file.ts'
import { endTestnet } from './down.ts'
import { oneOf } from './faults.ts'
import { type PeerKeys, seededBytes, writeKeys } from './keys.ts'
import { addressOf, historyPathOf, LAB_HISTORY, Laboratory } from './laboratory.ts'
import { readLatency } from './latency.ts'
import { disconnection, HistoryTail, LiveView } from './live-view.ts'
import { bridgeIp, makeNamespaces, namespacesMissing, placeOf, planNamespaces } from './namespaces.ts'
import { freePorts } from './ports.ts'
import { isRunning, lastWords, PROGRAM, signalProcess, whenReady } from './processes.ts'
import { fastProgram, KEEP_SIGNAL } from './program.ts'
import {
  type EngineChoice,
  type Namespaces,
  type PeerRecord,
  TESTNET_FILE,
  type TestnetFile,
  writeTestnet
} from './testnet-file.ts'

const CHAIN_TIMEOUT_MS = 60_000
const PEER_COUNT_MAX = 128
const POLL_MS = 200
/** A process that died is noticed this often. */
const PULSE_MS = 1_000
/** So many start first, and have met for so long. */
const PIONEER_COUNT = 2
const TOGETHER_POLLS = 2
const PEER_PORT = 4_001
const EPOCH_S = 60
const GENESIS_STAKE = '1000000000'
const CLASSES = { noop: 'noop/1', pathtracer: 'pathtracer/1/wasm' } as const

export interface TestnetUpOptions extends CommonOptions {
  readonly dir: string
  readonly peers: string
  readonly liars: string
  readonly host: string
  readonly seed?: string
  readonly byzantine?: string
  readonly latency?: string
  readonly layer: string
  readonly engine: string
  readonly noopMs: string
  readonly concurrency: string
  readonly readyTimeout: string
}

/** What a testnet is to be. */
export interface TestnetPlan {
  readonly dir: string
  readonly peerCount: number
  readonly seed: string
  /** `kind:n[,kind:n]` */
  readonly byzantine: string
  readonly latencyPath?: string
  readonly layer: 'auto' | 'process' | 'namespace'
  readonly host: string
  readonly engine: EngineChoice
  readonly readyMs: number
}

/** `rayswarm testnet up`: start chain and nodes, wait until they are connected, leave them running. */
export async function testnetUp(options: TestnetUpOptions, io: CommandIo): Promise<Outcome> {
  const liars = wholeNumber(options.liars, '--liars', 0)
  const plan: TestnetPlan = {
    dir: absolute(options.dir),
    peerCount: wholeNumber(options.peers, '--peers'),
    seed: options.seed ?? randomBytes(8).toString('hex'),
    byzantine: [options.byzantine ?? '', liars > 0 ? `garbage:${liars}` : ''].join(','),
    layer: oneOf(options.layer, ['auto', 'process', 'namespace'], '--layer'),
    host: options.host,
    engine: {
      engine: oneOf(options.engine, ['pathtracer', 'noop'], '--engine'),
      noopMs: wholeNumber(options.noopMs, '--noop-ms', 0),
      concurrency: wholeNumber(options.concurrency, '--concurrency')
    },
    readyMs: wholeNumber(options.readyTimeout, '--ready-timeout') * 1_000,
    ...present({ latencyPath: options.latency })
  }
  const lab = await bringUp(plan, io)
  try {
    return outcomeOf(lab, (await readJson(join(plan.dir, CHAIN_FILE), 'chain file')) as ChainFile)
  } finally {
    lab.close()
  }
}

/**
 * Start a testnet. What was started is ended again when that fails.
 *
 * @throws {RayswarmError} `ERR_USAGE`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_INTERNAL` with a process's last words
 */
export async function bringUp(plan: TestnetPlan, io: CommandIo): Promise<Laboratory> {
  const { dir, peerCount } = plan
  if (peerCount > PEER_COUNT_MAX)
    throw new RayswarmError('ERR_USAGE', `--peers ${peerCount} is too many`, {
      thing: '--peers',
      value: peerCount,
      remedy: `Start at most ${PEER_COUNT_MAX} here.`
    })
  const names = Array.from({ length: peerCount }, (_, index) => `node-${index + 1}`)
  const byzantine = assignByzantine(plan.byzantine, names)
  const latency = plan.latencyPath === undefined ? undefined : await readLatency(plan.latencyPath)
  await requireWritable(dir, 'testnet directory')
  await requireDown(dir)
  const layer = await layerOf(plan, io)
  const startedAtMs = performance.now()
  const id = randomBytes(3).toString('hex')
  const namespaces = layer === 'namespace' ? await planNamespaces(id) : undefined
  const sockets = namespaces && (await mkdtemp(join(tmpdir(), `rayswarm-${id}-`)))
  const peers = acquainted(await recordPeers(plan, [...names, 'creator'], byzantine, namespaces))
  await writePeerBooks(peers, plan.seed)
  await Promise.all([LAB_HISTORY, 'history.jsonl'].map(file => rm(join(dir, file), { force: true })))
  await Promise.all(peers.map(({ home }) => rm(historyPathOf(home), { force: true })))
  const file: TestnetFile = {
    id: `${id}-${randomBytes(8).toString('hex')}`,
    seed: plan.seed,
    layer,
    program: join(dir, 'program', 'start.js'),
    processes: [],
    peers,
    engine: plan.engine,
    faults: [],
    faultCount: 0,
    ...present({ namespaces, sockets, latency })
  }
  // From here on `down` knows what to end, whatever becomes of us.
  await writeTestnet(dir, file)
  const lab = await Laboratory.open(dir)
  try {
    lab.history.write({
      event: 'testnet',
      layer,
      seed: plan.seed,
      leaseTermMs: params.testnet.leaseTermMsMin,
      peers: peers.map(({ name, peerId, account, role, byzantine: lies }) => ({
        name,
        peerId,
        account,
        role,
        ...present({ byzantine: lies })
      }))
    })
    if (namespaces !== undefined) await makeNamespaces(namespaces, peers)
    await startAll(lab, plan, io)
    const seconds = Math.round((performance.now() - startedAtMs) / 10) / 100
    lab.history.write({ event: 'ready', seconds })
    await lab.change(known => ({ ...known, readySeconds: seconds }))
    return lab
  } catch (error) {
    lab.close()
    await endTestnet(dir, true).catch(() => {})
    throw error
  }
}

/** Which layer it is going to be, said once. */
async function layerOf(
  { layer, host }: TestnetPlan,
  { screen }: CommandIo
): Promise<'process' | 'namespace'> {
  // Whoever names an address wants to be reached there.
  if (layer === 'process' || (layer === 'auto' && host !== '127.0.0.1')) return 'process'
  const missing = await namespacesMissing()
  if (missing === undefined) {
    screen.say('faults: network namespaces with nftables and tbf; delays in the processes')
    return 'namespace'
  }
  if (layer === 'namespace')
    throw new RayswarmError('ERR_USAGE', `network namespaces cannot be used here: ${missing}`, {
      thing: '--layer',
      value: layer,
      remedy: 'Run it as root with iproute2 and nftables, or use --layer process.'
    })
  screen.say(`faults: in the processes; no network namespaces here (${missing})`)
  return 'process'
}

/** Keys and places of everybody, before anybody runs. */
async function recordPeers(
  { dir, seed, host }: TestnetPlan,
  names: readonly string[],
  byzantine: ReadonlyMap<string, NonNullable<PeerRecord['byzantine']>>,
  namespaces: Namespaces | undefined
): Promise<PeerRecord[]> {
  const ports = namespaces === undefined ? await freePorts(names.length, host, dir) : []
  const peers: PeerRecord[] = []
  for (const [index, name] of names.entries()) {
    const home = join(dir, name)
    const keys: PeerKeys = await writeKeys(home, seed, name)
    const place = namespaces && placeOf(namespaces, index)
    peers.push({
      name,
      role: name === 'creator' ? 'creator' : 'node',
      ...keys,
      home,
      listen: place === undefined ? `/ip4/${host}/tcp/${ports[index]}` : `/ip4/${place.ip}/tcp/${PEER_PORT}`,
      ...present({ place, byzantine: byzantine.get(name) })
    })
  }
  return peers
}

async function startAll(lab: Laboratory, plan: TestnetPlan, io: CommandIo): Promise<void> {
  const { dir, file } = lab
  const { namespaces } = file
  const [chain, program] = await Promise.all([
    startChain(lab, namespaces === undefined ? plan.host : bridgeIp(namespaces), io),
    fastProgram(join(dir, 'program'))
  ])
  await lab.change(known => ({ ...known, program }))
  const nodes = file.peers.filter(({ role }) => role === 'node')
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
    // Everybody, on this machine or another, starts from the first node.
    bootstrap: [addressOf(nodes[0]!)],
    faucetKey: chain.key,
    registry: registryOf(plan, nodes)
  }
  await writeSwarmFile(join(dir, 'swarm.json'), swarm)
  await lab.apply()
  await startNodes(lab, nodes, plan.readyMs, io)
}

/** Everybody is registered from the beginning. */
function registryOf({ seed, engine }: TestnetPlan, nodes: readonly PeerRecord[]): RegistryFile {
  return {
    epochS: EPOCH_S,
    entries: nodes.map(({ name, peerId, account }) => ({
      peer: peerId,
      account,
      stake: GENESIS_STAKE,
      classes: [CLASSES[engine.engine]],
      operatorTag: name,
      sinceEpoch: 0
    })),
    beaconSeed: `0x${seededBytes(seed, 'beacon').toString('hex')}`
  }
}

async function startChain(lab: Laboratory, host: string, { signal }: CommandIo): Promise<ChainFile> {
  const { dir } = lab
  const logPath = join(dir, 'chain.log')
  const args = ['testnet', 'chain', '--dir', dir, '--host', host]
  // The chain starts before there is a copy of the program, and once: it takes the installed one.
  const own = await lab.start({ name: 'chain', args, logPath, program: PROGRAM })
  const ready = async (): Promise<ChainFile | undefined> => {
    const file = (await readJson(join(dir, CHAIN_FILE), 'chain file')) as ChainFile
    return file.pid === own.pid ? file : undefined
  }
  return await whenReady(own, logPath, ready, { timeoutMs: CHAIN_TIMEOUT_MS, signal })
}

/**
 * Start nodes a few at a time, as many as the machine has cores to load them, and wait until all are well connected.
 *
 * The first two alone: what they had to compile until they have met is kept for all others, who look for them.
 */
async function startNodes(
  lab: Laboratory,
  nodes: readonly PeerRecord[],
  timeoutMs: number,
  io: CommandIo
): Promise<void> {
  const tail = new HistoryTail()
  const view = new LiveView()
  for (const { home } of nodes) tail.follow(historyPathOf(home))
  const atOnce = availableParallelism() + 2
  const queue = [...nodes]
  const untilMs = performance.now() + timeoutMs
  const pioneers = nodes.slice(0, PIONEER_COUNT)
  let begun = 0
  let pollsTogether = 0
  for (let polls = 0; ; polls++) {
    view.feed(tail.read())
    if (pioneers.every(({ name }) => (view.connected.get(name)?.size ?? 0) >= pioneers.length - 1))
      pollsTogether++
    if (pollsTogether === TOGETHER_POLLS && lab.file.program !== PROGRAM)
      await signalProcess(lab.processOf(pioneers[0]!.name)!, KEEP_SIGNAL)
    const mayRun = pollsTogether > TOGETHER_POLLS ? view.started.size + atOnce : pioneers.length
    while (queue.length > 0 && begun < mayRun) {
      await lab.startPeer(queue.shift()!)
      begun++
    }
    if (queue.length === 0 && view.started.size === nodes.length) {
      const missing = disconnection(nodes, view.connected)
      if (missing === undefined) return
      io.screen.show([`waiting: ${missing}`])
    } else io.screen.show([`${view.started.size} of ${nodes.length} nodes are up`])
    if (io.signal.aborted)
      throw new RayswarmError('ERR_ABORTED', 'stopped while the testnet was starting', {
        thing: 'testnet',
        value: `${view.started.size} of ${nodes.length} nodes are up`,
        remedy: 'Give the command again: what had been started was ended.'
      })
    if (performance.now() > untilMs)
      throw new RayswarmError(
        'ERR_TIMEOUT',
        `the testnet did not get ready: ${disconnection(nodes, view.connected)}`,
        {
          thing: '--ready-timeout',
          value: timeoutMs / 1_000,
          remedy: 'Start fewer peers, or give them more time.'
        }
      )
    if (polls % (PULSE_MS / POLL_MS) === 0) await requireAlive(lab, nodes)
    await delay(POLL_MS)
  }
}

async function requireAlive(lab: Laboratory, nodes: readonly PeerRecord[]): Promise<void> {
  for (const { name, home } of nodes) {
    const own = lab.processOf(name)
    if (own === undefined || (await isRunning(own))) continue
    const logPath = join(home, `${name}.log`)
    throw new RayswarmError('ERR_INTERNAL', `${name} did not get ready: ${await lastWords(logPath)}`, {
      thing: 'process',
      value: name,
      remedy: `See its log, ${logPath}.`
    })
  }
}

/** @throws {RayswarmError} `ERR_USAGE` when processes of the directory are running */
async function requireDown(dir: string): Promise<void> {
  const file = (await readJson(join(dir, TESTNET_FILE), 'testnet file').catch(() => undefined)) as
    | TestnetFile
    | undefined
  if (file === undefined) return
  const running = await Promise.all(file.processes.map(isRunning))
  if (running.includes(true))
    throw new RayswarmError('ERR_USAGE', `a testnet is running in ${dir}`, {
      thing: '--dir',
      value: dir,
      remedy: `End it with \`rayswarm testnet down --dir ${dir}\`, or choose another directory.`
    })
  // Nothing runs, but a namespace or a directory of sockets may have been left.
  await endTestnet(dir)
}

function outcomeOf(lab: Laboratory, { rpcUrl, deployment }: ChainFile): Outcome {
  const { dir, file } = lab
  const swarm = join(dir, 'swarm.json')
  const nodes = file.peers
    .filter(({ role }) => role === 'node')
    .map(({ name, peerId, account, byzantine }) => ({
      node: name,
      peerId: peerId satisfies PeerId,
      account,
      pid: lab.processOf(name)?.pid,
      liar: byzantine !== undefined,
      ...present({ byzantine })
    }))
  const { readySeconds, layer, seed } = file
  return {
    json: { dir, swarm, rpcUrl, chainId: deployment.chainId, layer, seed, readySeconds, nodes },
    text: [
      ...nodes.map(
        node => `${node.node}  ${shortPeer(node.peerId)}${node.liar ? `  ${node.byzantine}` : ''}`
      ),
      `chain   ${rpcUrl}`,
      `swarm   ${swarm}`,
      `ready after ${readySeconds} s`,
      `publish with: rayswarm publish <scene or job file> --swarm ${swarm}`
    ].join('\n')
  }
}
