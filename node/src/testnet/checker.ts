import type { ReplicaKey } from '@rayswarm/interface'
import { replicaId } from '@rayswarm/wire'
import { figuresOf, type OfferReach } from './figures.ts'
import type { EventOf, HistoryEvent } from './history.ts'
import { auditPayouts, chainWords, type PayoutAudit } from './payout-audit.ts'

/** What must not happen. spec/testnet.md#violations */
export const VIOLATION_KINDS = [
  'paid-twice', // two nodes were accepted for one replica, or one node for two replicas of one subtask
  'two-commits', // two nodes committed one generation of one replica
  'two-settlements', // one escrow was settled twice
  'two-holders', // two nodes held one replica with the same fencing token
  'unearned', // what was paid is not what the replica's certificate says, or there is none
  'unaudited', // money moved, or may have, and the history does not tell for what
  'books', // what was locked is not what was paid, burned, shared and returned
  'honest-rejected', // a node that did not misbehave had a result rejected
  'honest-accused', // a witness that did not misbehave was called an equivocator
  'died', // a process ended that nobody ended
  'assertion' // something asserted was not true
] as const
export type ViolationKind = (typeof VIOLATION_KINDS)[number]

/** One thing that must not happen and did. */
export interface Violation {
  readonly kind: ViolationKind
  readonly atMs: number
  readonly message: string
}

/** What a history comes down to. spec/testnet.md#verdict */
export interface Verdict {
  readonly scenario: string
  readonly layer: string
  readonly seed: string
  readonly peers: number
  readonly subtasks: number
  readonly accepted: number
  /** Executions that were finished, wanted or not. */
  readonly executions: number
  readonly paidTwice: number
  /** What {@link paidTwice} rests on. */
  readonly audit: PayoutAudit
  readonly readySeconds: number
  readonly offerReach: OfferReach
  /** From a crash to the next lease on what the crashed node had leased. */
  readonly reLeases: number
  readonly reLeaseP95Ms: number
  readonly reLeaseMaxMs: number
  readonly leaseTermMs: number
  /** From the end of each partition to the first word from the other side. */
  readonly recoveryMs: readonly number[]
  readonly faults: number
  readonly wallSeconds: number
  readonly assertions: readonly {
    readonly assertion: string
    readonly held: boolean
    readonly found: string
  }[]
  readonly violations: readonly Violation[]
}

/** Who is who, from the history's first line. */
export interface Cast {
  readonly nameOf: ReadonlyMap<string, string>
  /** By peer id. */
  readonly accountOf: ReadonlyMap<string, string>
  /** Names of peers that misbehaved on purpose at any time. */
  readonly byzantine: ReadonlySet<string>
}

/** Judge a history. Depends on the events alone: the same file gives the same verdict. */
export function check(events: readonly HistoryEvent[]): Verdict {
  const cast = castOf(events)
  const isHonest = (peer: string): boolean => !cast.byzantine.has(cast.nameOf.get(peer) ?? peer)
  const honest = events.filter(({ peer }) => isHonest(peer))
  const payouts = auditPayouts(events, honest, cast)
  const violations = [
    ...payouts.violations,
    ...acceptedTwice(honest),
    ...twoCommits(honest),
    ...twoSettlements(honest),
    ...twoHolders(honest),
    ...unbalanced(events),
    ...wronged(honest, isHonest),
    ...failures(events)
  ].toSorted((a, b) => a.atMs - b.atMs)
  return {
    ...figuresOf(events, cast),
    paidTwice: violations.filter(({ kind }) => kind === 'paid-twice' || kind === 'two-settlements').length,
    audit: payouts.audit,
    assertions: named(events, 'asserted').map(({ assertion, held, found }) => ({ assertion, held, found })),
    violations
  }
}

/** The events of one kind. */
export function named<Name extends HistoryEvent['event']>(
  events: readonly HistoryEvent[],
  name: Name
): EventOf<Name>[] {
  return events.filter(event => event.event === name) as EventOf<Name>[]
}

function castOf(events: readonly HistoryEvent[]): Cast {
  const peers = named(events, 'testnet').flatMap(event => event.peers)
  const byzantine = new Set(peers.filter(peer => peer.byzantine !== undefined).map(({ name }) => name))
  for (const { fault, targets } of named(events, 'fault'))
    if (fault === 'byzantine') for (const name of targets) byzantine.add(name)
  return {
    nameOf: new Map(peers.map(({ peerId, name }) => [peerId, name])),
    accountOf: new Map(peers.map(({ peerId, account }) => [peerId, account])),
    byzantine
  }
}

