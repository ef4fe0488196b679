import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type AssetSource, isRayswarmError, type JobSpec } from '@rayswarm/interface'
import type { PublishRequest } from '@rayswarm/peer'
import { framesOf, jobSpecOf } from '@rayswarm/workload'
import { z } from 'zod'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { type Host, openHome, openHost } from '../compose.ts'
import { readJson } from '../disk.ts'
import { openLog } from '../host/log.ts'
import { SystemClock } from '../host/system-world.ts'
import { present } from '../present.ts'
import { findJob } from '../publish/find-job.ts'
import { ensureFunds } from '../publish/money.ts'
import { StatusBoard } from '../status/board.ts'
import { serveStatus } from '../status/endpoint.ts'
import { readSwarmFile } from '../swarm-file.ts'
import { type CreatorJob, JOB_FILE } from './creator-job.ts'
import { noopEngine } from './noop-engine.ts'
import { PeerLab } from './peer-lab.ts'

const QUOTA_BYTES = 2 ** 34
/** Neighbours a creator waits for before it publishes: an offer nobody hears is repeated only after a while. */
const NEIGHBOURS_MIN = 3
const NEIGHBOURS_TIMEOUT_MS = 20_000
const POLL_MS = 100
const NOOP_EDGE_PX = 8
/** Play money, in base units. */
const FUNDS = 1_000_000_000n

const count = z.int().positive()
const schema: z.ZodType<CreatorJob> = z.strictObject({
  file: z.string().exactOptional(),
  subtaskCount: count,
  replicaCount: count,
  replicaCountMax: count,
  quorum: count,
  witnessCount: count,
  witnessQuorum: count,
  deadlineMs: count,
  nonce: z.int().nonnegative()
})

export interface TestnetCreatorOptions extends CommonOptions {
  readonly swarm: string
  readonly data: string
  readonly listen: string
  readonly lab: string
  readonly bootstrap?: readonly string[]
}

/** Hidden command: a creator without a screen, which publishes its job or takes it up, until it is stopped. */
export async function testnetCreator(options: TestnetCreatorOptions, io: CommandIo): Promise<Outcome> {
  const swarm = await readSwarmFile(options.swarm)
  const job = schema.parse(await readJson(join(options.data, JOB_FILE), 'job file'))
  const lab = await PeerLab.open(options.lab)
  const home = await openHome({ dir: options.data, swarm })
  const board = new StatusBoard()
  const frames = new Map<string, number>()
  const host = await openHost(home, {
    log: openLog('warn', line => io.screen.say(line.trimEnd())),
    quotaBytes: QUOTA_BYTES,
    listen: [options.listen],
    ...present({ bootstrap: options.bootstrap }),
    lab,
    ...(job.file === undefined
      ? { engines: [noopEngine(new SystemClock(), { executionMs: 0, concurrency: 1 })] }
      : {}),
    onPeer: peer => {
      board.watch(peer)
      lab.watch(peer)
      peer.events.on('frame:finished', ({ job: id }) => frames.set(id, (frames.get(id) ?? 0) + 1))
    }
  })
  try {
    const status = await serveStatus(host, board, lab)
    try {
      lab.begin(host)
      await neighbours(host, io.signal)
      const published = await publish(host, job, io)
      await Promise.race([published.done, aborted(io.signal)])
      await allFrames(published.job, framesOf(published.spec.work).length, frames, io.signal)
      if (!io.signal.aborted)
        lab.history.write({
          event: 'fetched',
          job: published.job,
          frameCount: frames.get(published.job) ?? 0
        })
      await aborted(io.signal)
      return { json: { job: published.job }, text: `stopped after job ${published.job}` }
    } finally {
      await status.close()
    }
  } finally {
    await host.stop()
    lab.history.write({ event: 'stopped' })
    lab.history.close()
  }
}

async function publish(host: Host, job: CreatorJob, io: CommandIo): ReturnType<Host['peer']['publish']> {
  const known = host.peer.creator.jobs()[0]
  if (known !== undefined) return known.published
  const { witnessCount, witnessQuorum } = job
  const request = { ...(await requestOf(job)), witness: { witnessCount, quorum: witnessQuorum } }
  // Enough for anything a test publishes: what is not paid out returns.
  await ensureFunds(host.home, FUNDS, io)
  try {
    return await host.peer.publish(request)
  } catch (cause) {
    // It was settled while we were away, and none of the neighbours has handed us our offer yet.
    if (!isRayswarmError(cause) || cause.code !== 'ERR_JOB_INVALID' || cause.thing !== 'job') throw cause
    return (await findJob(host, { job: String(cause.value) }, io)).published
  }
}

async function requestOf(job: CreatorJob): Promise<PublishRequest> {
  const verify = {
    replicaCount: job.replicaCount,
    replicaCountMax: job.replicaCountMax,
    quorum: job.quorum
  }
  if (job.file !== undefined) return await fileRequest(job.file, job, verify)
  const file = {
    scene: 'noop.txt',
    name: 'noop',
    engine: 'noop',
    frames: `1-${job.subtaskCount}`,
    widthPx: NOOP_EDGE_PX,
    heightPx: NOOP_EDGE_PX,
    samplesPerPixel: 1,
    output: { exr: 'none' as const },
    verify,
    memoryBytes: 1 << 20,
    deadlineAfterMs: job.deadlineMs
  }
  const text = new TextEncoder().encode('nothing to render\n')
  const sources: AssetSource[] = [
    {
      path: file.scene,
      async *read() {
        yield text
      }
    }
  ]
  return { sources, spec: assets => jobSpecOf(file, { ...assets, nonce: job.nonce }) satisfies JobSpec }
}

async function fileRequest(
  path: string,
  job: CreatorJob,
  verify: JobSpec['verify']
): Promise<PublishRequest> {
  const [{ checkJob, readJobInput, specOf }, { sceneFiles }, { openEngines }] = await Promise.all([
    import('../publish/job-input.ts'),
    import('@rayswarm/runner-pathtracer'),
    import('../host/engines.ts')
  ])
  const input = await readJobInput(path, {})
  const checked = await checkJob(input, openEngines(), sceneFiles)
  const file = { ...checked.file, verify, deadlineAfterMs: job.deadlineMs }
  return { sources: checked.sources, spec: assets => specOf(file, assets, job.nonce) }
}

async function neighbours({ swarm }: Host, signal: AbortSignal): Promise<void> {
  const wanted = Math.min(NEIGHBOURS_MIN, swarm.libp2p.getPeers().length + NEIGHBOURS_MIN)
  const untilMs = performance.now() + NEIGHBOURS_TIMEOUT_MS
  while (swarm.network.peers().length < wanted && performance.now() < untilMs && !signal.aborted)
    await delay(POLL_MS)
}

/** The last results may still be on their way when the money has moved. */
async function allFrames(
  job: string,
  wanted: number,
  frames: ReadonlyMap<string, number>,
  signal: AbortSignal
): Promise<void> {
  while ((frames.get(job) ?? 0) < wanted && !signal.aborted) await delay(POLL_MS)
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
