import {
  type Beacon,
  type BeaconValue,
  type EscrowRef,
  type Hex,
  type JobId,
  type JobSpec,
  type Offer,
  RayswarmError,
  type WitnessRule
} from '@rayswarm/interface'
import { drawableCount, witnessRuleFor } from '@rayswarm/lease'
import { appointmentHash } from '@rayswarm/settlement'
import type { RoleComponents } from './components.ts'
import { appointmentOf, type DrawFault, type Drawn, type Draws } from './draws.ts'
import { Scope } from './scope.ts'

/** Looks at a beacon that has no value yet, before we give up: a chain may be slow, but not this slow. */
const BEACON_LOOK_COUNT_MAX = 600

/** Epochs that a job may be older than we remember. */
const EPOCHS_BACK_MAX = 1_000

/** What is drawn for. */
export interface AppointedJob {
  readonly job: JobId
  readonly spec: JobSpec
  readonly escrow: EscrowRef
  readonly locked: bigint
}

/** What goes into the offer, and who was drawn. */
export type Witnessing = Pick<Offer, 'witness' | 'drawEpoch'> & { readonly drawn: Drawn | undefined }

/** Finds a job's witnesses once its escrow is final, and names them on chain. */
export class Appointing {
  constructor(
    readonly components: RoleComponents,
    readonly draws: Draws
  ) {}

  /**
   * @param wanted the rule the creator asks for; by the locked amount and the size of the registry when absent
   * @throws {RayswarmError} `ERR_TOO_FEW_WITNESSES` when the registry cannot fill the asked rule; errors of chain and registry
   */
  async appoint(job: AppointedJob, wanted: WitnessRule | undefined): Promise<Witnessing> {
    const { appointed } = await this.components.chain.escrow(job.escrow)
    const witnessing = await this.#witnessing(job, wanted, appointed)
    // Our own signature settles nothing any more: nobody would be paid.
    if (witnessing.drawn === undefined && appointed !== undefined) throw otherWitnesses(job, witnessing)
    return witnessing
  }

  async #witnessing(
    job: AppointedJob,
    wanted: WitnessRule | undefined,
    appointed: Hex | undefined
  ): Promise<Witnessing> {
    const { registry, beacon, chain } = this.components
    const owner = { witness: { witnessCount: 1, quorum: 1 }, drawn: undefined }
    if (wanted?.witnessCount === 1) return owner
    if (registry === undefined || beacon === undefined) {
      if (wanted === undefined) return owner
      throw tooFew(wanted, 0)
    }
    const spoken = await this.#beaconValue(beacon, job)
    const drawEpoch = spoken.epoch ?? (await registry.epoch())
    const eligibleCount = drawableCount(await registry.snapshot(drawEpoch), job.spec.creator)
    const witness = wanted ?? witnessRuleFor(job.locked, eligibleCount)
    if (witness.witnessCount === 1) return owner
    if (eligibleCount < witness.witnessCount) throw tooFew(witness, eligibleCount)
    const offer = { spec: job.spec, escrow: job.escrow, witness, drawEpoch }
    const drawn = await this.draws.draw({ registry, beacon }, job.job, offer)
    if (typeof drawn === 'string') throw notDrawn(job.job, drawn)
    const appointment = appointmentOf(drawn, offer)
    if (appointed !== undefined && appointed !== appointmentHash(appointment))
      return this.#appointedBefore({ registry, beacon }, job, offer, appointed)
    await chain.appoint(job.escrow, appointment)
    return { witness, drawEpoch, drawn }
  }

  /** We appointed in an earlier life, of which our disk knows nothing: the epoch of that draw is found by trying. */
  async #appointedBefore(
    luck: Parameters<Draws['draw']>[0],
    appointedJob: AppointedJob,
    offer: Parameters<Draws['draw']>[2] & { drawEpoch: number },
    appointed: Hex
  ): Promise<Witnessing> {
    const { job } = appointedJob
    const { witness } = offer
    for (let back = 1; back <= EPOCHS_BACK_MAX && back <= offer.drawEpoch; back++) {
      const drawEpoch = offer.drawEpoch - back
      const drawn = await this.draws.draw(luck, job, { ...offer, drawEpoch })
      if (typeof drawn !== 'string' && appointmentHash(appointmentOf(drawn, offer)) === appointed)
        return { witness, drawEpoch, drawn }
    }
    throw otherWitnesses(appointedJob, offer)
  }

  /** The beacon speaks when the escrow is final. */
  async #beaconValue(beacon: Beacon, { job, escrow }: AppointedJob): Promise<BeaconValue> {
    const scope = new Scope(this.components)
    for (let look = 0; look < BEACON_LOOK_COUNT_MAX; look++) {
      const value = await beacon.after(escrow)
      if (value !== undefined) return value
      await scope.sleep(this.components.params.leaseRetryMs)
    }
    throw new RayswarmError('ERR_TIMEOUT', `the escrow of job ${job} does not become final`, {
      thing: 'job',
      value: job,
      remedy: 'Publish it again once the chain makes blocks: the locked money is found again.'
    })
  }
}

function tooFew({ witnessCount }: WitnessRule, eligibleCount: number): RayswarmError {
  return new RayswarmError(
    'ERR_TOO_FEW_WITNESSES',
    `${witnessCount} witnesses were asked for, the registry has ${eligibleCount} eligible operators`,
    {
      thing: 'witnesses',
      value: String(witnessCount),
      remedy: 'Ask for fewer witnesses, or publish with the creator as the only one (owner).'
    }
  )
}

function otherWitnesses({ escrow }: AppointedJob, { witness }: Pick<Offer, 'witness'>): RayswarmError {
  return new RayswarmError('ERR_JOB_INVALID', `escrow ${escrow.id} names other witnesses`, {
    thing: 'witnesses',
    value: `${witness.witnessCount}/${witness.quorum}`,
    remedy: 'Publish with the witness rule of the first time, or the same work under another nonce.'
  })
}

function notDrawn(job: JobId, fault: DrawFault): RayswarmError {
  return new RayswarmError('ERR_TIMEOUT', `the witnesses of job ${job} cannot be drawn: ${fault}`, {
    thing: 'job',
    value: job,
    remedy: 'Publish it again in a while: the locked money is found again.'
  })
}
