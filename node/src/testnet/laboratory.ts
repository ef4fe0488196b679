import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RayswarmError } from '@rayswarm/interface'
import { writeWhole } from '../disk.ts'
import { present } from '../present.ts'
import { commandPeer } from '../status/ask.ts'
import type { Fault } from './faults.ts'
import { faultLine } from './faults.ts'
import { HISTORY_FILE, HistoryFile, LAB } from './history.ts'
import { LAB_FILE, type LabFile } from './lab-file.ts'
import { applyToKernel } from './namespaces.ts'
import {
  isRunning,
  killProcess,
  type Launch,
  type OwnProcess,
  signalProcess,
  spawnDetached
} from './processes.ts'
import { type Candidate, type Condition, choose, type Field, shuffled } from './targets.ts'
import {
  changeTestnet,
  type Latency,
  type PeerRecord,
  readTestnet,
  TESTNET_ENV,
  type TestnetFile
} from './testnet-file.ts'
import { type ActiveFault, CALM, type PeerState, severed, statesOf } from './world-state.ts'

/** What is done to the peers is written there. */
export const LAB_HISTORY = 'lab.jsonl'
/** Files of a home that a peer keeps when it moves to another machine. */
const KEYS = ['peer.key', 'account.json']
const COMMANDS_AT_ONCE = 16
const ACQUAINTANCE_COUNT = 3

/** What a fault needs of its targets. */
const CONDITIONS: Readonly<Record<Fault['kind'], Condition>> = {
  crash: 'running',
  restart: 'ended',
  pause: 'running',
  resume: 'running',
  partition: 'running',
  link: 'running',
  byzantine: 'running',
  clock: 'running',
  heal: 'any'
}

/** A running testnet, and what can be done to it. */
export class Laboratory {
  readonly dir: string
  readonly history: HistoryFile
  #file: TestnetFile

  private constructor(dir: string, file: TestnetFile) {
    this.dir = dir
    this.#file = file
    this.history = new HistoryFile(join(dir, LAB_HISTORY), LAB)
  }

  /** @throws {RayswarmError} `ERR_FILE_MISSING` */
  static async open(dir: string): Promise<Laboratory> {
    return new Laboratory(dir, await readTestnet(dir))
  }

  get file(): TestnetFile {
    return this.#file
  }

  close(): void {
    this.history.close()
  }

