import type {
  Amount,
  Checkout,
  Cid,
  Escrow,
  IneligibleReason,
  Refusal,
  ReplicaKey,
  Runner,
  Session,
  Subtask,
  Unsubscribe
} from '@rayswarm/interface'
import { claimBackoffMs, viewOf } from '@rayswarm/lease'
import { deadlineAtMs, quote } from '@rayswarm/market'
import { canonical, replicaId } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { KnownOffer } from './offer-book.ts'
import { Openings } from './openings.ts'
import { Scope } from './scope.ts'

/** One job as a node sees it: its scene, loaded once, and what this node has under way for it. */
export class NodeJob {
  readonly scope: Scope
  /** Ends before the rest when the node is drained. */
  readonly executions: Scope
  readonly running = new Set<string>()
  readonly priceMax: Amount
  /** Since when we know the job. */
  readonly sinceMs: number
  /** No bid before this instant. */
  bidAtMs: number
  reason: IneligibleReason | undefined
  escrow: Escrow | undefined
  failureCount = 0
  /** Claims in a row that were refused. */
  refusalCount = 0
  /** Bids in a row that we did not even make. */
  declineCount = 0
  sealedCount = 0
  /** Bids in a row that the creator left unanswered, and when it is asked again. */
  silenceCount = 0
  askCreatorAtMs = 0
  readonly openings: Openings
  readonly #sealedSubtasks = new Set<number>()
  /** A bid is under way: grants may come. */
  bidding = false
  #retired = false
  #fetched = false
  #budget: Amount | undefined
  #checkout: Checkout | undefined
  #session: Promise<Session> | undefined
  readonly #waiting = new Set<() => void>()

  constructor(
    readonly components: RoleComponents,
    readonly offer: KnownOffer
  ) {
    this.priceMax = offer.signed.body.spec.pricePerMegaUnitMax
    this.sinceMs = components.clock.nowMs()
    // Many hear of a job with witnesses in the same moment, and do not all turn to the same few peers at once.
    const spreadMs = offer.drawn === undefined ? 0 : components.params.bidPollMs / 2
    this.bidAtMs = this.sinceMs + spreadMs * components.chance.unit()
    this.scope = new Scope(components)
    this.executions = new Scope(components)
    this.openings = new Openings(components, this.scope, offer)
  }

  /** Made on first use: a stranger's list may be long, so its escrow is looked at before. */
  get subtasks(): readonly Subtask[] {
    return split(this.offer.signed.body.spec)
  }

  /** What the escrow must hold. */
  get budget(): Amount {
    this.#budget ??= quote(this.offer.signed.body.spec, this.subtasks).budget
    return this.#budget
  }

  /** Whether we execute, or have executed, a replica of a subtask: no other of it is for us. */
  hasPart(subtask: number): boolean {
    if (this.#sealedSubtasks.has(subtask)) return true
    const prefix = `${this.offer.job}/${subtask}/`
    return [...this.running].some(id => id.startsWith(prefix))
  }

  /** Whether a replica may be granted to us. The creator may not know yet that the view it grants in has no quorum. */
  isFree(replica: ReplicaKey): boolean {
    const isOfJob = replica.job === this.offer.job && this.subtasks[replica.subtask] !== undefined
    const isOfView = viewOf(replica.generation) === this.openings.view
    return isOfJob && isOfView && !this.running.has(replicaId(replica))
  }

  noteSealed(subtask: number): void {
    this.#sealedSubtasks.add(subtask)
  }

  /** No quorum answers: whoever takes over is asked next. */
  onSilence({ generation }: ReplicaKey): void {
    this.openings.lose(viewOf(generation))
    this.onRefusal({ reason: 'overloaded' })
  }

  /** Others were first, or some witnesses are not of one mind with the one we asked: reach again later, and later. */
  onRefusal({ reason, leftMs = 0 }: Refusal): void {
    const { chance, clock, log, params } = this.components
    log.debug('claim refused', { job: this.offer.job, reason })
    const backoffMs = claimBackoffMs(this.refusalCount++, chance.unit(), params)
    const waitMs = Math.min(Math.max(backoffMs, leftMs), params.bidPollMs)
    this.bidAtMs = Math.max(this.bidAtMs, clock.nowMs() + waitMs)
  }

  /** Whether to leave the creator alone for now. Where it is the only witness there is nobody else to ask. */
  get isCreatorSilent(): boolean {
    return this.offer.drawn !== undefined && this.components.clock.nowMs() < this.askCreatorAtMs
  }

  get busy(): boolean {
    return this.bidding || this.#hasWork
  }

  /** Replicas that are executed, closed or waiting for their opening. */
  get pendingCount(): number {
    return this.running.size + this.sealedCount
  }

  get #hasWork(): boolean {
    return this.pendingCount > 0
  }

  /** When its creator may take the money back: nothing is paid any more. */
  get refundAtMs(): number {
    return deadlineAtMs(this.offer.signed.body) + this.components.params.refundGraceMs
  }

  /** Whether pay may still come of it: what is sealed by the deadline is opened and paid after it. */
  get isOwed(): boolean {
    return this.#hasWork && this.components.clock.nowMs() < this.refundAtMs
  }

  /** The creator needs nobody any more: nothing is left but to hear of the pay. */
  get retired(): boolean {
    return this.#retired
  }

  async retire(): Promise<void> {
    this.#retired = true
    await this.close()
    await this.forget()
  }

  /** Fetch the assets and load the scene, once. A failure may be tried again. */
  session(runner: Runner): Promise<Session> {
    this.#session ??= this.#load(runner).catch(cause => {
      this.#session = undefined
      throw cause
    })
    return this.#session
  }

  async #load(runner: Runner): Promise<Session> {
    const { assets, params } = this.components
    const { spec } = this.offer.signed.body
    const checkout = await assets.checkout(spec.manifest, {
      providers: [spec.creator, ...this.openings.members],
      sizeBytesMax: spec.assetsSizeBytes,
      timeoutMs: params.assetsTimeoutMs,
      signal: this.scope.signal
    })
    this.#checkout = checkout
    this.#fetched = true
    try {
      return await runner.open(spec, checkout.dir)
    } catch (cause) {
      await checkout.release()
      this.#checkout = undefined
      throw cause
    }
  }

  /** Listen for word that a replica of the job was sealed. */
  onWake(wake: () => void): Unsubscribe {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  /** Remember a result that must stay fetchable until the job is closed. */
  async keep(result: Cid): Promise<void> {
    await this.components.store.put(`kept/${this.offer.job}/${result}`, canonical(this.refundAtMs))
  }

  /** Stop everything under way for this job; results stay. */
  async close(): Promise<void> {
    const closing = Promise.all([this.executions.close(), this.scope.close()])
    const session = await this.#session?.catch(() => undefined)
    await closing
    await session?.close()
    await this.#checkout?.release()
    this.#session = this.#checkout = undefined
  }

  /** The job is over: drop its assets, results and seals. Its witnesses keep what they vouch for until its time is over. */
  async forget(): Promise<void> {
    const { assets, store } = this.components
    const { job, signed } = this.offer
    for await (const [key] of store.list(`sealed/${job}/`)) await store.delete(key)
    if ((await store.get(`witnessed/${job}`)) !== undefined) return
    for await (const [key] of store.list(`kept/${job}/`)) {
      await assets.unpin(key.slice(`kept/${job}/`.length)).catch(() => undefined)
      await store.delete(key)
    }
    if (this.#fetched) await assets.unpin(signed.body.spec.manifest).catch(() => undefined)
  }
}
