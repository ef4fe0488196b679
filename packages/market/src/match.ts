import type {
  Account,
  Bid,
  EquivalenceClass,
  Grant,
  IneligibleReason,
  JobSpec,
  PeerId,
  ReplicaKey
} from '@rayswarm/interface'
import { BPS, GRANTS_PER_REPLY_MAX } from '@rayswarm/params'
import { replicaId, sha256, toHex } from '@rayswarm/wire'
import { priceOf } from './quote.ts'

/** A replica that nobody holds. */
export interface OpenReplica {
  readonly replica: ReplicaKey
  readonly workUnits: number
  /** Who holds, or held, another replica or a failed generation of this subtask. */
  readonly holders: readonly PeerId[]
  readonly accounts: readonly Account[]
  /** Fixed by the first grant of the subtask. */
  readonly equivalenceClass?: EquivalenceClass
  /** Lower first. */
  readonly priority: number
}

/** A bid that waits for its answer. */
export interface StandingBid {
  readonly bid: Bid
  readonly node: PeerId
  readonly scoreBps: number
  /** Executions the node may be given now. */
  readonly places: number
}

export interface MatchResult {
  readonly grants: Grant[]
  /** Why the others got nothing. */
  readonly reasons: Map<PeerId, IneligibleReason>
}

/** What one match has fixed about a subtask so far. */
interface Taken {
  readonly holders: Set<PeerId>
  readonly accounts: Set<Account>
  equivalenceClass: EquivalenceClass | undefined
}

/**
 * Give open replicas to bids. Best value first, one replica each in every round, so that whoever may take something gets
 * something before anybody gets more.
 *
 * The replicas of one subtask go to distinct peers with distinct accounts, all in one equivalence class. The answer does
 * not depend on the order of either list.
 *
 * @see spec/market.md#match
 */
export function match(
  spec: JobSpec,
  open: readonly OpenReplica[],
  bids: readonly StandingBid[]
): MatchResult {
  const inOrder = [...open].sort(compareOpen)
  const reasons = new Map<PeerId, IneligibleReason>()
  const admitted: StandingBid[] = []

  for (const standing of ranked(bids, inOrder)) {
    const reason = refusal(spec, standing)
    if (reason === undefined) admitted.push(standing)
    else reasons.set(standing.node, reason)
  }

  const grants = deal(inOrder, admitted)
  const granted = new Set(grants.map(grant => grant.holder))
  const before = [...takenOf(inOrder).values()]
  for (const { bid, node } of admitted)
    if (!granted.has(node)) reasons.set(node, lossReason(before, bid, node))
  return { grants, reasons }
}

/** Deal round by round until nobody can take any more. */
function deal(inOrder: readonly OpenReplica[], admitted: readonly StandingBid[]): Grant[] {
  const subtasks = takenOf(inOrder)
  const grants: Grant[] = []
  const remaining = new Set(inOrder)
  let hungry = admitted

  for (let round = 0; round < GRANTS_PER_REPLY_MAX && hungry.length > 0; round++) {
    const fed: StandingBid[] = []
    for (const standing of hungry) {
      const { bid, node } = standing
      if (round >= placesOf(standing)) continue
      const found = firstFor(remaining, subtasks, bid, node)
      if (found === undefined) continue

      remaining.delete(found)
      const taken = subtasks.get(found.replica.subtask)!
      taken.holders.add(node)
      taken.accounts.add(bid.account)
      taken.equivalenceClass ??= bid.equivalenceClass
      const price = priceOf(found.workUnits, bid.pricePerMegaUnit)
      grants.push({ replica: found.replica, holder: node, account: bid.account, price })
      fed.push(standing)
    }
    hungry = fed
  }
  return grants
}

function firstFor(
  remaining: ReadonlySet<OpenReplica>,
  subtasks: ReadonlyMap<number, Taken>,
  bid: Bid,
  node: PeerId
): OpenReplica | undefined {
  for (const replica of remaining) {
    const taken = subtasks.get(replica.replica.subtask)!
    if (obstacle(taken, bid, node) === undefined) return replica
  }
  return undefined
}