  historyPaths(): string[] {
    return [join(this.dir, LAB_HISTORY), ...this.#file.peers.map(({ home }) => historyPathOf(home))]
  }

  async change(change: (file: TestnetFile) => TestnetFile): Promise<void> {
    this.#file = await changeTestnet(this.dir, change)
  }

  /** Start one process and write down that it is ours. Even if that fails, its environment says whose it is. */
  async start(launch: Launch): Promise<OwnProcess> {
    const { id, program } = this.#file
    const env = { ...launch.env, [TESTNET_ENV]: id }
    const own = await spawnDetached({ program, ...launch, env })
    await this.change(file => ({
      ...file,
      processes: [...file.processes.filter(({ name }) => name !== own.name), own]
    }))
    return own
  }

  processOf(name: string): OwnProcess | undefined {
    return this.#file.processes.find(own => own.name === name)
  }

  peer(name: string): PeerRecord {
    const peer = this.#file.peers.find(record => record.name === name)
    if (peer !== undefined) return peer
    throw new RayswarmError('ERR_USAGE', `there is no peer ${name}`, {
      thing: 'target',
      value: name,
      remedy: 'See `rayswarm testnet status` for who is there.'
    })
  }

  /** Everybody, and who of them runs. */
  async candidates(): Promise<Candidate[]> {
    this.#file = await readTestnet(this.dir)
    return await Promise.all(
      this.#file.peers.map(async ({ name, role, byzantine }) => {
        const own = this.processOf(name)
        const running = own !== undefined && (await isRunning(own))
        const lies = this.#file.faults.some(
          ({ fault, targets }) => fault.kind === 'byzantine' && targets.includes(name)
        )
        return { name, role, isRunning: running, isByzantine: byzantine !== undefined || lies }
      })
    )
  }

  /** Peers that selectors name. `seen` knows who holds leases and who witnesses. */
  async choose(
    selectors: readonly string[],
    seen: { readonly holders: readonly string[]; readonly witnesses: Iterable<string> },
    condition: Condition = 'running'
  ): Promise<string[]> {
    const field: Field = {
      peers: await this.candidates(),
      bootstrap: this.#file.peers.find(({ role }) => role === 'node')?.name ?? '',
      holders: seen.holders,
      witnesses: [...seen.witnesses]
    }
    return choose(selectors, field, { seed: `${this.#file.seed} ${this.#file.faultCount}`, condition })
  }

  /** Do it. Answers what is to be ended later. */
  async inflict(
    fault: Fault,
    seen: { readonly holders: readonly string[]; readonly witnesses: Iterable<string> }
  ): Promise<ActiveFault> {
    const targets =
      fault.targets.length === 0 ? [] : await this.choose(fault.targets, seen, CONDITIONS[fault.kind])
    const against = fault.against && (await this.choose(fault.against, seen, 'any'))
    await this.change(file => ({ ...file, faultCount: file.faultCount + 1 }))
    const active: ActiveFault = { id: this.#file.faultCount, fault, targets, ...present({ against }) }
    this.history.write({
      event: 'fault',
      id: active.id,
      fault: fault.kind,
      targets,
      detail: faultLine(fault),
      ...present({ against, forMs: fault.forMs })
    })
    await this.#do(active)
    return active
  }

  /** End a fault before or when its time is up. */
  async end(active: ActiveFault): Promise<void> {
    const { fault, targets, id } = active
    this.history.write({ event: 'fault-ended', id })
    if (fault.kind === 'crash') await this.restart(await this.#still(targets, 'ended'), false)
    else if (fault.kind === 'pause') await this.#signal(await this.#still(targets, 'running'), 'SIGCONT')
    else await this.#remove(faults => faults.filter(other => other.id !== id), [active])
  }

  async #do(active: ActiveFault): Promise<void> {
    const { fault, targets } = active
    switch (fault.kind) {
      case 'crash':
        await this.crash(targets)
        break
      case 'restart':
        await this.restart(targets, fault.fresh === true)
        break
      case 'pause':
        await this.#signal(targets, 'SIGSTOP')
        break
      case 'resume':
        await this.#signal(targets, 'SIGCONT')
        break
      case 'heal':
        await this.#heal(targets)
        break
      default:
        await this.change(file => ({ ...file, faults: [...file.faults, active] }))
        await this.apply()
    }
  }

  async crash(names: readonly string[]): Promise<void> {
    const own = names.map(name => this.processOf(name)).filter(process => process !== undefined)
    await Promise.all(own.map(killProcess))
  }

  /** Start peers again as they were started; `fresh` ones have nothing but their keys. */
  async restart(names: readonly string[], fresh: boolean): Promise<void> {
    for (const name of names) {
      const peer = this.peer(name)
      if (fresh) await forget(peer.home)
      await this.startPeer(peer, fresh ? await this.#acquaintances(name) : [])
    }
  }

  /** Start a peer that was written down. */
  async startPeer(peer: PeerRecord, bootstrap: readonly string[] = []): Promise<OwnProcess> {
    return await this.start({
      name: peer.name,
      args: [
        ...argsOf(peer, this.dir, this.#file),
        ...bootstrap.flatMap(address => ['--bootstrap', address])
      ],
      logPath: join(peer.home, `${peer.name}.log`),
      ...present({ namespace: peer.place?.namespace })
    })
  }

  /** Where somebody who comes back elsewhere looks for the swarm: the bootstrap peer may be gone. */
  async #acquaintances(name: string): Promise<string[]> {
    const candidates = await this.candidates()
    const running = candidates.filter(({ isRunning: runs, role }) => runs && role === 'node')
    const names = shuffled(
      running.map(({ name: other }) => other),
      `${this.#file.seed} ${name}`
    )
    return names.slice(0, ACQUAINTANCE_COUNT).map(other => addressOf(this.peer(other)))
  }

  /** Tell everybody what holds, and the kernel. A process that does not hear it now reads it when it starts. */
  async apply(awaited: ReadonlyMap<string, readonly string[]> = new Map()): Promise<void> {
    const { peers, faults, latency, namespaces } = this.#file
    const delayOf = latency === undefined ? () => 0 : delaysOf(latency, peers)
    const whole = statesOf(peers, faults, delayOf, awaited)
    const states = namespaces === undefined ? whole : await applyToKernel(namespaces, peers, whole, faults)
    const queue = [...peers]
    const line = async (): Promise<void> => {
      for (let peer = queue.shift(); peer !== undefined; peer = queue.shift())
        await this.#tell(peer, states.get(peer.name) ?? CALM)
    }
    await Promise.all(Array.from({ length: COMMANDS_AT_ONCE }, line))
  }

  async #tell(peer: PeerRecord, state: PeerState): Promise<void> {
    const path = join(peer.home, LAB_FILE)
    const text = JSON.stringify(labFileOf(peer, this.#file, state))
    if ((await readFile(path, 'utf8').catch(() => '')) === text) return
    await writeWhole(path, text, { thing: 'lab file', mode: 0o600 })
    const own = this.processOf(peer.name)
    if (own !== undefined && (await isRunning(own))) await commandPeer(peer.home, state)
  }

  async #heal(targets: readonly string[]): Promise<void> {
    const isOver = (active: ActiveFault): boolean =>
      targets.length === 0 || active.targets.some(name => targets.includes(name))
    const over = this.#file.faults.filter(isOver)
    for (const { id } of over) this.history.write({ event: 'fault-ended', id })
    await this.#remove(faults => faults.filter(active => !isOver(active)), over)
    const names = targets.length === 0 ? this.#file.peers.map(({ name }) => name) : targets
    await this.#signal(names, 'SIGCONT')
  }

  async #remove(
    keep: (faults: readonly ActiveFault[]) => readonly ActiveFault[],
    over: readonly ActiveFault[]
  ): Promise<void> {
    await this.change(file => ({ ...file, faults: keep(file.faults) }))
    const awaited = new Map<string, readonly string[]>()
    for (const active of over.filter(({ fault }) => fault.kind === 'partition'))
      for (const [name, peers] of severed(this.#file.peers, active)) awaited.set(name, peers)
    await this.apply(awaited)
  }

  async #still(names: readonly string[], condition: Condition): Promise<string[]> {
    const candidates = await this.candidates()
    return candidates
      .filter(({ name, isRunning: runs }) => names.includes(name) && runs === (condition === 'running'))
      .map(({ name }) => name)
  }

  async #signal(names: readonly string[], signal: NodeJS.Signals): Promise<void> {
    const own = names.map(name => this.processOf(name)).filter(process => process !== undefined)
    await Promise.all(own.map(process => signalProcess(process, signal)))
  }
}

