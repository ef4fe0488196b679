import type {
  Admission,
  Attestation,
  CommitCert,
  JobId,
  PeerId,
  Signed,
  Unsubscribe
} from '@rayswarm/interface'
import { REPLICA_COUNT_MAX } from '@rayswarm/params'
import { IdSet } from '@rayswarm/reconcile'
import {
  canonical,
  decodeMessage,
  encodeMessage,
  type MessageOf,
  message,
  sha256,
  toHex
} from '@rayswarm/wire'
import type { RoleComponents } from './components.ts'
import type { JobState } from './job-state.ts'
import type { KnownOffer } from './offer-book.ts'
import type { SyncRole, SyncSet } from './sync-role.ts'

/** Who judges the evidence of one job here. */
interface EvidenceJudge {
  /** Whose evidence counts. */
  readonly witnesses: readonly PeerId[]
  take(cert: CommitCert, attestation: Signed<Attestation>): boolean | undefined
}

/** The opened replicas of one job, as its judges reconcile them. */
interface EvidenceSet {
  readonly judge: EvidenceJudge
  readonly sync: SyncSet
  readonly items: Map<string, MessageOf<'evidence'>>
  readonly countMax: number
  readonly unregister: Unsubscribe
}

/** Keeps judges of one job, its witnesses and its creator, at the same evidence. */
export class Evidences {
  readonly #sets = new Map<JobId, EvidenceSet>()

  constructor(
    readonly components: RoleComponents,
    readonly sync: SyncRole
  ) {}

  /** Offer a job's evidence to the other judges, beginning with what is known; `judge` takes what comes from them. */
  open(offer: KnownOffer, state: JobState, judge: EvidenceJudge): void {
    // A single judge has nobody to agree with.
    if (offer.drawn === undefined || this.#sets.has(offer.job)) return
    const ids = new IdSet()
    const items: EvidenceSet['items'] = new Map()
    const sync: SyncSet = {
      name: 'job',
      job: offer.job,
      ids,
      read: id => {
        const item = items.get(toHex(id))
        return item && encodeMessage(item)
      },
      take: bytes => this.#take(bytes, offer.job, judge)
    }
    const countMax = state.tracks.length * REPLICA_COUNT_MAX
    this.#sets.set(offer.job, { judge, sync, items, countMax, unregister: this.sync.register(sync) })
    for (const { record } of state.tracks)
      for (const { cert, attestation } of record.replicas)
        if (cert !== undefined && attestation !== undefined) this.add(offer.job, cert, attestation)
  }

  close(job: JobId): void {
    this.#sets.get(job)?.unregister()
    this.#sets.delete(job)
  }

  /** An opened replica that a judge of ours believes. */
  add(job: JobId, cert: CommitCert, attestation: Signed<Attestation>): void {
    const set = this.#sets.get(job)
    if (set === undefined || set.items.size >= set.countMax) return
    // A replica opens in one way; which votes prove that it is closed is no difference.
    const id = sha256(canonical([cert.replica, cert.seal]))
    const key = toHex(id)
    if (set.items.has(key)) return
    set.items.set(key, message('evidence', { cert, attestation }))
    set.sync.ids.add(id)
  }

  /** Reconcile with one random judge, or with a given one. */
  async exchange(job: JobId, peer?: PeerId): Promise<void> {
    const set = this.#sets.get(job)
    if (set === undefined) return
    const { chance, network } = this.components
    const others = set.judge.witnesses.filter(member => member !== network.peerId)
    const other = peer ?? others[Math.floor(chance.unit() * others.length)]
    if (other !== undefined) await this.sync.exchange(other, set.sync)
  }

  #take(bytes: Uint8Array, job: JobId, judge: EvidenceJudge): Admission {
    const decoded = decodeMessage(bytes, ['evidence'], this.components.context)
    if (!decoded.ok) return { action: 'reject', fault: decoded.fault }
    const { cert, attestation } = decoded.value.body
    if (cert.replica.job !== job) return { action: 'reject', fault: 'another-job' }
    return judge.take(cert, attestation) === true
      ? { action: 'accept' }
      : { action: 'ignore', fault: 'not-evidence' }
  }
}
