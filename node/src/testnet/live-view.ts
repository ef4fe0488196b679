import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { JobId, PeerId } from '@rayswarm/interface'
import { replicaId } from '@rayswarm/wire'
import { type HistoryEvent, parseEvent } from './history.ts'

/** Reads what was added to history files since it last looked. */
export class HistoryTail {
  readonly #files = new Map<string, { offset: number; rest: string }>()

  /** Follow this file too, from its beginning; it need not exist yet. */
  follow(path: string): void {
    if (!this.#files.has(path)) this.#files.set(path, { offset: 0, rest: '' })
  }

  read(): HistoryEvent[] {
    const events: HistoryEvent[] = []
    for (const [path, state] of this.#files) {
      const added = readFrom(path, state.offset)
      if (added.length === 0) continue
      state.offset += added.length
      const lines = (state.rest + added.toString('utf8')).split('\n')
      state.rest = lines.pop() ?? ''
      for (const line of lines) {
        const event = parseEvent(line)
        if (event !== undefined) events.push(event)
      }
    }
    return events
  }
}

/** What was added to a file. Asked ten times a second for every peer: mostly nothing was. */
function readFrom(path: string, offset: number): Buffer {
  const addedBytes = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) - offset
  if (addedBytes <= 0) return Buffer.alloc(0)
  const buffer = Buffer.alloc(addedBytes)
  const fd = openSync(path, 'r')
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset))
  } finally {
    closeSync(fd)
  }
}

/** A job, as the histories tell. */
export interface JobView {
  readonly job: JobId
  subtaskCount: number
  readonly accepted: Set<number>
  isSettled: boolean
  isFetched: boolean
}

/** What a testnet looks like right now, from its peers' histories. */
export class LiveView {
  readonly started = new Set<string>()
  readonly connected = new Map<string, Set<PeerId>>()
  /** Who holds each replica. */
  readonly leases = new Map<string, string>()
  readonly witnesses = new Set<string>()
  readonly jobs = new Map<JobId, JobView>()

  feed(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#feed(event)
  }

  /** A process ended: what it held and whom it met is gone. */
  forget(name: string): void {
    this.started.delete(name)
    this.connected.delete(name)
    for (const [replica, holder] of this.leases) if (holder === name) this.leases.delete(replica)
  }

  get holders(): string[] {
    return [...new Set(this.leases.values())]
  }

  job(id: JobId): JobView {
    const known = this.jobs.get(id)
    if (known !== undefined) return known
    const view = { job: id, subtaskCount: 0, accepted: new Set<number>(), isSettled: false, isFetched: false }
    this.jobs.set(id, view)
    return view
  }

  #feed(event: HistoryEvent): void {
    const { peer } = event
    switch (event.event) {
      case 'started':
        this.forget(peer)
        this.started.add(peer)
        this.connected.set(peer, new Set())
        break
      case 'stopped':
        this.forget(peer)
        break
      case 'connected':
        this.connected.get(peer)?.add(event.with)
        break
      case 'disconnected':
        this.connected.get(peer)?.delete(event.with)
        break
      case 'lease':
        this.leases.set(replicaId(event), peer)
        break
      case 'lease-lost':
      case 'executed':
      case 'execution-failed':
        if (this.leases.get(replicaId(event)) === peer) this.leases.delete(replicaId(event))
        break
      case 'drawn':
        this.witnesses.add(peer)
        break
      case 'published':
        this.job(event.job).subtaskCount = event.subtaskCount
        break
      case 'accepted':
        this.job(event.job).accepted.add(event.subtask)
        break
      case 'settled':
        this.job(event.job).isSettled = true
        break
      case 'fetched':
        this.job(event.job).isFetched = true
        break
    }
  }
}

/** Connections a peer of a large testnet must have at least. */
export const DEGREE_MIN = 4

/**
 * Whether everybody is connected well enough: each with a few others, and all with all by way of others. If not, what is
 * missing.
 */
export function disconnection(
  members: readonly { readonly name: string; readonly peerId: PeerId }[],
  connected: ReadonlyMap<string, ReadonlySet<PeerId>>
): string | undefined {
  const wanted = Math.min(DEGREE_MIN, members.length - 1)
  const nameOf = new Map(members.map(({ name, peerId }) => [peerId, name]))
  const neighbours = new Map(
    members.map(({ name }) => [
      name,
      [...(connected.get(name) ?? [])].map(peer => nameOf.get(peer)).filter(other => other !== undefined)
    ])
  )
  const lonely = members.filter(({ name }) => neighbours.get(name)!.length < wanted)
  if (lonely.length > 0)
    return `${lonely.length} of ${members.length} peers have fewer than ${wanted} connections, among them ${lonely[0]!.name}`
  const reached = new Set(members.slice(0, 1).map(({ name }) => name))
  for (const name of reached) for (const other of neighbours.get(name) ?? []) reached.add(other)
  if (reached.size === members.length) return undefined
  const lost = members.find(({ name }) => !reached.has(name))!
  return `the swarm is split: ${members[0]!.name} does not reach ${lost.name}`
}