/** Where a peer is dialled. */
export function addressOf({ listen, peerId }: PeerRecord): string {
  return `${listen}/p2p/${peerId}`
}

/** Where a peer's own history lies: beside its directory, which it may lose. */
export function historyPathOf(home: string): string {
  return `${home}.${HISTORY_FILE}`
}

/** What a peer finds when it starts. */
function labFileOf(peer: PeerRecord, file: TestnetFile, state: PeerState): LabFile {
  return {
    name: peer.name,
    historyPath: historyPathOf(peer.home),
    ...present({
      socketPath: file.sockets === undefined ? undefined : join(file.sockets, `${peer.name}.sock`),
      acquainted: peer.acquainted
    }),
    state
  }
}

/** One-way delays between peers, which are dealt out to the regions in turn. */
export function delaysOf(
  { regions, oneWayMs }: Latency,
  peers: readonly PeerRecord[]
): (from: string, to: string) => number {
  const regionOf = new Map(peers.map(({ name }, index) => [name, index % regions.length]))
  return (from, to) => oneWayMs[regionOf.get(from) ?? 0]?.[regionOf.get(to) ?? 0] ?? 0
}

function argsOf(peer: PeerRecord, dir: string, file: TestnetFile): string[] {
  const { engine, noopMs, concurrency } = file.engine
  const place = ['--swarm', join(dir, 'swarm.json'), '--data', peer.home, '--listen', peer.listen]
  const lab = ['--lab', join(peer.home, LAB_FILE)]
  if (peer.role === 'creator') return ['testnet', 'creator', ...place, ...lab]
  const work = engine === 'noop' ? ['--engine', 'noop', '--noop-ms', String(noopMs)] : []
  return ['join', ...place, ...lab, '--concurrency', String(concurrency), ...work]
}

async function forget(home: string): Promise<void> {
  const kept = new Set([...KEYS, LAB_FILE, 'job.json'])
  for (const name of await readdir(home))
    if (!kept.has(name) && !name.endsWith('.log'))
      await rm(join(home, name), { recursive: true, force: true })
}
