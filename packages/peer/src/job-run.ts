import type {
  Amount,
  JobId,
  JobSpec,
  LedgerEntry,
  Offer,
  Raster,
  SettlementOutcome,
  Signed,
  SubtaskOutput
} from '@rayswarm/interface'
import { deadlineAtMs } from '@rayswarm/market'
import { canonical } from '@rayswarm/wire'
import { FrameAssembler } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { PublishedJob } from './creator-role.ts'
import { appointmentOf } from './draws.ts'
import { JobDriver } from './job-driver.ts'
import { holderOf, type SubtaskTrack } from './job-state.ts'
import type { JudgeRoles } from './judge-role.ts'
import type { KnownOffer } from './offer-book.ts'
import { type Due, dueOf } from './receipts.ts'
import type { ExecutionReport, JobReport } from './report.ts'
import { fetchResult } from './results.ts'

const NO_TRANSACTION = `0x${'0'.repeat(64)}`

/** One published job, from its offer to its money: drives it, assembles its frames, settles it. */
export class JobRun {
  readonly job: JobId
  readonly driver: JobDriver
  readonly published: PublishedJob
  readonly #assembler: FrameAssembler
  readonly #spec: JobSpec
  readonly #offer: Signed<Offer>
  readonly #resolve: (report: JobReport) => void
  readonly #assembled = new Set<SubtaskTrack>()
  #reassembled: Promise<void> = Promise.resolve()
  report: JobReport | undefined

  constructor(
    readonly components: RoleComponents,
    readonly roles: JudgeRoles,
    readonly offer: KnownOffer
  ) {
    this.job = offer.job
    this.#offer = offer.signed
    this.#spec = offer.signed.body.spec
    this.driver = new JobDriver(components, roles, {
      offer,
      onAccepted: (track, output) => this.#assemble(track, output),
      onEnd: end => this.driver.scope.spawn('settlement', () => this.#settle(end))
    })
    this.#assembler = new FrameAssembler(
      this.#spec,
      this.driver.state.tracks.map(track => track.subtask)
    )
    let resolve: (report: JobReport) => void = () => {}
    const done = new Promise<JobReport>(fn => {
      resolve = fn
    })
    this.#resolve = resolve
    this.published = { job: this.job, spec: this.#spec, done }
  }

  /** Start or resume. Frames of accepted results are assembled again: a restart loses no picture. */
  async start(): Promise<void> {
    await this.driver.start()
    this.driver.scope.spawn('frames', () => {
      this.#reassembled = this.#reassemble()
      return this.#reassembled
    })
  }

  stop(): Promise<void> {
    return this.driver.stop()
  }

  async #reassemble(): Promise<void> {
    const { log } = this.components
    for (const track of this.driver.state.tracks) {
      const accepted = track.record.replicas.find(r => r.attestation?.body.result === track.record.result)
      if (track.record.state !== 'accepted' || accepted === undefined || this.#assembled.has(track)) continue
      const attestation = accepted.attestation!.body
      try {
        const providers = [attestation.holder, ...this.driver.witnesses]
        const options = { providers, toDisk: false }
        const { driver } = this
        const fetched = await fetchResult(this.components, driver.scope, track.subtask, attestation, options)
        if ('output' in fetched) await this.#assemble(track, fetched.output)
        else log.warn('accepted result is gone', { job: this.job, subtask: track.subtask.index })
      } catch (cause) {
        log.warn('frame not assembled', { job: this.job, subtask: track.subtask.index, cause })
      }
    }
  }

  async #assemble(track: SubtaskTrack, output: SubtaskOutput): Promise<void> {
    this.#assembled.add(track)
    for (const raster of this.#assembler.add(track.subtask, output)) await this.#finish(raster)
  }

  async #finish(raster: Raster): Promise<void> {
    const { runners, events, log } = this.components
    const runner = runners.find(r => r.engine === this.#spec.work.engine)
    if (runner === undefined)
      return log.warn('no engine to finish frames', { engine: this.#spec.work.engine })
    const artifacts = await runner.finish(this.#spec, raster)
    events.emit('frame:finished', { job: this.job, frame: raster.frame, artifacts })
  }

  /** Pay what was accepted, get the rest back, say so in the ledger. Retried until the chain has it. */
  async #settle(end: JobReport['end']): Promise<void> {
    const { chain, events, log } = this.components
    await this.#persevere('job state', () => this.driver.state.saved())
    // Nodes drop their results once the job is closed.
    await this.#reassembled.catch(() => undefined)
    await this.#settledByWitnesses()
    const due = dueOf(this.offer, this.driver.state)
    const { order, receipts } = due
    const executions = this.#executions()
    const acceptedCount = this.driver.state.count('accepted')
    const { locked, outcome } = await this.#persevere('settlement', async () => {
      // Read again with every attempt: once its time is out, anybody may refund it.
      const { locked, state } = await chain.escrow(order.escrow)
      const outcome = state === 'refunded' ? refundedOutcome(locked) : await this.#settlementOf(due)
      return { locked, outcome }
    })
    const { receiptsRoot } = outcome
    const ownReceiptsRoot = order.receiptsRoot
    if (ownReceiptsRoot !== receiptsRoot)
      log.warn('other receipts were settled than ours', { job: this.job, receiptsRoot, ownReceiptsRoot })
    const report: JobReport = {
      job: this.job,
      end,
      subtaskCount: this.driver.state.tracks.length,
      acceptedCount,
      executions,
      receipts,
      receiptsRoot,
      ...(ownReceiptsRoot === receiptsRoot ? {} : { ownReceiptsRoot }),
      escrow: order.escrow,
      locked,
      outcome
    }
    await this.#close(report).catch(cause => log.warn('job not closed cleanly', { job: this.job, cause }))
    this.report = report
    if (end !== 'complete')
      events.emit('job:expired', { job: this.job, acceptedCount, subtaskCount: report.subtaskCount })
    events.emit('job:settled', { job: this.job, outcome })
    this.#resolve(report)
    void this.driver.stop()
  }

  /** Where witnesses were drawn they alone settle: wait for it, and learn what they knew. */
  async #settledByWitnesses(): Promise<void> {
    const { chain, params } = this.components
    if (this.offer.drawn === undefined) return
    const { escrow } = this.#offer.body
    const isLocked = async (): Promise<boolean> => (await chain.escrow(escrow)).state === 'locked'
    while (await this.#persevere('escrow read', isLocked)) {
      await this.driver.seekWitnesses()
      await this.driver.scope.sleep(params.settleTurnMs / 4)
    }
    for (const witness of this.driver.witnesses) await this.roles.evidences.exchange(this.job, witness)
    await this.driver.state.fetched()
  }

