import { join } from 'node:path'
import type { JobId } from '@rayswarm/interface'
import type { Peer } from '@rayswarm/peer'
import type { CommandIo } from '../cli/command.ts'
import { type Home, type Host, type HostInit, openHost } from '../compose.ts'
import { requireWritable, sweepPartials } from '../disk.ts'
import { StatusBoard } from '../status/board.ts'
import { serveStatus } from '../status/endpoint.ts'
import { sayReach } from '../status/reach.ts'
import { type JobRecord, JobRecords } from './job-records.ts'
import { FRAMES_DIR, Pictures } from './pictures.ts'
import { JobProgress } from './progress.ts'

/** A creator's host, and what takes its jobs to the disk and to the screen. */
export interface Creator {
  readonly host: Host
  readonly records: JobRecords
  readonly pictures: Pictures
  readonly progress: JobProgress
  readonly startedAtMs: number
}

/** How a command opens its creator. */
export interface CreatorInit {
  readonly host: HostInit
  /** When the command began, on the monotonic clock. */
  readonly startedAtMs: number
  /** Where the pictures of an open job of an earlier command go; there, when absent. */
  readonly outDirOf?: (record: JobRecord) => string
  /** Subscribe here to what comes while the peer starts. */
  readonly onPeer?: (peer: Peer, pictures: Pictures) => void
}

/** Be a creator for as long as `fn` takes. Jobs of earlier commands go on as well, into their own directories. */
export async function withCreator<T>(
  home: Home,
  init: CreatorInit,
  io: CommandIo,
  fn: (creator: Creator) => Promise<T>
): Promise<T> {
  const { startedAtMs } = init
  const board = new StatusBoard()
  const pictures = new Pictures()
  const progress = new JobProgress(io)
  const records = await JobRecords.open(home.dir).catch(async error => {
    await home.close()
    throw error
  })
  for (const record of records.open()) pictures.expect(record.job, init.outDirOf?.(record) ?? record.outDir)
  const host = await openHost(home, {
    ...init.host,
    onPeer: peer => {
      board.watch(peer)
      pictures.watch(peer)
      progress.watch(peer)
      init.onPeer?.(peer, pictures)
    }
  })
  try {
    const status = await serveStatus(host, board)
    try {
      sayReach(status.reach, io.screen)
      const { network } = host.swarm
      io.tell({ event: 'ready', peerId: network.peerId, addresses: network.addresses() })
      return await fn({ host, records, pictures, progress, startedAtMs })
    } finally {
      await status.close()
    }
  } finally {
    await pictures.written()
    await host.stop()
  }
}

/** Make sure that pictures can be written, and remove what a killed process left half-written. */
export async function openOutDir(outDir: string): Promise<void> {
  await requireWritable(outDir, 'output directory')
  await sweepPartials(outDir)
  await sweepPartials(join(outDir, FRAMES_DIR))
}

/** Where the pictures of a job go unless somebody says otherwise. */
export function defaultOutDir(name: string): string {
  return join('out', name.replace(/[^\w.-]+/g, '-'))
}

/** Show how far a job is from now on. */
export function follow({ host, progress }: Creator, job: JobId, frameCount: number): void {
  const { state } = host.peer.creator.get(job)!.driver
  progress.follow(job, {
    subtaskCount: state.tracks.length,
    acceptedCount: state.count('accepted'),
    frameCount
  })
}
