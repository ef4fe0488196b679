import type { CommitCert, EquivocationClaim, Escrow, JobId, PeerId, ReplicaKey } from '@rayswarm/interface'
import {
  firstGenerationOf,
  inViews,
  leaseState,
  membersOf,
  openForMs,
  renewedAtMs,
  viewOf,
  type WitnessState
} from '@rayswarm/lease'
import { deadlineAtMs, priceOf } from '@rayswarm/market'
import { OPENINGS_PAGE_COUNT_MAX } from '@rayswarm/params'
import { isOverdue } from '@rayswarm/verification'
import { type MessageOf, message } from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { Evidences } from './evidences.ts'
import { JobJudge } from './job-judge.ts'
import { holderOf, JobState, type ReplicaRecord, type SubtaskTrack } from './job-state.ts'
import { LapsedReplicas } from './lapsed.ts'
import type { KnownOffer } from './offer-book.ts'
import { operatorOf } from './race.ts'
import { type Due, dueOf } from './receipts.ts'
import { Scope } from './scope.ts'
import type { Standby } from './standby.ts'
import { wakeHolders } from './wake.ts'

/** Part of a job's subtasks that counts as its end: what still runs then may be executed twice. */
const TAIL_PART = 0.05
/** Witnesses that wake the holders of a subtask that may be opened. */
const WAKER_COUNT = 2

export interface WitnessJobInit {
  readonly offer: KnownOffer
  /** Which of the job's views we are in. */
  readonly view: number
  /** Watches the views before ours; none does for the first. */
  readonly standby:
    | Pick<Standby, 'actingView' | 'actsInMs' | 'isActing' | 'lookedAtMs' | 'pages' | 'vacantSinceMs'>
    | undefined
  readonly evidences: Evidences
  readonly onEquivocation: (proofs: readonly EquivocationClaim[]) => void
  /** A certificate that was not known before. */
  readonly onClosed: (cert: CommitCert) => void
  /** What this witness remembers of a replica. */
  readonly stateOf: (key: ReplicaKey) => WitnessState
  /** When its holder last asked to close a replica. */
  readonly commitAskedAtMs: (key: ReplicaKey) => number
}

/** One job at one of its drawn witnesses: which replicas are wanted, what they came to, what is to be paid. */
export class WitnessJob {
  readonly job: JobId
  readonly state: JobState
  readonly judge: JobJudge
  readonly scope: Scope
  readonly deadlineAtMs: number
  readonly #sinceMs: number
  readonly #silentSinceMs = new WeakMap<ReplicaRecord, number>()
  readonly #lapsed: LapsedReplicas
  #endedAtMs: number | undefined