function obstacle(taken: Taken, bid: Bid, node: PeerId): IneligibleReason | undefined {
  if (taken.holders.has(node) || taken.accounts.has(bid.account)) return 'same-holder'
  if (taken.equivalenceClass !== undefined && taken.equivalenceClass !== bid.equivalenceClass)
    return 'class-mismatch'
  return undefined
}

/** What is fixed about each subtask before anything is dealt. */
function takenOf(open: readonly OpenReplica[]): Map<number, Taken> {
  const subtasks = new Map<number, Taken>()
  for (const { replica, holders, accounts, equivalenceClass } of open) {
    const taken = subtasks.get(replica.subtask) ?? {
      holders: new Set(),
      accounts: new Set(),
      equivalenceClass: undefined
    }
    for (const holder of holders) taken.holders.add(holder)
    for (const account of accounts) taken.accounts.add(account)
    taken.equivalenceClass ??= equivalenceClass
    subtasks.set(replica.subtask, taken)
  }
  return subtasks
}

/** Why this bid gets nothing whatever the others are. */
function refusal(spec: JobSpec, standing: StandingBid): IneligibleReason | undefined {
  const { bid } = standing
  if (bid.pricePerMegaUnit > spec.pricePerMegaUnitMax) return 'price-too-high'
  if (bid.memoryBytes < spec.memoryBytes) return 'memory-too-low'
  return placesOf(standing) <= 0 ? 'busy' : undefined
}

/** Why an admitted bid came away empty: the obstacle nearest to success. */
function lossReason(before: readonly Taken[], bid: Bid, node: PeerId): IneligibleReason {
  let reason: IneligibleReason = 'no-open-replica'
  for (const taken of before) {
    const found = obstacle(taken, bid, node)
    if (found === undefined) return 'outbid'
    if (found === 'class-mismatch' || reason === 'no-open-replica') reason = found
  }
  return reason
}

function placesOf({ bid, places }: StandingBid): number {
  return Math.min(bid.freePlaces, places)
}

/** Best value first, one bid per node. Ties go by a hash over what is open, so that they fall differently every time. */
function ranked(bids: readonly StandingBid[], inOrder: readonly OpenReplica[]): readonly StandingBid[] {
  const text = new TextEncoder()
  const seed = inOrder[0] === undefined ? '' : replicaId(inOrder[0].replica)
  const hashed = bids.map(standing => {
    const { bid, node, places } = standing
    const rest = `${bid.account} ${bid.equivalenceClass} ${bid.freePlaces} ${bid.memoryBytes} ${places}`
    return { standing, hash: toHex(sha256(text.encode(`${seed} ${node}`))), rest: `${node} ${rest}` }
  })
  hashed.sort(
    (a, b) =>
      compareValue(a.standing, b.standing) || compareText(a.hash, b.hash) || compareText(a.rest, b.rest)
  )
  const seen = new Set<PeerId>()
  return hashed.flatMap(({ standing }) => {
    if (seen.has(standing.node)) return []
    seen.add(standing.node)
    return [standing]
  })
}

/** A node of full score may ask twice the price of one without any and is still taken first. */
function compareValue(a: StandingBid, b: StandingBid): number {
  const left = a.bid.pricePerMegaUnit * weightOf(b)
  const right = b.bid.pricePerMegaUnit * weightOf(a)
  if (left !== right) return left < right ? -1 : 1
  return b.scoreBps - a.scoreBps
}

function weightOf({ scoreBps }: StandingBid): bigint {
  const bps = Math.min(Math.max(Math.trunc(scoreBps), 0), Number(BPS))
  return BPS + BigInt(bps)
}

function compareOpen(a: OpenReplica, b: OpenReplica): number {
  return (
    a.priority - b.priority ||
    a.replica.subtask - b.replica.subtask ||
    a.replica.replica - b.replica.replica ||
    a.replica.generation - b.replica.generation
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
