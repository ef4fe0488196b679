import type { Identity, PeerId } from '@rayswarm/interface'
import type { NodeSettings, Peer } from '@rayswarm/peer'
import {
  HostClock,
  MemoryStore,
  type ProcessClock,
  ProcessStore,
  type SeededChance,
  type Trace,
  type VirtualClock,
  VirtualKeys,
  type WriteFate
} from '@rayswarm/simulation'
import { peerIdOf, toAccount, toHex } from '@rayswarm/wire'
import { ADVERSARIES, type Adversary, type AdversaryKind } from './adversaries.ts'
import type { Victim } from './fault-maker.ts'
import type { Faults, WorldInit } from './world-init.ts'

const BPS = 10_000
const HONEST: Adversary = { earnsNothing: false }

/** A machine of the world: its disk, its clock and its key outlive the processes that run on it. */
export interface Host extends Victim {
  readonly name: string
  readonly identity: Identity
  readonly account: string
  readonly disk: MemoryStore
  readonly kind: AdversaryKind | undefined
  process: { readonly peer: Peer; readonly clock: ProcessClock; readonly store: ProcessStore } | undefined
  /** It will not be started again. */
  gone: boolean
}

/** The machines of a world, the creator's first. */
export function hostsOf(init: WorldInit, world: VirtualClock, chance: SeededChance): readonly Host[] {
  const { driftBpsMax, skewMsMax } = init.faults
  const kinds = kindsOf(init)
  const keys = new VirtualKeys()
  const symmetric = (): number => 2 * chance.unit() - 1
  return Array.from({ length: init.nodeCount + 1 }, (_, index) => {
    const kind = kinds[index]
    const peerId: PeerId = peerIdOf(chance.bytes(32))
    const { crashEveryMs } = adversaryOf(kind)
    return {
      name: index === 0 ? 'creator' : kind === undefined ? `node-${index}` : `node-${index} (${kind})`,
      peerId,
      identity: keys.identity(peerId, chance.bytes(32)),
      account: toAccount(toHex(chance.bytes(20)))!,
      disk: new MemoryStore(),
      clock: new HostClock(world, {
        rate: 1 + (symmetric() * driftBpsMax) / BPS,
        aheadMs: Math.floor(symmetric() * skewMsMax)
      }),
      kind,
      creator: index === 0,
      ...(crashEveryMs === undefined ? {} : { crashEveryMs }),
      process: undefined,
      gone: false
    }
  })
}

/** How a host of that kind misbehaves. */
export function adversaryOf(kind: AdversaryKind | undefined): Adversary {
  return kind === undefined ? HONEST : ADVERSARIES[kind]
}

/** What a node takes: everything. */
export function nodeSettingsOf(account: string): NodeSettings {
  return {
    account,
    pricePerMegaUnitMin: 1n,
    memoryBytes: 8 * 2 ** 30,
    workloads: ['render'],
    creatorScoreMinBps: 0
  }
}

/** The host's disk as a new process of it finds it, with the world's faults in it. */
export function diskOf(
  host: Host,
  world: { clock: ProcessClock; chance: SeededChance; faults: Faults; trace: Trace },
  onDeath: (downMs: number) => void
): ProcessStore {
  const { clock, chance, trace } = world
  const { crashEveryWrites, diskFullBps, diskLatencyMsMax, downMsMax } = world.faults
  const disk = adversaryOf(host.kind).forgets === true ? new MemoryStore() : host.disk
  let writesLeft = crashEveryWrites === 0 ? 0 : Math.ceil(-Math.log(1 - chance.unit()) * crashEveryWrites)
  const fate = (): WriteFate => {
    // Without such crashes the count begins at nought, and never meets it again.
    if (--writesLeft === 0) return chance.unit() < 0.5 ? 'lost' : 'unseen'
    return diskFullBps > 0 && chance.unit() * BPS < diskFullBps ? 'refused' : 'kept'
  }
  return new ProcessStore(disk, {
    fate,
    onDeath: () => onDeath(chance.unit() * downMsMax),
    onWrite: (key, value) =>
      trace.add(value === undefined ? 'delete' : 'write', host.peerId, key, undefined, value),
    ...(diskLatencyMsMax === 0 ? {} : { slow: { clock, latencyMs: () => chance.unit() * diskLatencyMsMax } })
  })
}

/** What each host is, by its index; the creator is the first. */
function kindsOf({ liarCount = 0, adversaries = [], nodeCount }: WorldInit): (AdversaryKind | undefined)[] {
  const kinds: (AdversaryKind | undefined)[] = [undefined]
  for (const { kind, count } of [{ kind: 'garbage' as const, count: liarCount }, ...adversaries]) {
    const { creatorGoneAfterMs, isDrawn } = ADVERSARIES[kind]
    // The creator or drawn witnesses: no node is needed for that.
    if (creatorGoneAfterMs === undefined && isDrawn !== true) kinds.push(...new Array(count).fill(kind))
  }
  if (kinds.length > nodeCount + 1)
    throw new RangeError(`${kinds.length - 1} adversaries among ${nodeCount} nodes`)
  return kinds
}