  constructor(
    readonly components: RoleComponents,
    readonly init: WitnessJobInit
  ) {
    const { offer } = init
    const { spec } = offer.signed.body
    this.job = offer.job
    this.#sinceMs = components.clock.nowMs()
    this.state = new JobState(offer, split(spec), components.store)
    this.scope = new Scope(components)
    this.deadlineAtMs = deadlineAtMs(offer.signed.body)
    this.#lapsed = new LapsedReplicas({
      offer,
      state: this.state,
      params: components.params,
      view: init.view,
      self: components.network.peerId,
      standby: init.standby,
      stateOf: init.stateOf,
      openMs: (key, record, nowMs) => this.#openMs(key, record, nowMs)
    })
    this.judge = new JobJudge(components, {
      offer,
      state: this.state,
      scope: this.scope,
      revisable: true,
      view: init.view,
      keep: 'disk',
      adopt: (_record, cert) => {
        init.onClosed(cert)
        return true
      },
      isAsGranted: (_record, { manifest }) => manifest === spec.manifest,
      onOpened: () => {},
      onMayOpen: (track, holders) => {
        if (this.#isWakerOf(track)) wakeHolders(components, this.scope, this.job, track, holders)
      },
      onEvidence: (cert, attestation) => init.evidences.add(this.job, cert, attestation),
      onEquivocation: proofs => init.onEquivocation(proofs),
      onDecided: track => {
        void this.state.save(track)
        if (track.record.state === 'accepted')
          components.events.emit('subtask:accepted', { job: this.job, subtask: track.subtask.index })
      }
    })
  }

  /** The witnesses of our view, in draw order. */
  get members(): readonly PeerId[] {
    return membersOf(this.init.offer.witnesses, this.init.view)
  }

  /** Our place among them. */
  get rank(): number {
    return this.members.indexOf(this.components.network.peerId)
  }

  /** When we settle, counted in turns: by rank in the view that acts, who waits in another one by the place in the draw. */
  get turn(): number {
    return this.#isActing
      ? this.rank
      : this.init.offer.witnesses.members.indexOf(this.components.network.peerId)
  }

  /** Whether our view grants leases: no later one has closed anything, and no earlier one can, unless ours has. */
  get #isActing(): boolean {
    const { view, standby } = this.init
    return this.judge.view === view && (this.judge.closedView === view || standby?.isActing === true)
  }

  /** Since when nothing is left to wait for: every subtask is decided, or the job is overdue. */
  get endedAtMs(): number | undefined {
    return this.#endedAtMs
  }

  async start(): Promise<void> {
    const { params } = this.components
    await this.state.restore(this.components.clock.nowMs())
    this.init.evidences.open(this.init.offer, this.state, this.judge)
    // In a view that takes over nodes wait for leases, and nobody for results.
    const leftMs = this.deadlineAtMs - this.components.clock.nowMs()
    if (this.init.standby?.vacantSinceMs !== undefined)
      this.judge.deferFetches(Math.max(0, Math.min(2 * params.leaseTermMsMin, leftMs)))
    await this.prepare()
    this.judge.start()
    // What the views before us left was wanted all the time that we fetched what they knew.
    if (this.init.view > 0)
      for (const replica of this.state.tracks.flatMap(({ record }) => record.replicas))
        if (replica.openSinceMs !== undefined) replica.openSinceMs = this.#sinceMs
    this.scope.every(
      'job check',
      () => params.leaseRetryMs,
      async () => {
        this.#check()
        await this.state.saved()
      }
    )
    this.scope.every(
      'evidence exchange',
      () => params.syncIntervalMs,
      async () => {
        await this.init.evidences.exchange(this.job)
        this.judge.retryMissing('running')
      }
    )
  }

  /** Learn what the views before us came to, of one of their witnesses before we open anything anew; the others add to it. */
  async prepare(): Promise<void> {
    const { job, rank, scope } = this
    const { params } = this.components
    const { evidences, offer, standby, view } = this.init
    if (view === 0) return
    const views = inViews(offer.witnesses.members, offer.witnesses)
    const before = views[view - 1]!
    // Not all of us turn to the same of the few that are left.
    const judges = [...before.slice(rank), ...before.slice(0, rank)]
    const first = judges.find(judge => standby?.pages.has(judge))
    if (first !== undefined) await scope.waitFor(params.leaseTermMsMin / 4, evidences.exchange(job, first))
    scope.spawn('evidence of earlier views', async () => {
      for (const judge of [...judges, ...views.slice(0, view - 1).flat(), offer.signed.signer])
        if (judge !== first) await evidences.exchange(job, judge)
    })
  }

  async stop(): Promise<void> {
    await this.scope.close()
    this.init.evidences.close(this.job)
    await this.state.saved().catch(cause => this.components.log.warn('job state not kept', { cause }))
  }

  /** Since when a replica is wanted; undefined while it is not. */
  openSinceMs(key: ReplicaKey): number | undefined {
    const track = this.state.tracks[key.subtask]
    if (track?.record.state !== 'running' || this.#endedAtMs !== undefined) return undefined
    if (viewOf(key.generation) !== this.init.view || !this.#isActing) return undefined
    const record = this.state.find(key)?.record
    if (record !== undefined) return record.cert === undefined ? this.#wantedSinceMs(record) : undefined
    return this.#isTroubled(track) ? this.#sinceMs : undefined
  }

  /** In how long it may be leased, where our view is about to act. */
  opensInMs(key: ReplicaKey): number | undefined {
    const isWanted =
      this.state.tracks[key.subtask]?.record.state === 'running' && this.#endedAtMs === undefined
    const isClosed = this.state.find(key)?.record.cert !== undefined || this.judge.view !== this.init.view
    return isWanted && !isClosed ? this.init.standby?.actsInMs : undefined
  }

  /** Not since before the views before us fell silent, if they did: they had it open themselves. */
  #wantedSinceMs({ openSinceMs }: ReplicaRecord): number {
    return Math.max(openSinceMs ?? this.#sinceMs, this.init.standby?.vacantSinceMs ?? 0)
  }

  /**
   * Whether a subtask has waited too long for somebody. What then to open instead is for each witness to judge, and they may judge
   * differently: none of them stands in the way of what others want.
   */
  #isTroubled({ record }: SubtaskTrack): boolean {
    const { clock, params } = this.components
    const patientSinceMs = clock.nowMs() - 2 * params.revealTimeoutMs
    return record.replicas.some(
      ({ outcome, sealedAtMs }) =>
        isDead(outcome) || (outcome === 'sealed' && (sealedAtMs ?? 0) < patientSinceMs)
    )
  }

  priceCap(key: ReplicaKey): bigint {
    const { pricePerMegaUnitMax } = this.state.spec
    return priceOf(this.state.tracks[key.subtask]!.subtask.workUnits, pricePerMegaUnitMax)
  }

  /** Why this holder, of all, may not have this replica. */
  conflict(key: ReplicaKey, holder: PeerId): 'same-holder' | 'caught' | undefined {
    if (this.judge.caught.has(holder)) return 'caught'
    const track = this.state.tracks[key.subtask]
    const others = track?.record.replicas.filter(
      other => other.replica !== key.replica || other.generation !== key.generation
    )
    const taken = others?.some(other => this.#hasHeld(track!, other, holder))
    return taken ? 'same-holder' : undefined
  }

  /**
   * What nobody holds: first what somebody stopped working on, then from a place that differs from asker to asker, so that they do not
   * all reach for the same.
   */
  openings(from: PeerId, looks = false): MessageOf<'openings-page'> {
    const { tracks } = this.state
    const nowMs = this.components.clock.nowMs()
    const open: MessageOf<'openings-page'>['body']['open'][number][] = []
    const listed = new Set<ReplicaRecord>()
    const list = (track: SubtaskTrack, record: ReplicaRecord, lapsed: boolean): void => {
      const key = this.state.key(track, record)
      const openMs = this.#openMs(key, record, nowMs)
      if (openMs === undefined || listed.has(record) || listed.size >= OPENINGS_PAGE_COUNT_MAX) return
      listed.add(record)
      const { subtask, replica, generation } = key
      const { fence } = this.init.stateOf(key)
      open.push({ subtask, replica, generation, fence, openMs: Math.floor(openMs), lapsed })
    }
    for (const [track, record] of this.#lapsed.for(from, nowMs, looks)) list(track, record, true)
    const lapsedAt = listed.size === 0 && !looks ? this.#lapsed.elsewhere(from, nowMs) : undefined
    const start = offsetOf(from, tracks.length)
    for (let i = 0; i < tracks.length && listed.size < OPENINGS_PAGE_COUNT_MAX; i++) {
      const track = tracks[(start + i) % tracks.length]!
      if (track.record.state !== 'running') continue
      for (const record of track.record.replicas) list(track, record, false)
    }
    const view = this.#isActing
      ? this.init.view
      : Math.max(this.judge.closedView, this.init.standby?.actingView ?? 0)
    const closed = this.#endedAtMs !== undefined
    return message('openings-page', { open, view, closed, ...(lapsedAt === undefined ? {} : { lapsedAt }) })
  }

  /** What is to be paid, by the evidence that is known. */
  order(): Due {
    return dueOf(this.init.offer, this.state)
  }

  /** Drop what was kept for the job. */
  async forget(): Promise<void> {
    const { assets, store } = this.components
    for (const { record } of this.state.tracks)
      for (const { fetched, attestation } of record.replicas)
        if (fetched && attestation !== undefined)
          await assets.unpin(attestation.body.result).catch(() => undefined)
    await assets.unpin(this.state.spec.manifest).catch(() => undefined)
    for await (const [key] of store.list(`job/${this.job}/`)) await store.delete(key)
  }

  /** Whether money is still to be moved. */
  escrow(): Promise<Escrow> {
    return this.components.chain.escrow(this.init.offer.signed.body.escrow)
  }

  #openMs(key: ReplicaKey, record: ReplicaRecord, nowMs: number): number | undefined {
    const sinceMs = record.outcome === 'open' ? this.openSinceMs(key) : undefined
    const state = this.init.stateOf(key)
    if (sinceMs === undefined) return undefined
    return openForMs(state, sinceMs, nowMs)
  }

  /** Whether somebody holds, or closed, a replica: they, and peers of their operator, get no other of the subtask. */
  #hasHeld(track: SubtaskTrack, record: ReplicaRecord, holder: PeerId): boolean {
    const state = this.init.stateOf(this.state.key(track, record))
    const live = leaseState(state, this.components.clock.nowMs()) === 'leased' ? state.holder : undefined
    const known = [holderOf(record), state.register?.signer, live]
    const { offer } = this.init
    return known.some(other => other !== undefined && operatorOf(offer, other) === operatorOf(offer, holder))
  }

  /** Of all witnesses two wake the holders of a subtask: one may be away. */
  #isWakerOf({ subtask }: SubtaskTrack): boolean {
    const { members } = this
    const place = (this.rank - (subtask.index % members.length) + members.length) % members.length
    return place < WAKER_COUNT
  }

  #check(): void {
    const nowMs = this.components.clock.nowMs()
    let runningCount = 0
    for (const track of this.state.tracks) {
      if (track.record.state !== 'running') continue
      runningCount++
      const silent = this.#noteSilence(track, nowMs)
      if (this.judge.checkOverdue(track, nowMs) || silent) this.judge.consider(track)
    }
    this.#lapsed.refresh(nowMs)
    if (runningCount <= Math.ceil(this.state.tracks.length * TAIL_PART)) this.#duplicateStragglers(nowMs)
    if (this.state.count('running') > 0 && nowMs <= this.deadlineAtMs) this.#endedAtMs = undefined
    else this.#endedAtMs ??= nowMs
  }

  /** Whoever committed here and says nothing, or never will, is given up like one that does not open. */
  #noteSilence(track: SubtaskTrack, nowMs: number): boolean {
    const { params } = this.components
    let news = false
    for (const record of track.record.replicas) {
      if (record.outcome !== 'open') continue
      const key = this.state.key(track, record)
      const state = this.init.stateOf(key)
      const standing = leaseState(state, nowMs)
      if (standing !== 'registered' && standing !== 'committed') continue
      const sinceMs = this.#silentSinceMs.get(record) ?? nowMs
      this.#silentSinceMs.set(record, sinceMs)
      const heardAtMs = Math.max(this.#sinceMs, this.init.commitAskedAtMs(key), renewedAtMs(state, params))
      if (!isOverdue(Math.min(sinceMs, heardAtMs), heardAtMs, nowMs, params)) continue
      this.#silentSinceMs.delete(record)
      record.outcome = 'timeout'
      news = true
    }
    return news
  }

  /**
   * At the end of a job nobody waits for the slowest: what is leased for longer than others took is opened once more. That costs
   * nothing, since no more than a quorum of a subtask is ever paid.
   */
  #duplicateStragglers(nowMs: number): void {
    const patienceMs = this.#typicalMs() * 2
    for (const track of this.state.tracks) {
      const { record } = track
      if (record.state !== 'running' || record.replicas.length >= this.state.spec.verify.replicaCountMax)
        continue
      if (record.replicas.some(r => this.#openMs(this.state.key(track, r), r, nowMs) !== undefined)) continue
      const isLate = record.replicas.some(r => {
        const { holder, claimedAtMs } = this.init.stateOf(this.state.key(track, r))
        return r.outcome === 'open' && holder !== undefined && nowMs > claimedAtMs + patienceMs
      })
      const replica = Math.max(...record.replicas.map(r => r.replica)) + 1
      if (isLate && replica < this.state.spec.verify.replicaCountMax)
        this.judge.open(track, [{ replica, generation: firstGenerationOf(this.judge.view) }])
    }
  }

  /** Median time of the executions that are known; without any, a lease term. */
  #typicalMs(): number {
    const times = this.state.tracks
      .flatMap(track => track.record.replicas.flatMap(r => r.attestation?.body.elapsedMs ?? []))
      .sort((a, b) => a - b)
    return Math.max(times[times.length >> 1] ?? 0, this.components.params.leaseTermMsMin)
  }
}

function isDead(outcome: ReplicaRecord['outcome']): boolean {
  return outcome === 'timeout' || outcome === 'missing' || outcome === 'mismatch'
}

function offsetOf(peer: PeerId, count: number): number {
  let sum = 0
  for (let i = 0; i < peer.length; i++) sum = (sum * 31 + peer.charCodeAt(i)) >>> 0
  return count === 0 ? 0 : sum % count
}
