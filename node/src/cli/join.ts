import { totalmem } from 'node:os'
import { join as joinPath } from 'node:path'
import { RayswarmError, type Runner } from '@rayswarm/interface'
import pc from 'picocolors'
import { requireRegistry } from '../account/registry.ts'
import { type Byzantine, type Host, openHost } from '../compose.ts'
import { writeWhole } from '../disk.ts'
import { SystemClock } from '../host/system-world.ts'
import { present } from '../present.ts'
import { ensureGas } from '../publish/money.ts'
import { StatusBoard } from '../status/board.ts'
import { serveStatus } from '../status/endpoint.ts'
import { type Reach, reachNote, sayReach } from '../status/reach.ts'
import { absolute } from '../swarm-file.ts'
import type { PeerLab } from '../testnet/peer-lab.ts'
import { formatTokens, parseTokens } from '../tokens.ts'
import type { CommandIo, Outcome } from './command.ts'
import { homeOf, hostInitOf } from './host-init.ts'
import { tellNodeEvents } from './node-events.ts'
import { homeDir, type NetworkOptions, sizeBytes, swarmOf, wholeNumber } from './options.ts'
import { shortJob, shortPeer } from './screen.ts'

const HEARTBEAT_INTERVAL_MS = 5_000

export interface JoinOptions extends NetworkOptions {
  readonly concurrency?: string
  readonly price: string
  readonly memory?: string
  readonly byzantine?: Byzantine
  readonly readyFile?: string
  readonly stake?: string
  readonly engine?: string
  readonly noopMs?: string
  /** Hidden: file in which a testnet tells its peers what they suffer. */
  readonly lab?: string
}

/** `rayswarm join`: a node, until it is stopped. */
export async function join(options: JoinOptions, io: CommandIo): Promise<Outcome> {
  const dir = absolute(options.data ?? joinPath(homeDir(), 'node'))
  const swarm = await swarmOf(options)
  for (const option of ['byzantine', 'engine', 'lab'] as const)
    if (options[option] !== undefined && swarm.preset === 'mainnet')
      throw new RayswarmError('ERR_USAGE', `--${option} is for test networks`, {
        thing: `--${option}`,
        value: options[option],
        remedy: 'Leave it out, or use the swarm file of a test network.'
      })
  if (options.stake !== undefined) {
    parseTokens(options.stake, '--stake')
    requireRegistry(swarm)
  }
  const concurrency =
    options.concurrency === undefined ? undefined : wholeNumber(options.concurrency, '--concurrency')
  const settings = {
    pricePerMegaUnitMin: parseTokens(options.price, '--price'),
    memoryBytes:
      options.memory === undefined ? Math.floor(totalmem() / 2) : sizeBytes(options.memory, '--memory'),
    workloads: ['render'] as const,
    creatorScoreMinBps: 0,
    ...present({ concurrency })
  }
  const init = hostInitOf(options, io)
  const engines = await enginesOf(options, concurrency ?? 1)
  const lab = await labOf(options)
  const home = await homeOf(dir, swarm, options, io)
  const board = new StatusBoard()
  const host = await openHost(home, {
    ...init,
    node: settings,
    ...present({ byzantine: options.byzantine, engines, lab }),
    onPeer: peer => {
      board.watch(peer)
      tellNodeEvents(peer, io.tell)
      lab?.watch(peer)
    }
  })
  try {
    if (host.probes.length === 0) throw await noEngine()
    if (options.stake !== undefined) await (await import('./stake.ts')).stakeAtStart(host, options.stake, io)
    // Witnesses settle jobs that their creators left, and pay the gas.
    // A testnet's peers have theirs from the beginning.
    if (lab === undefined) void ensureGas(home, init.log, io.signal)
    return await run(host, board, lab, options, io)
  } finally {
    await host.stop()
    lab?.history.write({ event: 'stopped' })
  }
}

/** The engine of test networks, if it was asked for. */
async function enginesOf(options: JoinOptions, concurrency: number): Promise<readonly Runner[] | undefined> {
  const { engine, noopMs } = options
  if (engine !== 'noop') return undefined
  const executionMs = wholeNumber(noopMs ?? '0', '--noop-ms', 0)
  const { noopEngine } = await import('../testnet/noop-engine.ts')
  return [noopEngine(new SystemClock(), { executionMs, concurrency })]
}

/** What a testnet lets this peer suffer and write down, if a testnet started it. */
async function labOf(options: JoinOptions): Promise<PeerLab | undefined> {
  if (options.lab === undefined) return undefined
  const { PeerLab } = await import('../testnet/peer-lab.ts')
  return await PeerLab.open(absolute(options.lab))
}

