import { createHash } from 'node:crypto'
import type { EquivalenceClass, JobId, PeerId, Score } from '@rayswarm/interface'
import { scores } from '@rayswarm/reputation'
import type { Host } from '../compose.ts'
import type { Running, StatusBoard } from './board.ts'
import type { Draining, DrainStatus } from './draining.ts'
import type { Reach, ReachStatus } from './reach.ts'

/** What a running peer says about itself. Amounts are base units as decimal text. spec/cli.md#status */
export interface PeerStatus {
  readonly peerId: PeerId
  readonly role: 'node' | 'creator'
  readonly pid: number
  readonly dir: string
  readonly netId: string
  readonly addresses: readonly string[]
  readonly engines: readonly EquivalenceClass[]
  readonly connected: readonly PeerId[]
  readonly reach: ReachStatus
  readonly offers: readonly { readonly job: JobId; readonly name: string; readonly creator: PeerId }[]
  /** Why an open offer gets no bid right now. */
  readonly declined: readonly { readonly job: JobId; readonly reason: string }[]
  readonly running: readonly Running[]
  readonly executions: { readonly finished: number; readonly failed: number }
  /** Results that wait to be opened. */
  readonly sealed: number
  /** Absent while it takes work. */
  readonly draining?: DrainStatus
  /** Jobs this peer published and that are not settled. */
  readonly jobs: readonly JobStatus[]
  readonly account: { readonly address: string; readonly balance?: string; readonly credit?: string }
  readonly scores: readonly Score[]
}

/** A published job under way. */
export interface JobStatus {
  readonly job: JobId
  readonly name: string
  readonly subtasks: number
  readonly accepted: number
  readonly failed: number
}

/** What a peer knows, condensed: equal for peers that know the same. */
export interface PeerDigest {
  readonly peerId: PeerId
  /** Hash over the entries of its copy of the ledger. */
  readonly ledger: string
  readonly ledgerCount: number
  /** Hash over the open offers it knows. */
  readonly offers: string
  readonly offerCount: number
  readonly connectedCount: number
}

export function digestOf({ peer, swarm }: Host): PeerDigest {
  const entries = [...peer.ledger.ledger.entries()].map(
    ({ body, signature }) => `${body.author}/${body.sequence}/${Buffer.from(signature).toString('hex')}`
  )
  const offers = peer.offers.open().map(({ job }) => job)
  return {
    peerId: swarm.network.peerId,
    ledger: hashOf(entries),
    ledgerCount: entries.length,
    offers: hashOf(offers),
    offerCount: offers.length,
    connectedCount: swarm.network.peers().length
  }
}

function hashOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex')
}

/** What else a status tells of. */
export interface StatusSources {
  readonly board: StatusBoard
  readonly draining: Draining
  readonly reach: Reach
}

export async function statusOf(host: Host, { board, draining, reach }: StatusSources): Promise<PeerStatus> {
  const { home, peer, swarm } = host
  const { network } = swarm
  const [balance, credit] = await Promise.all([
    home.chain.balanceOf(home.account.account).catch(() => undefined),
    home.chain.creditOf(home.account.account).catch(() => undefined)
  ])
  return {
    peerId: network.peerId,
    role: peer.node === undefined ? 'creator' : 'node',
    pid: process.pid,
    dir: home.dir,
    netId: home.swarm.netId,
    addresses: network.addresses(),
    engines: host.probes.map(probe => probe.equivalenceClass),
    connected: network.peers(),
    reach: reach.status,
    offers: peer.offers.open().map(({ job, signed }) => ({
      job,
      name: signed.body.spec.name,
      creator: signed.signer
    })),
    declined: [...(peer.node?.declined() ?? [])].map(([job, reason]) => ({ job, reason })),
    running: board.running(peer.node?.runningCount ?? 0),
    executions: { finished: board.finishedCount, failed: board.failedCount },
    sealed: peer.node?.sealedCount ?? 0,
    ...(draining.status === undefined ? {} : { draining: draining.status }),
    jobs: peer.creator.jobs().map(run => ({
      job: run.job,
      name: run.published.spec.name,
      subtasks: run.driver.state.tracks.length,
      accepted: run.driver.state.count('accepted'),
      failed: run.driver.state.count('failed')
    })),
    account: {
      address: home.account.account,
      ...(balance === undefined ? {} : { balance: String(balance) }),
      ...(credit === undefined ? {} : { credit: String(credit) })
    },
    scores: scores(peer.ledger.ledger.entries(), Date.now())
  }
}
