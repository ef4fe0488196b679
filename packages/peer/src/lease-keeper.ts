import { RayswarmError, type ReplicaKey, type Timer } from '@rayswarm/interface'
import { LEASE_RENEWALS_PER_TERM } from '@rayswarm/params'
import type { RoleComponents } from './components.ts'
import type { HeldLease, WitnessQuorum } from './witness-quorum.ts'

/** Renewals in a row that show the certificate. */
const PROVEN_COUNT = 2

export interface LeaseKeeperInit {
  /** Finished share of the execution, `0..1`. */
  readonly progress: () => number
  /** Called at most once, when somebody else is proven to hold a higher fence. */
  readonly onLost: (error: RayswarmError) => void
  /** Too few witnesses answer, again and again. */
  readonly onSilence: () => void
}

/** Renewals in a row without a quorum's answer that are no accident. */
const SILENT_COUNT = 2

/**
 * Keeps one lease alive while its replica executes.
 *
 * A lease that lapses unanswered is no reason to stop (P6): the work is done, only a higher fence makes it worthless.
 */
export class LeaseKeeper {
  #timer: Timer | undefined
  #stopped = false
  /** Renewals that still show the lease's certificate. */
  #unprovenCount = PROVEN_COUNT
  #silentCount = 0
  readonly #held: HeldLease
  readonly #replica: ReplicaKey
  readonly #fence: number

  constructor(
    held: HeldLease,
    readonly quorum: WitnessQuorum,
    readonly components: RoleComponents,
    readonly init: LeaseKeeperInit
  ) {
    this.#held = held
    this.#replica = held.cert.replica
    this.#fence = held.cert.fence
  }

  /** The first renewal goes out at once: it turns the witness's short promise into a term. */
  start(): void {
    void this.#renew()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #renew(): Promise<void> {
    const { params } = this.components
    const progressBps = Math.floor(this.init.progress() * 10_000)
    const prove = this.#unprovenCount > 0
    const answer = await this.quorum.renew(this.#held, progressBps, prove).catch(() => undefined)
    if (this.#stopped) return
    this.#silentCount = answer === undefined ? this.#silentCount + 1 : 0
    if (this.#silentCount >= SILENT_COUNT) this.init.onSilence()
    // A witness that refused the claim may miss one of these as well; and after a refusal all of them get another.
    this.#unprovenCount =
      answer !== undefined && 'termMs' in answer ? Math.max(0, this.#unprovenCount - 1) : PROVEN_COUNT
    if (answer !== undefined && 'termMs' in answer) {
      // The shortest term of a quorum may be a liar's: it sets no pace that hurts the honest ones.
      return this.#schedule(Math.max(answer.termMs / LEASE_RENEWALS_PER_TERM, params.leaseRetryMs))
    }
    if (answer !== undefined && ((answer.fence ?? 0) > this.#fence || answer.reason === 'done')) {
      this.stop()
      return this.init.onLost(
        new RayswarmError('ERR_LEASE_LOST', `lost the lease of subtask ${this.#replica.subtask}`, {
          thing: 'fence',
          value: this.#fence
        })
      )
    }
    // Neither a refusal nor lasting silence will turn soon: the work goes on all the same, and its commit is what counts.
    const isLasting = answer !== undefined || this.#silentCount >= SILENT_COUNT
    this.#schedule(isLasting ? params.leaseTermMsMin / LEASE_RENEWALS_PER_TERM : params.leaseRetryMs)
  }

  #schedule(delayMs: number): void {
    this.#timer = this.components.clock.after(delayMs, () => void this.#renew())
  }
}