async function noEngine(): Promise<RayswarmError> {
  const { openEngines } = await import('../host/engines.ts')
  const reasons = await Promise.all(
    openEngines().map(async engine => {
      const probe = await engine.probe()
      return 'unavailable' in probe ? `${engine.engine}: ${probe.unavailable}` : engine.engine
    })
  )
  return new RayswarmError('ERR_INTERNAL', 'no engine of this machine can be used to execute with', {
    thing: 'engine',
    value: reasons.join('; '),
    remedy: 'Install rayswarm again; if that does not help, report the value named here.'
  })
}

async function run(
  host: Host,
  board: StatusBoard,
  lab: PeerLab | undefined,
  options: JoinOptions,
  io: CommandIo
): Promise<Outcome> {
  const { network } = host.swarm
  const status = await serveStatus(host, board, lab)
  try {
    lab?.begin(host)
    const ready = {
      peerId: network.peerId,
      addresses: network.addresses(),
      account: host.home.account.account,
      engines: host.probes.map(probe => probe.equivalenceClass),
      pid: process.pid
    }
    greet(ready, options, io)
    if (options.readyFile !== undefined)
      await writeWhole(absolute(options.readyFile), `${JSON.stringify(ready)}\n`, { thing: 'ready file' })
    io.tell({ event: 'ready', ...ready })
    sayReach(status.reach, io.screen)
    const beat = (): void => io.screen.show([heartbeat(host, board, status.reach)])
    const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS)
    sayNews(host, io)
    if (!io.signal.aborted)
      await new Promise<void>(resolve => io.signal.addEventListener('abort', () => resolve(), { once: true }))
    clearInterval(timer)
    io.screen.clear()
    const { finishedCount, failedCount, credit } = board
    const executions = { finished: finishedCount, failed: failedCount }
    return {
      json: { peerId: ready.peerId, account: ready.account, executions, ...present({ credit }) },
      text: `stopped after ${finishedCount} executions`
    }
  } finally {
    await status.close()
  }
}

interface Ready {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly account: string
  readonly engines: readonly string[]
}

function greet(ready: Ready, options: JoinOptions, { screen }: CommandIo): void {
  screen.say(`peer     ${ready.peerId}`)
  for (const address of ready.addresses) screen.say(`address  ${address}`)
  screen.say(`account  ${ready.account}`)
  screen.say(`engines  ${ready.engines.join(', ')}`)
  if (options.byzantine !== undefined) screen.say(pc.yellow(`lying on purpose: ${options.byzantine}`))
  screen.say('Stop with Ctrl+C: leases are handed back first.')
}

/** One line that says what the node does, or why it does nothing. */
function heartbeat(host: Host, board: StatusBoard, reach: Reach): string {
  const { peer, swarm } = host
  const running = board.running(peer.node?.runningCount ?? 0)
  const reasons = new Map<string, number>()
  for (const reason of peer.node?.declined().values() ?? [])
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const why = [...reasons].map(([reason, count]) => (count > 1 ? `${reason} ×${count}` : reason)).join(', ')
  const offerCount = peer.offers.open().length
  const state =
    running.length > 0
      ? `executing ${running.map(r => `${shortJob(r.job)}/${r.subtask} ${Math.round(r.share * 100)} %`).join(', ')}`
      : offerCount === 0
        ? 'waiting: no offers'
        : `waiting: ${why || 'asking'}`
  const peers = reachNote(reach.status) ?? `${swarm.network.peers().length} peers`
  return `${state} - ${peers} - ${offerCount} offers - ${board.finishedCount} done - credit ${formatTokens(board.credit ?? 0n)}`
}

function sayNews({ peer }: Host, { screen }: CommandIo): void {
  const { events } = peer
  events.on('offer:seen', ({ job, creator }) => screen.say(`offer ${shortJob(job)} of ${shortPeer(creator)}`))
  events.on('offer:declined', ({ job, reason }) => screen.say(`no bid for ${shortJob(job)}: ${reason}`))
  events.on('lease:lost', ({ replica }) =>
    screen.say(pc.yellow(`lease lost: ${shortJob(replica.job)}/${replica.subtask}`))
  )
  events.on('execution:failed', ({ replica, error }) =>
    screen.say(pc.red(`execution failed: ${shortJob(replica.job)}/${replica.subtask}: ${error.message}`))
  )
  events.on('node:paid', ({ job, amount }) =>
    screen.say(pc.green(`settled ${shortJob(job)}; credit is now ${formatTokens(amount)}`))
  )
}
