import { type Network, type PeerId, RayswarmError, type Runner, type Session } from '@rayswarm/interface'
import { type FaultRule, TransportFaults } from '@rayswarm/network'
import type { Peer } from '@rayswarm/peer'
import { lyingRunner } from '@rayswarm/simulation'
import type { WireContext } from '@rayswarm/wire'
import { z } from 'zod'
import type { Host, Lab } from '../compose.ts'
import { readJson } from '../disk.ts'
import { SystemChance } from '../host/system-world.ts'
import { BYZANTINE_KINDS, type ByzantineKind } from './faults.ts'
import { HistoryFile } from './history.ts'
import { LabClock } from './lab-clock.ts'
import type { LabFile } from './lab-file.ts'
import { LabNetwork } from './lab-network.ts'
import { recordConnections, recordPeer } from './peer-history.ts'
import { CALM, type PeerState } from './world-state.ts'

const NO_FAULT: Required<FaultRule> = { cut: 'none', lossBps: 0, latencyMs: 0, jitterMs: 0, bytesPerS: 0 }
const LINK_COUNT_MAX = 1_000

const ruleSchema: z.ZodType<FaultRule> = z.strictObject({
  cut: z.enum(['in', 'out', 'both', 'none']).exactOptional(),
  lossBps: z.number().exactOptional(),
  latencyMs: z.number().exactOptional(),
  jitterMs: z.number().exactOptional(),
  bytesPerS: z.number().exactOptional()
})
const stateSchema: z.ZodType<PeerState> = z.strictObject({
  links: z
    .record(z.string().max(128), ruleSchema)
    .refine(links => Object.keys(links).length <= LINK_COUNT_MAX),
  skewMs: z.number(),
  driftBps: z.number().gt(-10_000),
  byzantine: z.enum(BYZANTINE_KINDS).exactOptional(),
  awaited: z.array(z.string().max(128)).max(LINK_COUNT_MAX).exactOptional()
})
const fileSchema: z.ZodType<LabFile> = z.strictObject({
  name: z.string(),
  historyPath: z.string(),
  socketPath: z.string().exactOptional(),
  acquainted: z.boolean().exactOptional(),
  state: stateSchema
})

/** What one peer process of a testnet suffers, and its history. Everything here is real but for what it is told to get wrong. */
export class PeerLab implements Lab {
  readonly faults = new TransportFaults()
  readonly clock = new LabClock()
  readonly history: HistoryFile
  readonly file: LabFile
  readonly #chance = new SystemChance()
  #state: PeerState = CALM
  #network: LabNetwork | undefined
  #awaited = new Set<PeerId>()

  constructor(file: LabFile) {
    this.file = file
    this.history = new HistoryFile(file.historyPath, file.name)
    this.apply(file.state)
  }

  /** @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_USAGE` */
  static async open(path: string): Promise<PeerLab> {
    const parsed = fileSchema.safeParse(await readJson(path, 'lab file'))
    if (parsed.success) return new PeerLab(parsed.data)
    throw notState(parsed.error, path)
  }

  /** @throws {RayswarmError} `ERR_USAGE` for what is no state */
  command(value: unknown): void {
    const parsed = stateSchema.safeParse(value)
    if (!parsed.success) throw notState(parsed.error, 'command')
    this.apply(parsed.data)
  }

  /** Suffer this from now on, and nothing else. */
  apply(state: PeerState): void {
    const gone = Object.keys(this.#state.links).filter(peer => !(peer in state.links))
    for (const [peer, rule] of Object.entries(state.links)) this.faults.set([peer], { ...NO_FAULT, ...rule })
    if (gone.length > 0) this.faults.clear(gone)
    this.clock.set(state.skewMs, state.driftBps)
    this.#awaited = new Set(state.awaited)
    const wasCalm = isCalm(this.#state)
    this.#state = state
    this.#network?.behave()
    if (!wasCalm || !isCalm(state)) this.history.write({ event: 'faults-applied', detail: sayState(state) })
  }

  /** Where the commands may come from besides the peer's own loopback interface. */
  get socketPath(): string | undefined {
    return this.file.socketPath
  }

  get acquainted(): boolean | undefined {
    return this.file.acquainted
  }

  /** Write down what the peer reports, from its start on. */
  watch(peer: Pick<Peer, 'events'>): void {
    recordPeer(peer, this.history)
  }

  /** The peer is up: write down that it is, and whom it meets. */
  begin(host: Host): void {
    const { user, system } = process.cpuUsage()
    const cpuMs = Math.round((user + system) / 1_000)
    this.history.write({ event: 'started', peerId: host.swarm.network.peerId, pid: process.pid, cpuMs })
    recordConnections(host, this.history)
  }

  network(inner: Network, context: WireContext): Network {
    this.#network = new LabNetwork(inner, {
      context,
      behaviour: () => this.#state.byzantine,
      onHeard: from => {
        if (this.#awaited.delete(from)) this.history.write({ event: 'heard', from })
      }
    })
    this.#network.behave()
    return this.#network.network
  }

  runners(runners: readonly Runner[]): readonly Runner[] {
    return runners.map(runner => ({
      engine: runner.engine,
      probe: () => runner.probe(),
      inspect: (spec, dir) => runner.inspect(spec, dir),
      finish: (spec, frame) => runner.finish(spec, frame),
      open: async (spec, dir) => {
        const session = await runner.open(spec, dir)
        const lying = async (kind: 'garbage' | 'sometimes'): Promise<Session> =>
          await lyingRunner({ ...runner, open: async () => session }, this.#chance, kind).open(spec, dir)
        return {
          run: async (subtask, options) => {
            const { byzantine } = this.#state
            if (byzantine === 'squat') return await never(options.signal)
            const isLiar = byzantine === 'garbage' || byzantine === 'sometimes'
            return await (isLiar ? await lying(byzantine) : session).run(subtask, options)
          },
          close: () => session.close()
        }
      }
    }))
  }
}

function isCalm({ links, skewMs, driftBps, byzantine }: PeerState): boolean {
  return Object.keys(links).length === 0 && skewMs === 0 && driftBps === 0 && byzantine === undefined
}

function sayState({ links, skewMs, driftBps, byzantine }: PeerState): string {
  const parts = [
    ...(Object.keys(links).length > 0 ? [`${Object.keys(links).length} links`] : []),
    ...(skewMs !== 0 ? [`skew ${skewMs} ms`] : []),
    ...(driftBps !== 0 ? [`drift ${driftBps} bps`] : []),
    ...(byzantine === undefined ? [] : [byzantine satisfies ByzantineKind])
  ]
  return parts.length === 0 ? 'none' : parts.join(', ')
}

/** A node that holds a lease and does nothing for it. */
function never(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new RayswarmError('ERR_ABORTED', 'the execution was aborted'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function notState(error: z.ZodError, value: string): RayswarmError {
  const issue = error.issues[0]!
  return new RayswarmError('ERR_USAGE', `${issue.path.join('.')}: ${issue.message}`, {
    thing: 'lab state',
    value,
    remedy: 'Let `rayswarm testnet fault` write it.'
  })
}
