import type { ReplicaKey } from '@rayswarm/interface'
import { type Cast, named, type Verdict } from './checker.ts'
import type { EventOf, HistoryEvent } from './history.ts'

/** A peer that was stopped this soon after a publication need not have heard of it. */
const REACH_MS = 2_000
/** Faults during which a peer hears nothing. */
const DEAFENING = new Set(['crash', 'pause', 'partition'])

/** How many of the honest peers an offer reached, and how soon. */
export interface OfferReach {
  /** Of those that could hear it. 1 when nothing was published. */
  readonly share: number
  readonly p99Ms: number
}

/** The numbers of a verdict. */
export function figuresOf(
  events: readonly HistoryEvent[],
  cast: Cast
): Omit<Verdict, 'paidTwice' | 'audit' | 'assertions' | 'violations'> {
  const testnet = named(events, 'testnet')[0]
  const published = named(events, 'published')
  const accepted = named(events, 'accepted').filter(({ peer }) => !cast.byzantine.has(peer))
  const reLeasesMs = reLeases(events)
  const firstMs = events[0]?.atMs ?? 0
  return {
    scenario: named(events, 'scenario')[0]?.scenario ?? '',
    layer: testnet?.layer ?? '',
    seed: testnet?.seed ?? '',
    peers: testnet?.peers.filter(({ role }) => role === 'node').length ?? 0,
    subtasks: sum([...new Map(published.map(({ job, subtaskCount }) => [job, subtaskCount])).values()]),
    accepted: new Set(accepted.map(({ job, subtask }) => `${job}/${subtask}`)).size,
    executions: named(events, 'executed').length,
    readySeconds: named(events, 'ready')[0]?.seconds ?? 0,
    offerReach: offerReach(events, cast),
    reLeases: reLeasesMs.length,
    reLeaseP95Ms: percentile(reLeasesMs, 0.95),
    reLeaseMaxMs: reLeasesMs.at(-1) ?? 0,
    leaseTermMs: testnet?.leaseTermMs ?? 0,
    recoveryMs: recoveries(events, cast),
    faults: named(events, 'fault').length,
    wallSeconds: Math.round((events.at(-1)?.atMs ?? 0) - firstMs) / 1_000
  }
}

/** The smallest value that this share of the values does not exceed. Sorts in place; 0 for none. */
export function percentile(values: number[], share: number): number {
  values.sort((a, b) => a - b)
  return values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function offerReach(events: readonly HistoryEvent[], cast: Cast): OfferReach {
  const delaysMs: number[] = []
  let audience = 0
  const jobs = new Map<string, EventOf<'published'>>()
  for (const event of named(events, 'published')) if (!jobs.has(event.job)) jobs.set(event.job, event)
  for (const { job, peer: creator, atMs } of jobs.values()) {
    const listening = listeners(events, atMs)
    listening.delete(creator)
    for (const name of cast.byzantine) listening.delete(name)
    audience += listening.size
    for (const offer of named(events, 'offer'))
      if (offer.job === job && listening.delete(offer.peer)) delaysMs.push(Math.max(0, offer.atMs - atMs))
  }
  const share = audience === 0 ? 1 : Math.round((delaysMs.length / audience) * 10_000) / 10_000
  return { share, p99Ms: percentile(delaysMs, 0.99) }
}

/** Names of peers that were up and could hear at this time and for a moment after it. */
function listeners(events: readonly HistoryEvent[], atMs: number): Set<string> {
  const listening = new Set<string>()
  const deaf = new Map<number, readonly string[]>()
  for (const event of events) {
    if (event.atMs > atMs + REACH_MS) break
    if (event.event === 'started' && event.atMs <= atMs) listening.add(event.peer)
    if (event.event === 'stopped') listening.delete(event.peer)
    if (event.event === 'fault' && DEAFENING.has(event.fault)) {
      deaf.set(event.id, event.targets)
      if (event.fault === 'crash') for (const name of event.targets) listening.delete(name)
    }
    if (event.event === 'fault-ended' && event.atMs <= atMs) deaf.delete(event.id)
  }
  for (const names of deaf.values()) for (const name of names) listening.delete(name)
  return listening
}

/** How long after each crash the replicas that the crashed had leased were leased again. Ascending. */
function reLeases(events: readonly HistoryEvent[]): number[] {
  /** Holder of each replica under way, and since when nobody works on it. */
  const held = new Map<string, { readonly peer: string; orphanedAtMs?: number }>()
  const waitsMs: number[] = []
  for (const event of events) {
    if (event.event === 'lease') {
      const replica = anyGeneration(event)
      const { orphanedAtMs } = held.get(replica) ?? {}
      if (orphanedAtMs !== undefined) waitsMs.push(event.atMs - orphanedAtMs)
      held.set(replica, { peer: event.peer })
    } else if (
      event.event === 'lease-lost' ||
      event.event === 'executed' ||
      event.event === 'execution-failed'
    ) {
      const entry = held.get(anyGeneration(event))
      if (entry?.peer === event.peer && entry.orphanedAtMs === undefined) held.delete(anyGeneration(event))
    } else if (event.event === 'committed' || event.event === 'judged') held.delete(anyGeneration(event))
    else if (event.event === 'fault' && event.fault === 'crash')
      for (const entry of held.values())
        if (event.targets.includes(entry.peer)) entry.orphanedAtMs ??= event.atMs
  }
  return waitsMs.sort((a, b) => a - b)
}

function anyGeneration({ job, subtask, replica }: ReplicaKey): string {
  return `${job}/${subtask}/${replica}`
}

/** From the end of each partition to the first word that crossed it. */
function recoveries(events: readonly HistoryEvent[], cast: Cast): number[] {
  const found: number[] = []
  const partitions = new Map(
    named(events, 'fault')
      .filter(({ fault }) => fault === 'partition')
      .map(event => [event.id, event])
  )
  for (const { id, atMs } of named(events, 'fault-ended')) {
    const partition = partitions.get(id)
    if (partition === undefined) continue
    const inside = new Set(partition.targets)
    const others = partition.against && new Set(partition.against)
    const isAcross = (a: string, b: string): boolean =>
      inside.has(a) !== inside.has(b) && (others === undefined || others.has(inside.has(a) ? b : a))
    const first = events.find(event => {
      if (event.atMs < atMs || (event.event !== 'heard' && event.event !== 'connected')) return false
      const other = event.event === 'heard' ? event.from : event.with
      return isAcross(event.peer, cast.nameOf.get(other) ?? other)
    })
    if (first !== undefined) found.push(first.atMs - atMs)
  }
  return found
}
