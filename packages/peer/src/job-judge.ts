import type {
  Attestation,
  CommitCert,
  EquivocationClaim,
  PeerId,
  ReplicaKey,
  Signed,
  SubtaskOutput
} from '@rayswarm/interface'
import { firstGenerationOf, inViews, judgeCommitCert, proofsOf, sameCommit, viewOf } from '@rayswarm/lease'
import { isOverdue, type Judgement, judge, judgeReveal, mayOpen, maySuffice } from '@rayswarm/verification'
import type { RoleComponents } from './components.ts'
import { holderOf, type JobState, type ReplicaRecord, type SubtaskTrack } from './job-state.ts'
import type { KnownOffer } from './offer-book.ts'
import { fetchResult } from './results.ts'
import type { Scope } from './scope.ts'

/** What one judge of a job does its own way. */
export interface JobJudgeInit {
  readonly offer: KnownOffer
  readonly state: JobState
  readonly scope: Scope
  /**
   * Whether what was given up or decided is looked at again when new evidence comes: several judges of one job must end with
   * the same sum. A single judge's word stands.
   */
  readonly revisable: boolean
  /** The view this judge witnesses for; 0 for a creator. */
  readonly view: number
  /** Take note of a certified commit; false when it counts for nobody. */
  readonly adopt: (record: ReplicaRecord, cert: CommitCert) => boolean
  /** Whether what is attested is what this holder was given the replica for. */
  readonly isAsGranted: (record: ReplicaRecord, attestation: Attestation) => boolean
  /** Keep fetched results in memory until they are assembled, or on disk for others. */
  readonly keep: 'memory' | 'disk'
  readonly onOpened: (track: SubtaskTrack) => void
  readonly onMayOpen: (track: SubtaskTrack, holders: readonly PeerId[]) => void
  readonly onEvidence: (cert: CommitCert, attestation: Signed<Attestation>) => void
  /** Witnesses that provably voted twice. */
  readonly onEquivocation: (proofs: readonly EquivocationClaim[]) => void
  readonly onDecided: (track: SubtaskTrack, output: SubtaskOutput | undefined) => void
}

/** One judge's view of a job: collects certificates and attestations, fetches results, and says what follows. */
export class JobJudge {
  /** Nodes whose result lost against a quorum of this job: they get no second chance in it. */
  readonly caught = new Set<PeerId>()
  /** When a holder last asked whether it may open. */
  readonly #askedAtMs = new WeakMap<ReplicaRecord, number>()
  #closed = false
  #closedView = 0
  #defersFetches = false

  constructor(
    readonly components: RoleComponents,
    readonly init: JobJudgeInit
  ) {}

  /** The last view that is known to have closed anything. */
  get closedView(): number {
    return this.#closedView
  }

