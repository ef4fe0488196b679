import { RayswarmError } from '@rayswarm/interface'
import { askPeers } from '../status/ask.ts'
import type { PeerStatus } from '../status/peer-status.ts'
import { reachNote } from '../status/reach.ts'
import { absolute } from '../swarm-file.ts'
import { formatTokens } from '../tokens.ts'
import type { CommonOptions, Outcome } from './command.ts'
import { homeDir } from './options.ts'
import { shortJob, shortPeer } from './screen.ts'
import { tableOf } from './table.ts'

export interface StatusOptions extends CommonOptions {
  readonly data?: readonly string[]
}

/** `rayswarm status`: what the peers of this machine do. */
export async function status(options: StatusOptions): Promise<Outcome> {
  const dirs = (options.data ?? [homeDir()]).map(absolute)
  const peers = await askPeers(dirs)
  if (peers.length === 0)
    throw new RayswarmError('ERR_NOT_FOUND', `no peer is running in ${dirs.join(', ')}`, {
      thing: 'data directory',
      value: dirs.join(', '),
      remedy: 'Start one with `rayswarm join`, or name its directory with --data.'
    })
  return { json: { peers }, text: [peersTable(peers), ...peers.flatMap(notesOf)].join('\n') }
}

function peersTable(peers: readonly PeerStatus[]): string {
  const rows = peers.map(peer => {
    const own = peer.scores.filter(score => score.node === peer.peerId)
    return [
      shortPeer(peer.peerId),
      peer.role,
      peer.connected.length,
      peer.offers.length,
      peer.running.length,
      peer.executions.finished,
      peer.account.credit === undefined ? '?' : formatTokens(BigInt(peer.account.credit)),
      own.length === 0 ? 'new' : `${(Math.max(...own.map(score => score.scoreBps)) / 100).toFixed(1)} %`
    ]
  })
  return tableOf(['peer', 'role', 'peers', 'offers', 'running', 'done', 'credit', 'score'], rows)
}

/** What needs a sentence: jobs under way, and why a node has no work. */
function notesOf(peer: PeerStatus): string[] {
  const who = shortPeer(peer.peerId)
  const jobs = peer.jobs.map(
    job => `${who} publishes ${job.name} (${shortJob(job.job)}): ${job.accepted}/${job.subtasks} accepted`
  )
  const declined = peer.declined.map(
    ({ job, reason }) => `${who} does not bid for ${shortJob(job)}: ${reason}`
  )
  const idle =
    peer.role === 'node' && peer.running.length === 0 && peer.offers.length === 0
      ? [`${who} has no work: it knows of no open offer`]
      : []
  const note = reachNote(peer.reach)
  const reach = note === undefined ? [] : [`${who} ${note}`]
  const { draining, sealed } = peer
  const drained =
    draining === undefined
      ? []
      : [
          `${who} ${draining.done ? 'has drained' : 'is draining'}: ${draining.released} executions handed back, ${sealed} sealed results wait to be opened`
        ]
  return [...reach, ...jobs, ...declined, ...(draining === undefined ? idle : drained)]
}
