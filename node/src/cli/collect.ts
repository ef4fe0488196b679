import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobId, RayswarmError } from '@rayswarm/interface'
import { jobHashOf } from '@rayswarm/wire'
import { framesOf } from '@rayswarm/workload'
import { requireWritable } from '../disk.ts'
import { present } from '../present.ts'
import { type CreatorInit, defaultOutDir, follow, openOutDir, withCreator } from '../publish/creator.ts'
import { findJob } from '../publish/find-job.ts'
import { finish } from '../publish/finish.ts'
import { absolute } from '../swarm-file.ts'
import type { CommandIo, Outcome } from './command.ts'
import { homeOf, hostInitOf } from './host-init.ts'
import { homeDir, type NetworkOptions, swarmOf, wholeNumber } from './options.ts'

const FINISH = {
  /** Results come from the witnesses, over the network. */
  lastFramesTimeoutMs: 600_000,
  again: 'Collect it again: it goes on without you.',
  lost: 'Collect it again: its witnesses keep the results until its time is over.'
} as const
/** What makes a peer this very creator. */
const KEY_FILES = ['peer.key', 'account.json']

export interface CollectOptions extends NetworkOptions {
  readonly out?: string
  readonly timeout?: string
}

/** `rayswarm collect`: take up a job whose creator was away, or lost everything but its keys. */
export async function collect(
  wanted: string | undefined,
  options: CollectOptions,
  io: CommandIo
): Promise<Outcome> {
  const startedAtMs = performance.now()
  const timeoutMs =
    options.timeout === undefined ? undefined : wholeNumber(options.timeout, '--timeout') * 1_000
  if (wanted !== undefined) requireJobId(wanted)
  const swarm = await swarmOf(options)
  const dir = absolute(options.data ?? join(homeDir(), 'creator'))
  await requireKeys(dir)
  if (options.out !== undefined) await openOutDir(absolute(options.out))
  const places = new Places(wanted, options.out)
  const hostInit = hostInitOf(options, io)
  const home = await homeOf(dir, swarm, options, io)
  const init: CreatorInit = {
    host: hostInit,
    startedAtMs,
    outDirOf: record => places.of(record.job, record.outDir) ?? record.outDir,
    onPeer: (peer, pictures) =>
      peer.events.on('offer:seen', seen => {
        const offer = peer.offers.get(seen.job)
        if (offer?.drawn === undefined || seen.creator !== home.context.identity.peerId) return
        // Pictures come as soon as the job is taken up.
        const outDir = places.of(seen.job, defaultOutDir(offer.signed.body.spec.name))
        if (outDir !== undefined) pictures.expect(seen.job, outDir)
      })
  }
  return await withCreator(home, init, io, async creator => {
    const { job, published } = await findJob(creator.host, present({ job: wanted, timeoutMs }), io)
    const { name, work } = published.spec
    const outDir = places.of(job, defaultOutDir(name))!
    // Pictures may be on their way there already.
    await requireWritable(outDir, 'output directory')
    io.screen.say(`collecting ${name}, job ${job}; Ctrl+C leaves it to its witnesses`)
    await creator.records.put({ job, name, outDir, settled: false })
    follow(creator, job, framesOf(work).length)
    return await finish(published, creator, { ...FINISH, outDir, ...present({ timeoutMs }) }, io)
  })
}

/** Where the pictures of each job go. */
class Places {
  readonly #wanted: string | undefined
  readonly #out: string | undefined
  readonly #outDirs = new Map<JobId, string>()

  constructor(wanted: string | undefined, out: string | undefined) {
    this.#wanted = wanted
    this.#out = out
  }

  /** Undefined for a job that is not asked for. */
  of(job: JobId, otherwise: string): string | undefined {
    if (this.#wanted !== undefined && this.#wanted !== job) return undefined
    // Where no job is named the first had better be the only one.
    const named = this.#outDirs.size === 0 ? this.#out : undefined
    const outDir = this.#outDirs.get(job) ?? absolute(named ?? otherwise)
    this.#outDirs.set(job, outDir)
    return outDir
  }
}

function requireJobId(job: string): void {
  try {
    jobHashOf(job)
  } catch (cause) {
    throw new RayswarmError('ERR_USAGE', `${job} is no job id`, {
      thing: 'job',
      value: job,
      remedy: 'Give the id that publishing printed, or none where only one is open.',
      cause
    })
  }
}

/** A new key would be a new creator, which has no jobs. */
async function requireKeys(dir: string): Promise<void> {
  for (const file of KEY_FILES) {
    const path = join(dir, file)
    await access(path).catch(cause => {
      throw new RayswarmError('ERR_FILE_MISSING', `${path} does not exist`, {
        thing: 'key file',
        value: path,
        remedy: `Copy ${KEY_FILES.join(' and ')} of the creator's data directory there.`,
        cause
      })
    })
  }
}