  /** The view in which replicas are wanted: our own, or a later one that closed any. */
  get view(): number {
    return Math.max(this.init.view, this.#closedView)
  }

  /** Whose evidence counts: the witnesses of all views so far. */
  get witnesses(): readonly PeerId[] {
    const { witnesses } = this.init.offer
    return inViews(witnesses.members, witnesses)
      .slice(0, this.view + 1)
      .flat()
  }

  /** Look at everything once, after a start or a restart. */
  start(): void {
    const { tracks } = this.init.state
    for (const { record } of tracks)
      for (const { cert, generation } of record.replicas)
        if (cert !== undefined) this.#closedView = Math.max(this.#closedView, viewOf(generation))
    for (const track of tracks) {
      this.#remember(track)
      this.consider(track)
    }
  }

  /** Fetch no results for a while, so nothing is decided: what nodes wait for comes first. */
  deferFetches(delayMs: number): void {
    const { scope, state } = this.init
    this.#defersFetches = true
    scope.after(delayMs, () => {
      this.#defersFetches = false
      for (const track of state.tracks) this.consider(track)
    })
  }

  /** Decide nothing more: what is decided is being paid. */
  close(): void {
    this.#closed = true
  }

  /** Whether the holder of a certified commit may open its seal; undefined when the certificate is none of this job. */
  async onSealed(cert: CommitCert, from: PeerId): Promise<boolean | undefined> {
    const found = this.#sound(cert)
    if (found === undefined) return undefined
    const { track, record } = found
    if (record.cert === undefined && !this.#adopt(track, record, cert)) return false
    await this.init.state.saved()
    if (cert.holder !== from) return false
    this.#askedAtMs.set(record, this.components.clock.nowMs())
    return (
      track.record.state !== 'running' ||
      // What was allowed once stays so, whoever has opened since.
      record.mayOpenAtMs !== undefined ||
      mayOpen(this.init.state.spec.verify, this.init.state.outcomes(track), record.replica)
    )
  }

  /** Take an opened seal from its holder. Answers as `take`; what is ours to keep is durable then. */
  async onReveal(cert: CommitCert, attestation: Signed<Attestation>): Promise<boolean | undefined> {
    const taken = this.take(cert, attestation)
    if (taken) await this.init.state.saved()
    return taken
  }

  /**
   * Take an opened seal, from its holder or from another judge. Answers whether it is ours to keep, undefined when it is not
   * what it claims to be. What follows from it does not wait for our disk.
   */
  take(cert: CommitCert, attestation: Signed<Attestation>): boolean | undefined {
    const found = this.init.revisable ? this.#sound(cert) : this.init.state.find(cert.replica)
    if (found === undefined) return undefined
    const { track, record } = found
    if (judgeReveal(cert, attestation, this.components.context).action !== 'accept') return undefined
    if (record.attestation !== undefined) return true
    if (this.init.revisable && record.cert === undefined) this.#adopt(track, record, cert)
    const expected = record.outcome === 'sealed' || (this.init.revisable && record.outcome === 'timeout')
    if (!expected || record.cert?.holder !== cert.holder) return record.outcome !== 'open'
    record.attestation = attestation
    record.outcome = this.init.isAsGranted(record, attestation.body) ? 'revealed' : 'mismatch'
    record.equivalenceClass ??= attestation.body.equivalenceClass
    if (this.init.revisable) withdrawLater(track, record)
    void this.init.state.save(track)
    this.init.onEvidence(cert, attestation)
    this.consider(track)
    return true
  }

  /** Whether enough of a subtask was shown, or may be, to decide it. */
  isShown(track: SubtaskTrack): boolean {
    const { state } = this.init
    const shown = state.outcomes(track).filter(({ outcome }, i) => {
      const isAllowed = track.record.replicas[i]!.mayOpenAtMs !== undefined
      return outcome === 'revealed' || (outcome === 'sealed' && isAllowed)
    })
    return maySuffice(state.spec.verify, shown)
  }

  /** End overdue openings of one subtask. True if there were any. */
  checkOverdue(track: SubtaskTrack, nowMs: number): boolean {
    const { params } = this.components
    let news = false
    for (const record of track.record.replicas) {
      if (record.outcome !== 'sealed') continue
      if (!isOverdue(record.mayOpenAtMs ?? nowMs, this.#askedAtMs.get(record) ?? 0, nowMs, params)) continue
      record.outcome = 'timeout'
      news = true
    }
    if (news) void this.init.state.save(track)
    return news
  }

  /** Look again for results that could not be fetched, of the subtasks that run or of all: another judge may have them. */
  retryMissing(which: 'running' | 'all'): void {
    for (const track of this.init.state.tracks) {
      if (which === 'running' && track.record.state !== 'running') continue
      for (const record of track.record.replicas)
        if (record.outcome === 'missing' && record.attestation !== undefined) {
          record.outcome = 'revealed'
          this.consider(track)
        }
    }
  }

  /** Look at one subtask again: decide it, or open what it still needs. */
  consider(track: SubtaskTrack): void {
    const { state, revisable } = this.init
    const { record } = track
    if (this.init.scope.closed || this.#closed) return
    if (record.state !== 'running' && !revisable) return
    const isUnread = this.#fetchUnread(track)
    if (isUnread && !this.#defersFetches) return
    const judgement = judge(state.spec.verify, state.outcomes(track), firstGenerationOf(this.view))
    // What was accepted stays so; late evidence may only change who is paid for it.
    if (record.state === 'accepted' && judgement.state !== 'decided') return
    if (judgement.state === 'waiting') return this.#refreshOpenings(track)
    if (judgement.state === 'more') {
      record.state = 'running'
      this.open(track, judgement.replicas)
      return
    }
    if (!isUnread) this.#decide(track, judgement)
  }

  /** Open replicas of a subtask. */
  open(track: SubtaskTrack, replicas: readonly { replica: number; generation: number }[]): void {
    const openSinceMs = this.components.clock.nowMs()
    for (const { replica, generation } of replicas)
      track.record.replicas.push({ replica, generation, outcome: 'open', openSinceMs })
    void this.init.state.save(track)
    this.#refreshOpenings(track)
    this.init.onOpened(track)
  }

  #decide(track: SubtaskTrack, judgement: Extract<Judgement, { verdicts: unknown }>): void {
    const { state } = this.init
    for (const verdict of judgement.verdicts) {
      const found = state.find({ job: state.job, subtask: track.subtask.index, ...verdict })
      if (found === undefined) continue
      found.record.verdict = verdict.verdict
      if (verdict.reason === undefined) delete found.record.reason
      else found.record.reason = verdict.reason
    }
    const canonical = track.record.replicas.find(
      r => r.verdict === 'accepted' && r.reason === undefined && r.fetched
    )
    const next = judgement.state === 'decided' && canonical !== undefined ? 'accepted' : 'failed'
    if (track.record.state === next) return
    track.record.state = next
    if (canonical !== undefined) track.record.result = canonical.attestation!.body.result
    this.#remember(track)
    this.init.onDecided(track, canonical && track.outputs.get(canonical))
  }

  /** A certificate that holds, with the record it is about; judges among several make room for what others opened. */
  #sound(cert: CommitCert): { track: SubtaskTrack; record: ReplicaRecord } | undefined {
    const { offer, state } = this.init
    const known = state.find(cert.replica)
    const held = known?.record.cert
    // One that we hold already was checked before.
    const same = held !== undefined && sameCommit(held, cert)
    if (!same && judgeCommitCert(cert, offer.witnesses, this.components.context).action !== 'accept')
      return undefined
    if (held !== undefined && !same) {
      // Two certificates for one replica: whoever voted for both is in them.
      this.#tell(cert)
      this.init.onEquivocation(proofsOf(held, cert))
      return undefined
    }
    return known ?? (this.init.revisable ? this.#makeRoom(cert.replica) : undefined)
  }

  #tell({ replica, holder, price, seal }: CommitCert): void {
    this.components.events.emit('replica:committed', { replica, node: holder, price, seal })
  }

  #makeRoom(key: ReplicaKey): { track: SubtaskTrack; record: ReplicaRecord } | undefined {
    const track = this.init.state.tracks[key.subtask]
    const { replicaCountMax } = this.init.state.spec.verify
    if (track === undefined || key.replica >= replicaCountMax) return undefined
    const { replica, generation } = key
    const openSinceMs = this.components.clock.nowMs()
    const record: ReplicaRecord = { replica, generation, outcome: 'open', openSinceMs }
    track.record.replicas.push(record)
    return { track, record }
  }

  #adopt(track: SubtaskTrack, record: ReplicaRecord, cert: CommitCert): boolean {
    // A generation that a single judge gave up stays so: its successor may be under way, and only one of them is ever paid.
    const alive = record.outcome === 'open' || record.outcome === 'leased'
    if (!alive && !this.init.revisable) return true
    if (!this.init.adopt(record, cert)) return false
    record.cert = cert
    record.outcome = 'sealed'
    // What an earlier view closed need not be computed again, if its holder is there to say so.
    if (alive && this.init.revisable) withdrawLater(track, record)
    record.sealedAtMs = this.components.clock.nowMs()
    void this.init.state.save(track)
    this.#tell(cert)
    this.#refreshOpenings(track, record)
    this.#follow(viewOf(record.generation))
    return true
  }

  /** A later view closes replicas: what the earlier ones left open is its own now. */
  #follow(view: number): void {
    const before = this.view
    this.#closedView = Math.max(this.#closedView, view)
    if (this.view === before) return
    for (const track of this.init.state.tracks) if (track.record.state === 'running') this.consider(track)
  }

  /** Start the reveal clocks of replicas that may open now, and tell their holders, but not `asking`'s: it gets an answer. */
  #refreshOpenings(track: SubtaskTrack, asking?: ReplicaRecord): void {
    const { state } = this.init
    const outcomes = state.outcomes(track)
    const holders: PeerId[] = []
    for (const record of track.record.replicas) {
      if (record.outcome !== 'sealed' || record.mayOpenAtMs !== undefined) continue
      if (!mayOpen(state.spec.verify, outcomes, record.replica)) continue
      record.mayOpenAtMs = this.components.clock.nowMs()
      const holder = holderOf(record)
      if (holder !== undefined && record !== asking) holders.push(holder)
    }
    if (holders.length > 0) this.init.onMayOpen(track, holders)
  }