/** Each judge on its own: which of them is believed is the chain's decision, and it decides once. */
function acceptedTwice(events: readonly HistoryEvent[]): Violation[] {
  const found: Violation[] = []
  const nodeOfReplica = new Map<string, string>()
  const replicaOfNode = new Map<string, number>()
  for (const event of named(events, 'judged')) {
    const { peer, job, subtask, replica, node, verdict, reason, atMs } = event
    if (verdict !== 'accepted' || reason !== undefined) continue
    const judged = `${peer} ${job}/${subtask}/${replica}`
    const earlier = nodeOfReplica.get(judged)
    if (earlier !== undefined && earlier !== node)
      found.push(violation('paid-twice', atMs, `${where(event)}: ${peer} accepted ${earlier} and ${node}`))
    nodeOfReplica.set(judged, node)
    const own = `${peer} ${job}/${subtask} ${node}`
    const other = replicaOfNode.get(own)
    if (other !== undefined && other !== replica)
      found.push(
        violation('paid-twice', atMs, `${where(event)}: ${peer} accepted ${node} for replica ${other} too`)
      )
    replicaOfNode.set(own, replica)
  }
  return found
}

function twoCommits(events: readonly HistoryEvent[]): Violation[] {
  const first = new Map<string, EventOf<'committed'>>()
  return named(events, 'committed').flatMap(event => {
    const { node, price, seal, atMs } = event
    const replica = replicaId(event)
    const earlier = first.get(replica) ?? event
    first.set(replica, earlier)
    if (earlier.node === node && earlier.price === price && earlier.seal === seal) return []
    const text = `${where(event)}: ${earlier.node} has a certificate for ${earlier.price}, ${node} another for ${price}`
    return [violation('two-commits', atMs, text)]
  })
}

function twoSettlements(events: readonly HistoryEvent[]): Violation[] {
  const txOf = new Map<string, string>()
  const told = named(events, 'settled').flatMap(({ job, txHash, atMs }) => {
    const earlier = txOf.get(job) ?? txHash
    txOf.set(job, earlier)
    return earlier === txHash
      ? []
      : [violation('two-settlements', atMs, `${short(job)}: settled by ${earlier} and by ${txHash}`)]
  })
  const onChain = chainWords(events).flatMap(({ job, escrows, atMs }) =>
    escrows
      .map(({ settlements, isRefunded }) => settlements.length + (isRefunded ? 1 : 0))
      .filter(count => count > 1)
      .map(count => violation('two-settlements', atMs, `${short(job)}: one escrow ended ${count} times`))
  )
  return [...told, ...onChain]
}

function twoHolders(events: readonly HistoryEvent[]): Violation[] {
  const holder = new Map<string, string>()
  return named(events, 'lease').flatMap(event => {
    const { fence, peer, atMs } = event
    const right = `${replicaId(event)}/${fence}`
    const earlier = holder.get(right) ?? peer
    holder.set(right, earlier)
    return earlier === peer
      ? []
      : [violation('two-holders', atMs, `${where(event)}, fence ${fence}: held by ${earlier} and by ${peer}`)]
  })
}

function unbalanced(events: readonly HistoryEvent[]): Violation[] {
  return chainWords(events).flatMap(({ job, escrows, atMs }) =>
    escrows.flatMap(({ locked, settlements }) =>
      settlements.flatMap(({ paid, burned, treasury, refunded }) => {
        const sum = [paid, burned, treasury, refunded].reduce((total, part) => total + BigInt(part), 0n)
        const text = `${short(job)}: ${locked} were locked, ${sum} are accounted for`
        return sum === BigInt(locked) ? [] : [violation('books', atMs, text)]
      })
    )
  )
}

function wronged(events: readonly HistoryEvent[], isHonest: (peer: string) => boolean): Violation[] {
  const rejected = named(events, 'judged').flatMap(event => {
    const { node, verdict, reason, peer, atMs } = event
    const isWrongResult = verdict === 'rejected' && (reason === 'rejected' || reason === 'result-mismatch')
    return isWrongResult && isHonest(node)
      ? [violation('honest-rejected', atMs, `${where(event)}: ${peer} rejected honest ${node}`)]
      : []
  })
  const accused = named(events, 'equivocated').flatMap(({ witness, peer, atMs }) =>
    isHonest(witness) ? [violation('honest-accused', atMs, `${peer} accuses honest ${witness}`)] : []
  )
  return [...rejected, ...accused]
}

function failures(events: readonly HistoryEvent[]): Violation[] {
  const died = named(events, 'died').map(({ target, atMs }) =>
    violation('died', atMs, `${target} ended by itself`)
  )
  const untrue = named(events, 'asserted')
    .filter(({ held }) => !held)
    .map(({ assertion, found, atMs }) => violation('assertion', atMs, `${assertion}: ${found}`))
  return [...died, ...untrue]
}

/** Something that must not happen, and where. */
export function violation(kind: ViolationKind, atMs: number, message: string): Violation {
  return { kind, atMs, message }
}

/** A replica in words. */
export function where({ job, subtask, replica, generation }: ReplicaKey): string {
  return `${short(job)} subtask ${subtask} replica ${replica} generation ${generation}`
}

/** The end of a long name: its beginning is the same for all. */
export function short(job: string): string {
  return job.length > 12 ? `…${job.slice(-8)}` : job
}
