import type {
  Amount,
  JobId,
  JobSpec,
  Offer,
  Raster,
  Receipt,
  SettlementOrder,
  SettlementOutcome,
  Signed,
  SubtaskOutput
} from '@rayswarm/interface'
import { payoutsOf, receiptsTree } from '@rayswarm/settlement'
import { toHex } from '@rayswarm/wire'
import { decodeOutput, FrameAssembler } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { PublishedJob } from './creator-role.ts'
import { JobDriver } from './job-driver.ts'
import type { SubtaskTrack } from './job-state.ts'
import type { LedgerRole } from './ledger-role.ts'
import type { KnownOffer, OfferBook } from './offer-book.ts'
import type { ExecutionReport, JobReport } from './report.ts'
import type { WitnessRole } from './witness-role.ts'

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
  report: JobReport | undefined

  constructor(
    readonly components: RoleComponents,
    readonly roles: {
      readonly offers: OfferBook
      readonly witness: WitnessRole
      readonly ledger: LedgerRole
    },
    offer: KnownOffer
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
    this.driver.scope.spawn('frames', () => this.#reassemble())
  }

  stop(): Promise<void> {
    return this.driver.stop()
  }

  async #reassemble(): Promise<void> {
    const { assets, params, network } = this.components
    for (const track of this.driver.state.tracks) {
      const { state, result } = track.record
      if (state !== 'accepted' || result === undefined || track.outputs.size > 0) continue
      const bytes = await assets.fetchBytes(result, {
        providers: [network.peerId],
        sizeBytesMax: Number.MAX_SAFE_INTEGER,
        timeoutMs: params.resultTimeoutMs,
        signal: this.driver.scope.signal
      })
      const decoded = decodeOutput(bytes, track.subtask)
      if (decoded.ok) await this.#assemble(track, decoded.value)
    }
  }

  async #assemble(track: SubtaskTrack, output: SubtaskOutput): Promise<void> {
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
    const { chain, events } = this.components
    await this.driver.state.saved()
    const receipts = this.#receipts()
    const tree = receiptsTree(receipts)
    const order: SettlementOrder = {
      escrow: this.#offer.body.escrow,
      payouts: payoutsOf(receipts),
      receiptsRoot: tree.root
    }
    const { locked, state } = await this.#persevere('escrow read', () => chain.escrow(order.escrow))
    const outcome =
      state === 'refunded'
        ? refundedOutcome(locked)
        : await this.#persevere('settlement', async () =>
            chain.settle(order, await chain.signSettlement(order))
          )
    const report: JobReport = {
      job: this.job,
      end,
      subtaskCount: this.driver.state.tracks.length,
      acceptedCount: this.driver.state.count('accepted'),
      executions: this.#executions(),
      receipts,
      receiptsRoot: tree.root,
      escrow: order.escrow,
      locked,
      outcome
    }
    await this.roles.ledger.append({
      kind: 'job-receipt',
      job: this.job,
      escrow: order.escrow.id,
      receiptsRoot: tree.root,
      txHash: outcome.txHash,
      paid: outcome.paid
    })
    this.roles.offers.close(this.job)
    await this.driver.announceClosed()
    await this.components.store.delete(`offer/${this.job}`)
    await this.roles.witness.forget(this.job)
    this.report = report
    if (end !== 'complete')
      events.emit('job:expired', {
        job: this.job,
        acceptedCount: report.acceptedCount,
        subtaskCount: report.subtaskCount
      })
    events.emit('job:settled', { job: this.job, outcome })
    this.#resolve(report)
  }

  /** The chain may be away for a while; money waits for it. */
  async #persevere<T>(what: string, fn: () => Promise<T>): Promise<T> {
    const { params, log } = this.components
    for (let attempt = 0; ; attempt++) {
      try {
        return await fn()
      } catch (cause) {
        log.warn(`${what} failed`, { job: this.job, attempt, cause })
        await this.driver.scope.sleep(params.offerRepeatMs * 2 ** Math.min(attempt, 4))
      }
    }
  }

  #receipts(): Receipt[] {
    return this.driver.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => {
        const { grant, attestation, verdict, reason } = record
        if (verdict !== 'accepted' || reason !== undefined || !grant || !attestation) return []
        const { holder, account, price } = grant.body
        const replica = this.driver.state.key(track, record)
        const digest = toHex(attestation.body.opening.digest)
        return [{ replica, node: holder, account, gross: price, digest }]
      })
    )
  }

  #executions(): ExecutionReport[] {
    return this.driver.state.tracks.flatMap(track =>
      track.record.replicas.flatMap(record => {
        const { grant, verdict, reason, attestation, replica, generation } = record
        if (grant === undefined) return []
        return [
          {
            subtask: track.subtask.index,
            replica,
            generation,
            node: grant.body.holder,
            account: grant.body.account,
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
  return { txHash: NO_TRANSACTION, paid: 0n, burned: 0n, treasury: 0n, refunded: locked, credits: [] }
}