  /** Fetch what was revealed and not read yet. True if there is something to wait for. */
  #fetchUnread(track: SubtaskTrack): boolean {
    const unread = track.record.replicas.filter(r => r.outcome === 'revealed' && !this.#isRead(track, r))
    if (!this.#defersFetches) for (const record of unread) this.#fetch(track, record)
    return unread.length > 0
  }

  #isRead(track: SubtaskTrack, record: ReplicaRecord): boolean {
    if (this.init.keep === 'disk' || track.record.state !== 'running') return record.fetched === true
    return track.outputs.has(record)
  }

  #fetch(track: SubtaskTrack, record: ReplicaRecord): void {
    if (track.fetching.has(record) || this.init.scope.closed) return
    this.init.scope.spawn('result fetch', () => {
      const fetching = this.#fetchNow(track, record).finally(() => track.fetching.delete(record))
      track.fetching.set(
        record,
        fetching.catch(() => undefined)
      )
      return fetching.then(() => this.consider(track))
    })
  }

  async #fetchNow(track: SubtaskTrack, record: ReplicaRecord): Promise<void> {
    const { keep, scope, state } = this.init
    const attestation = record.attestation!.body
    const toDisk = keep === 'disk'
    const options = { providers: [attestation.holder, ...this.witnesses], toDisk }
    const fetched = await fetchResult(this.components, scope, track.subtask, attestation, options)
    if ('output' in fetched) {
      // Kept with whatever follows from it: after a crash it is only fetched again.
      record.fetched = true
      // It may have been given up before.
      if (this.init.revisable) withdrawLater(track, record)
      if (!toDisk) track.outputs.set(record, fetched.output)
      return
    }
    record.outcome = fetched.outcome
    void state.save(track)
  }

  #remember(track: SubtaskTrack): void {
    for (const record of track.record.replicas) {
      const holder = holderOf(record)
      if (record.verdict === 'rejected' && holder !== undefined) this.caught.add(holder)
    }
  }
}

/**
 * A generation that was given up too early speaks after all: what was opened in its place, and is not closed, is wanted no more.
 * Judges that gave it up and judges that did not then want the same replicas again.
 */
function withdrawLater(track: SubtaskTrack, { replica, generation }: ReplicaRecord): void {
  const { replicas } = track.record
  const kept = replicas.filter(
    other => other.replica !== replica || other.generation <= generation || other.cert !== undefined
  )
  replicas.splice(0, replicas.length, ...kept)
}
