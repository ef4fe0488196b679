import type { PeerId } from '@rayswarm/interface'
import type { FaultRule } from '@rayswarm/network'
import { present } from '../present.ts'
import type { ByzantineKind, Fault } from './faults.ts'

const BPS = 10_000

/** A fault that holds, with its targets chosen. */
export interface ActiveFault {
  readonly id: number
  readonly fault: Fault
  readonly targets: readonly string[]
  readonly against?: readonly string[]
}

/** What a peer process is to suffer right now. It is told the whole of it each time, so that a restart changes nothing. */
export interface PeerState {
  /** By peer id: what goes wrong on the way to and from it. */
  readonly links: Readonly<Record<PeerId, FaultRule>>
  readonly skewMs: number
  readonly driftBps: number
  readonly byzantine?: ByzantineKind
  /** Write down the first word that comes from one of these. */
  readonly awaited?: readonly PeerId[]
}

/** Nothing wrong. */
export const CALM: PeerState = { links: {}, skewMs: 0, driftBps: 0 }

/** A peer as the faults see it. */
export interface Member {
  readonly name: string
  readonly peerId: PeerId
  /** Misbehaves from the start. */
  readonly byzantine?: ByzantineKind
}

/** One-way delays between members, by place. */
export type DelayOf = (from: string, to: string) => number

/** What each member suffers, from the faults that hold. The last one wins where only one can. */
export function statesOf(
  members: readonly Member[],
  faults: readonly ActiveFault[],
  delayMs: DelayOf = () => 0,
  awaited: ReadonlyMap<string, readonly PeerId[]> = new Map()
): Map<string, PeerState> {
  const states = new Map<string, PeerState>()
  for (const member of members) {
    const links: Record<PeerId, FaultRule> = {}
    for (const other of members) {
      if (other.name === member.name) continue
      const rule = ruleBetween(member.name, other.name, faults, delayMs(member.name, other.name))
      if (Object.keys(rule).length > 0) links[other.peerId] = rule
    }
    const own = faults.filter(({ targets }) => targets.includes(member.name)).map(({ fault }) => fault)
    const clock = own.findLast(({ kind }) => kind === 'clock')
    const byzantine = own.findLast(({ kind }) => kind === 'byzantine')?.as ?? member.byzantine
    states.set(member.name, {
      links,
      skewMs: clock?.skewMs ?? 0,
      driftBps: clock?.driftBps ?? 0,
      ...present({ byzantine, awaited: awaited.get(member.name) })
    })
  }
  return states
}

/** What goes wrong between a peer and another, seen from the first: empty when nothing does. */
function ruleBetween(
  self: string,
  other: string,
  faults: readonly ActiveFault[],
  delayMs: number
): FaultRule {
  let isCutIn = false
  let isCutOut = false
  let passedBps = BPS
  let latencyMs = delayMs
  let jitterMs = 0
  let bytesPerS = 0
  for (const active of faults) {
    const side = sideOf(active, self, other)
    if (side === undefined) continue
    const { fault } = active
    if (fault.kind === 'partition') {
      const { direction = 'both' } = fault
      if (direction === 'both' || (direction === 'in') === (side === 'target')) isCutIn = true
      if (direction === 'both' || (direction === 'out') === (side === 'target')) isCutOut = true
    } else if (fault.kind === 'link') {
      passedBps = (passedBps * (BPS - (fault.lossBps ?? 0))) / BPS
      latencyMs += fault.latencyMs ?? 0
      jitterMs += fault.jitterMs ?? 0
      if (fault.bytesPerS !== undefined)
        bytesPerS = Math.min(bytesPerS || Number.MAX_SAFE_INTEGER, fault.bytesPerS)
    }
  }
  const lossBps = BPS - Math.floor(passedBps)
  return {
    ...(isCutIn || isCutOut ? { cut: isCutIn && isCutOut ? 'both' : isCutIn ? 'in' : 'out' } : {}),
    ...(lossBps > 0 ? { lossBps } : {}),
    ...(latencyMs > 0 ? { latencyMs } : {}),
    ...(jitterMs > 0 ? { jitterMs } : {}),
    ...(bytesPerS > 0 ? { bytesPerS } : {})
  }
}

/** Whether a fault lies between two peers, and at which end the first one is. */
function sideOf(
  { targets, against }: ActiveFault,
  self: string,
  other: string
): 'target' | 'other' | undefined {
  const isTarget = targets.includes(self)
  const isOther = targets.includes(other)
  // Without another side named, a fault lies between the targets and everybody else.
  if (isTarget && (against === undefined ? !isOther : against.includes(other))) return 'target'
  if (isOther && (against === undefined ? !isTarget : against.includes(self))) return 'other'
  return undefined
}

/** Pairs on either side of a partition: who may hear of whom again when it ends. */
export function severed(
  members: readonly Member[],
  { targets, against }: ActiveFault
): Map<string, PeerId[]> {
  const idsOf = (names: readonly string[]): PeerId[] =>
    members.filter(({ name }) => names.includes(name)).map(({ peerId }) => peerId)
  const others = against ?? members.map(({ name }) => name).filter(name => !targets.includes(name))
  const result = new Map<string, PeerId[]>()
  for (const name of targets) result.set(name, idsOf(others))
  for (const name of others) result.set(name, idsOf(targets))
  return result
}
