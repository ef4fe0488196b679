import type {
  Appointment,
  Beacon,
  BeaconValue,
  JobId,
  Offer,
  Registration,
  Registry
} from '@rayswarm/interface'
import { drawWitnesses, inViews, type RaceTable, raceOf } from '@rayswarm/lease'
import { appointmentHash } from '@rayswarm/settlement'
import type { RoleComponents } from './components.ts'

/** Registry snapshots kept for draws: epochs pass slowly. */
const SNAPSHOT_COUNT_MAX = 8

/** Who was drawn for a job, and by which luck. */
export interface Drawn {
  /** In draw order, view after view. */
  readonly witnesses: readonly Registration[]
  readonly beacon: BeaconValue
  /** The registry of the draw, for claims without a grant. */
  readonly race: RaceTable
}

/** What the chain and the registry must say before a drawn offer is believed. */
export type DrawFault =
  | 'no-registry' // this swarm has none
  | 'not-final' // the escrow is not there yet, or not deep enough
  | 'wrong-epoch' // not the epoch in which the beacon spoke
  | 'too-few' // the registry of that epoch has fewer eligible operators
  | 'not-appointed' // the escrow does not name the drawn witnesses

/** What the escrow of a drawn offer must say. */
export function appointmentOf({ witnesses }: Drawn, { witness }: Pick<Offer, 'witness'>): Appointment {
  const accounts = witnesses.map(({ account }) => account)
  return { views: inViews(accounts, witness), quorum: witness.quorum }
}

/** Draws the witnesses of jobs. */
export class Draws {
  readonly #snapshots = new Map<number, Promise<{ table: RaceTable; entries: readonly Registration[] }>>()

  constructor(readonly components: RoleComponents) {}

  /**
   * Draw for an offer, and check that its escrow names exactly those drawn.
   *
   * @throws what the registry, the beacon and the chain throw
   */
  async of(job: JobId, offer: Offer): Promise<Drawn | DrawFault> {
    const { registry, beacon, chain } = this.components
    if (registry === undefined || beacon === undefined || offer.drawEpoch === undefined) return 'no-registry'
    // At once: most beacons ask the chain too.
    const [{ state, final, appointed }, drawn] = await Promise.all([
      chain.escrow(offer.escrow),
      this.draw({ registry, beacon }, job, offer)
    ])
    if (state === 'none' || !final) return 'not-final'
    if (typeof drawn === 'string') return drawn
    return appointed === appointmentHash(appointmentOf(drawn, offer)) ? drawn : 'not-appointed'
  }

  /** Draw, before anybody was appointed. */
  async draw(
    { registry, beacon }: { registry: Registry; beacon: Beacon },
    job: JobId,
    offer: Pick<Offer, 'spec' | 'escrow' | 'witness' | 'drawEpoch'>
  ): Promise<Drawn | DrawFault> {
    const value = await beacon.after(offer.escrow)
    if (value === undefined) return 'not-final'
    const epoch = offer.drawEpoch!
    // Else the creator could try epochs until the draw suits it.
    if (epoch !== (value.epoch ?? epoch)) return 'wrong-epoch'
    if (epoch > (await registry.epoch())) return 'not-final'
    const { table, entries } = await this.#snapshot(registry, epoch)
    const { witnessCount } = offer.witness
    const { creator } = offer.spec
    const witnesses = drawWitnesses({ epoch, entries }, value, { job, creator, witnessCount })
    return witnesses === undefined ? 'too-few' : { witnesses, beacon: value, race: table }
  }

  #snapshot(
    registry: Registry,
    epoch: number
  ): Promise<{ table: RaceTable; entries: readonly Registration[] }> {
    let snapshot = this.#snapshots.get(epoch)
    if (snapshot === undefined) {
      snapshot = registry.snapshot(epoch).then(read => ({ table: raceOf(read), entries: read.entries }))
      // One that failed may be read again.
      snapshot.catch(() => this.#snapshots.delete(epoch))
      this.#snapshots.set(epoch, snapshot)
      for (const oldest of this.#snapshots.keys())
        if (this.#snapshots.size > SNAPSHOT_COUNT_MAX) this.#snapshots.delete(oldest)
    }
    return snapshot
  }
}
