import { setTimeout as delay } from 'node:timers/promises'
import { type JobId, RayswarmError } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import type { JobRun } from '@rayswarm/peer'
import type { CommandIo } from '../cli/command.ts'
import type { Host } from '../compose.ts'

const POLL_MS = 200
/** A neighbour hands over all offers in one exchange: after the first of ours, this long for the others. */
const FURTHER_OFFERS_MS = 3_000
/** Exchanges that bring no offer of ours before we give up. */
const EXCHANGE_COUNT_MAX = 10

/** Which job is looked for, and for how long. */
export interface FindInit {
  /** Absent: the only one there is. */
  readonly job?: JobId
  /** Absent: ten exchanges with neighbours, however long it takes to meet any. */
  readonly timeoutMs?: number
}

/**
 * Find a job of this creator that is open: in its own store, or at its neighbours, who know its offer.
 *
 * @throws {RayswarmError} `ERR_NOT_FOUND`, `ERR_UNREACHABLE`; `ERR_USAGE` when there are several, or when the job is in owner mode
 */
export async function findJob(host: Host, init: FindInit, io: CommandIo): Promise<JobRun> {
  const { network } = host.swarm
  const { offers, creator } = host.peer
  const { job, timeoutMs } = init
  const isWanted = (id: JobId): boolean => job === undefined || id === job
  const startedAtMs = performance.now()
  let nowMs = startedAtMs
  let connectedMs = 0
  let foundAtMs: number | undefined
  for (;;) {
    // One that was settled before is taken up only when it is named.
    if (job !== undefined) await creator.takeUp(job)
    const runs = creator.jobs().filter(run => isWanted(run.job))
    const stuck = offers
      .open()
      .filter(offer => isWanted(offer.job) && offer.signed.signer === network.peerId)
      .filter(offer => offer.drawn === undefined && creator.get(offer.job) === undefined)
    if (runs.length + stuck.length > 0) foundAtMs ??= nowMs
    if (foundAtMs !== undefined && (job !== undefined || nowMs - foundAtMs >= FURTHER_OFFERS_MS)) {
      const [run] = runs
      if (runs.length > 1) throw several(runs)
      if (run !== undefined) return run
      if (stuck[0] !== undefined) throw inOwnerMode(stuck[0].job)
    }
    const elapsedMs = timeoutMs === undefined ? connectedMs : nowMs - startedAtMs
    if (foundAtMs === undefined && elapsedMs >= (timeoutMs ?? patienceMs(host)))
      throw notFound(init, elapsedMs, connectedMs > 0, network.peerId)
    const neighbourCount = network.peers().length
    io.screen.show([
      `looking for the job: ${neighbourCount} neighbours, ${offers.open().length} offers, ${runs.length} of ours`
    ])
    await delay(POLL_MS, undefined, { signal: io.signal }).catch(() => {})
    if (io.signal.aborted) throw new RayswarmError('ERR_ABORTED', 'stopped before the job was found')
    if (neighbourCount > 0) connectedMs += performance.now() - nowMs
    nowMs = performance.now()
  }
}

function patienceMs({ home }: Host): number {
  return EXCHANGE_COUNT_MAX * params[home.swarm.preset].syncIntervalMs
}

function several(runs: readonly JobRun[]): RayswarmError {
  const names = runs.map(run => `${run.job} (${run.published.spec.name})`)
  return new RayswarmError('ERR_USAGE', `${runs.length} jobs of this creator are open: ${names.join(', ')}`, {
    thing: 'job',
    value: runs.map(run => run.job).join(', '),
    remedy: 'Name the one to collect.'
  })
}

function inOwnerMode(job: JobId): RayswarmError {
  return new RayswarmError('ERR_USAGE', `job ${job} is in owner mode: it cannot be collected elsewhere`, {
    thing: 'job',
    value: job,
    remedy: 'Publish it again with the data directory it was published from: its only witness is there.'
  })
}

function notFound(
  { job }: FindInit,
  elapsedMs: number,
  wasConnected: boolean,
  peerId: string
): RayswarmError {
  const seconds = Math.round(elapsedMs / 1_000)
  if (!wasConnected)
    return new RayswarmError('ERR_UNREACHABLE', `no peer of the swarm answered within ${seconds} s`, {
      thing: 'swarm',
      value: peerId,
      remedy: 'Check the connection and the bootstrap addresses of the swarm file.'
    })
  const what = job === undefined ? 'no open job of this creator' : `nothing of job ${job}`
  return new RayswarmError('ERR_NOT_FOUND', `${what} was found at its neighbours within ${seconds} s`, {
    thing: job === undefined ? 'creator' : 'job',
    value: job ?? peerId,
    remedy:
      'Check that peer.key is the one that published it. Offers are handed on until their deadline; what was not paid by then `rayswarm refund --all` returns.'
  })
}
