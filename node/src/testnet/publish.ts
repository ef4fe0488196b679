import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type JobId, RayswarmError } from '@rayswarm/interface'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { wholeNumber } from '../cli/options.ts'
import { readJson, writeWhole } from '../disk.ts'
import { absolute } from '../swarm-file.ts'
import { type CreatorJob, JOB_FILE } from './creator-job.ts'
import { historyPathOf, Laboratory } from './laboratory.ts'
import { HistoryTail, LiveView } from './live-view.ts'
import { isRunning, lastWords } from './processes.ts'
import { parseWitnesses } from './units.ts'

const PUBLISHED_TIMEOUT_MS = 60_000
const DEADLINE_MS = 30 * 60_000
const POLL_MS = 100

export interface TestnetPublishOptions extends CommonOptions {
  readonly dir: string
  readonly subtasks: string
  readonly replicas: string
  readonly witnesses: string
}

/** `rayswarm testnet publish`: start the creator's process, and wait until its job is out. */
export async function testnetPublish(
  file: string | undefined,
  options: TestnetPublishOptions,
  io: CommandIo
): Promise<Outcome> {
  const replicaCount = wholeNumber(options.replicas, '--replicas')
  const lab = await Laboratory.open(absolute(options.dir))
  try {
    const job = await publishJob(
      lab,
      {
        ...(file === undefined ? {} : { file: absolute(file) }),
        subtaskCount: wholeNumber(options.subtasks, '--subtasks'),
        replicaCount,
        replicaCountMax: replicaCount === 1 ? 1 : replicaCount + 2,
        quorum: replicaCount,
        ...parseWitnesses(options.witnesses),
        deadlineMs: DEADLINE_MS
      },
      io.signal
    )
    return {
      json: { job, pid: lab.processOf('creator')?.pid },
      text: `published ${job}; see \`rayswarm testnet assert accepted all within 2m\``
    }
  } finally {
    lab.close()
  }
}

/**
 * Start the creator with this job. Its earlier job must be over: one creator has one job.
 *
 * @throws {RayswarmError} `ERR_USAGE`, `ERR_TIMEOUT`, `ERR_INTERNAL` with the creator's last words
 */
export async function publishJob(
  lab: Laboratory,
  job: Omit<CreatorJob, 'nonce'>,
  signal: AbortSignal
): Promise<JobId> {
  const peer = lab.peer('creator')
  const running = lab.processOf('creator')
  if (running !== undefined && (await isRunning(running)))
    throw new RayswarmError('ERR_USAGE', 'the creator is running already', {
      thing: 'creator',
      value: running.pid,
      remedy: 'Crash it first, or start another testnet.'
    })
  const path = join(peer.home, JOB_FILE)
  const earlier = (await readJson(path, 'job file').catch(() => undefined)) as CreatorJob | undefined
  const whole: CreatorJob = { ...job, nonce: (earlier?.nonce ?? -1) + 1 }
  await writeWhole(path, JSON.stringify(whole), { thing: 'job file' })
  const tail = new HistoryTail()
  tail.follow(historyPathOf(peer.home))
  const view = new LiveView()
  view.feed(tail.read())
  const before = new Set(view.jobs.keys())
  const own = await lab.startPeer(peer)
  const untilMs = performance.now() + PUBLISHED_TIMEOUT_MS
  for (;;) {
    view.feed(tail.read())
    const found = [...view.jobs.values()].find(known => !before.has(known.job) && known.subtaskCount > 0)
    if (found !== undefined) return found.job
    if (signal.aborted) throw new RayswarmError('ERR_ABORTED', 'stopped before the job was out')
    const late = performance.now() > untilMs
    if (late || !(await isRunning(own))) {
      const logPath = join(peer.home, 'creator.log')
      throw new RayswarmError(
        late ? 'ERR_TIMEOUT' : 'ERR_INTERNAL',
        `the creator did not publish: ${await lastWords(logPath)}`,
        { thing: 'creator', value: own.pid, remedy: `See its log, ${logPath}.` }
      )
    }
    await delay(POLL_MS)
  }
}