  /** Settle by our own signature; where witnesses were drawn, read what they settled. */
  async #settlementOf({ order, receipts }: Due): Promise<SettlementOutcome> {
    const { chain, events } = this.components
    const { drawn } = this.offer
    if (drawn === undefined) {
      events.emit('settlement:signed', { job: this.job, receiptsRoot: order.receiptsRoot, receipts })
      return chain.settle(order, await chain.signSettlement(order))
    }
    return chain.settleByWitnesses(order, appointmentOf(drawn, this.#offer.body), [])
  }

  /** Say that the job is over, and drop what it needed. The money has moved: nothing here may hold up the report. */
  async #close({ escrow, outcome, receiptsRoot }: JobReport): Promise<void> {
    const { assets, store } = this.components
    const { job } = this
    const receipt = {
      kind: 'job-receipt' as const,
      job,
      escrow: escrow.id,
      receiptsRoot,
      txHash: outcome.txHash,
      paid: outcome.paid
    }
    const isOurs = ({ body }: Signed<LedgerEntry>): boolean =>
      body.claim.kind === 'job-receipt' && body.claim.escrow === escrow.id
    // A crash may have come between saying so and forgetting the job.
    const isSaid = this.offer.drawn !== undefined || [...this.roles.ledger.own()].some(isOurs)
    if (!isSaid) await this.roles.ledger.append(receipt)
    this.roles.offers.close(job)
    await this.driver.announceClosed()
    if (this.offer.drawn !== undefined)
      await store.put(`settled/${job}`, canonical(deadlineAtMs(this.#offer.body)))
    await store.delete(`offer/${job}`)
    await this.roles.witness.forget(job)
    for await (const [key] of store.list(`job/${job}/`)) await store.delete(key)
    await assets.unpin(this.#spec.manifest)
  }

  /** The chain may be away for a while, or our disk full; money waits for them. */
  #persevere<T>(what: string, fn: () => Promise<T>): Promise<T> {
    return this.driver.scope.persevere(what, this.components.params.offerRepeatMs, fn)
  }

  #executions(): ExecutionReport[] {
    return this.driver.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => {
        const { grant, verdict, reason, attestation, replica, generation } = record
        const node = holderOf(record)
        const account = attestation?.body.account ?? grant?.body.account
        if (node === undefined || account === undefined) return []
        return [
          {
            subtask: track.subtask.index,
            replica,
            generation,
            node,
            account,
            ...(verdict === undefined ? {} : { verdict }),
            ...(reason === undefined ? {} : { reason }),
            ...(attestation === undefined ? {} : { elapsedMs: attestation.body.elapsedMs })
          }
        ]
      })
    )
  }
}

/** We came too late: somebody refunded the timed-out escrow to us, and nobody can be paid from it. */
function refundedOutcome(locked: Amount): SettlementOutcome {
  return {
    txHash: NO_TRANSACTION,
    receiptsRoot: NO_TRANSACTION,
    paid: 0n,
    burned: 0n,
    treasury: 0n,
    refunded: locked,
    credits: []
  }
}
