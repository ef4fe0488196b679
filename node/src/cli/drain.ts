import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { RayswarmError } from '@rayswarm/interface'
import { askPeer, postTo } from '../status/ask.ts'
import type { PeerStatus } from '../status/peer-status.ts'
import { absolute } from '../swarm-file.ts'
import type { CommandIo, CommonOptions, Outcome } from './command.ts'
import { homeDir, wholeNumber } from './options.ts'
import { shortPeer } from './screen.ts'

const POLL_MS = 300
/** A busy machine may leave so many polls in a row without an answer. */
const UNANSWERED_COUNT_MAX = 5

export interface DrainOptions extends CommonOptions {
  readonly data?: string
  readonly grace: string
  readonly wait?: boolean
}

/** `rayswarm drain`: the running node takes no more work and hands back what it cannot finish in time. */
export async function drain(options: DrainOptions, io: CommandIo): Promise<Outcome> {
  const dir = absolute(options.data ?? join(homeDir(), 'node'))
  const graceMs = wholeNumber(options.grace, '--grace', 0) * 1_000
  const begun = await postTo(dir, '/drain', { graceMs })
  if (begun === undefined) throw nobody(dir, `no node is running in ${dir}`)
  if (begun.code === 409)
    throw new RayswarmError('ERR_USAGE', `the peer of ${dir} is a creator, not a node`, {
      thing: 'data directory',
      value: dir,
      remedy: 'Name the directory of a node with --data; a creator is stopped with Ctrl+C.'
    })
  if (begun.code !== 202)
    throw new RayswarmError('ERR_USAGE', `the node does not take --grace ${options.grace}`, {
      thing: '--grace',
      value: options.grace,
      remedy: 'Give seconds, at most a week.'
    })
  const endsAtMs = performance.now() + graceMs
  for (let unanswered = 0; unanswered < UNANSWERED_COUNT_MAX; ) {
    const status = await askPeer(dir)
    unanswered = status === undefined ? unanswered + 1 : 0
    if (status !== undefined) {
      const isOver = status.draining?.done === true && status.running.length === 0
      if (isOver && (options.wait !== true || status.sealed === 0)) return outcomeOf(status)
      io.screen.show([progressOf(status, Math.max(0, endsAtMs - performance.now()))])
    }
    await delay(POLL_MS, undefined, { signal: io.signal }).catch(() => {})
    if (io.signal.aborted)
      throw new RayswarmError('ERR_ABORTED', 'stopped looking; the node goes on draining', {
        thing: 'data directory',
        value: dir,
        remedy: 'See how far it is with `rayswarm status`.'
      })
  }
  throw nobody(dir, `the node of ${dir} ended while it was draining`)
}

function outcomeOf({ peerId, draining, running, sealed }: PeerStatus): Outcome {
  const released = draining?.released ?? 0
  const waits =
    sealed === 0
      ? 'it can be stopped'
      : `${sealed} sealed results wait to be opened: leave it running until \`rayswarm status\` says 0, or start it again later`
  return {
    json: { peerId, released, running: running.length, sealed },
    text: `${shortPeer(peerId)} takes no more work, handed back ${released} executions; ${waits}`
  }
}

function progressOf({ draining, running, sealed }: PeerStatus, leftMs: number): string {
  if (draining?.done === true && running.length === 0) return `waiting: ${sealed} sealed results to be opened`
  const left = leftMs > 0 ? `${Math.ceil(leftMs / 1_000)} s left` : 'handing back'
  return `draining: ${running.length} executing, ${sealed} sealed, ${left}`
}

function nobody(dir: string, message: string): RayswarmError {
  return new RayswarmError('ERR_NOT_FOUND', message, {
    thing: 'data directory',
    value: dir,
    remedy: 'Name the directory of a running node with --data; `rayswarm status` lists them.'
  })
}
