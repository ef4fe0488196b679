import type {
  Attestation,
  Cid,
  CommitCert,
  EquivalenceClass,
  Grant,
  JobId,
  JobSpec,
  PeerId,
  ReplicaKey,
  Signed,
  Store,
  Subtask,
  SubtaskOutput,
  UnpaidReason,
  Verdict
} from '@rayswarm/interface'
import type { OpenReplica } from '@rayswarm/market'
import type { Outcome, ReplicaOutcome } from '@rayswarm/verification'
import { canonical } from '@rayswarm/wire'
import type { KnownOffer } from './offer-book.ts'
import { operatorOf } from './race.ts'
import { parseStored } from './stored.ts'

/** One replica of one subtask in one generation, as the job's creator knows it. Kept durably. */
export interface ReplicaRecord {
  readonly replica: number
  readonly generation: number
  outcome: Outcome
  grant?: Signed<Grant>
  grantedAtMs?: number
  /** Class that the holder's bid declared. */
  equivalenceClass?: EquivalenceClass
  /** Grants of holders that lapsed: one of them may still commit, and is then paid by its own grant. */
  former?: readonly Signed<Grant>[]
  cert?: CommitCert
  /** Since when the replica is known to be committed without its holder having said so. */
  silentSinceMs?: number
  /** Since when it is known to be closed. */
  sealedAtMs?: number
  /** Since when the holder may open its seal. */
  mayOpenAtMs?: number
  /** Since when it is wanted, by our clock. */
  openSinceMs?: number
  /** Whether the attested result was fetched, and is what was attested. */
  fetched?: boolean
  attestation?: Signed<Attestation>
  verdict?: Verdict
  reason?: UnpaidReason
}

export type SubtaskProgress = 'running' | 'accepted' | 'failed'

/** One subtask, all its replicas of all generations. */
export interface SubtaskRecord {
  state: SubtaskProgress
  readonly replicas: ReplicaRecord[]
  /** The canonical result, once there is one. */
  result?: Cid
}

/** A subtask and its record, plus what need not survive a restart. */
export interface SubtaskTrack {
  readonly subtask: Subtask
  readonly record: SubtaskRecord
  /** Fetched and verified results by replica record. */
  readonly outputs: Map<ReplicaRecord, SubtaskOutput>
  readonly fetching: Map<ReplicaRecord, Promise<void>>
}

/** Everything the creator knows of one job's subtasks. */
export class JobState {
  readonly job: JobId
  readonly spec: JobSpec
  readonly tracks: readonly SubtaskTrack[]
  /** Subtasks whose records are not on disk as they are. */
  readonly #unsaved = new Set<SubtaskTrack>()
  #isRestored = false
  #writing: Promise<void> = Promise.resolve()

  constructor(
    readonly offer: KnownOffer,
    subtasks: readonly Subtask[],
    readonly store: Store
  ) {
    const { spec } = offer.signed.body
    this.job = offer.job
    this.spec = spec
    const replicas = (): ReplicaRecord[] =>
      Array.from({ length: spec.verify.replicaCount }, (_, replica) => ({
        replica,
        generation: 0,
        outcome: 'open' as const
      }))
    this.tracks = subtasks.map(subtask => ({
      subtask,
      record: { state: 'running' as const, replicas: replicas() },
      outputs: new Map(),
      fetching: new Map()
    }))
  }

  /** Take up what an earlier process of this creator knew. Its clocks start anew: nobody is late because we were away. */
  async restore(nowMs: number): Promise<void> {
    const prefix = `job/${this.job}/subtask/`
    for await (const [key, bytes] of this.store.list(prefix)) {
      const track = this.tracks[Number(key.slice(prefix.length))]
      if (track === undefined) continue
      const record = parseStored<SubtaskRecord>(bytes)
      track.record.state = record.state
      track.record.replicas.splice(0, Number.POSITIVE_INFINITY, ...record.replicas)
      if (record.result !== undefined) track.record.result = record.result
      for (const replica of track.record.replicas) {
        if (replica.grantedAtMs !== undefined) replica.grantedAtMs = nowMs
        if (replica.mayOpenAtMs !== undefined) replica.mayOpenAtMs = nowMs
        if (replica.openSinceMs !== undefined) replica.openSinceMs = nowMs
        if (replica.sealedAtMs !== undefined) replica.sealedAtMs = nowMs
        delete replica.silentSinceMs
      }
    }
    this.#isRestored = true
  }

  /** Whether we remember what we knew. Before that nobody is answered: a record would be written over. */
  get isRestored(): boolean {
    return this.#isRestored
  }

  /** Write one subtask's record, as it is when its turn has come. What the disk refused is written with the next. */
  save(track: SubtaskTrack): Promise<void> {
    this.#unsaved.add(track)
    return this.saved()
  }

  /** Resolves when no result is being fetched any more. */
  async fetched(): Promise<void> {
    for (const { fetching } of this.tracks) await Promise.all(fetching.values())
  }

  /** Resolves when everything so far is durable; what the disk refused before is tried again. */
  saved(): Promise<void> {
    const writing = this.#writing.catch(() => undefined).then(() => this.#flush())
    // Whoever needs it to be durable awaits it; for the others it is tried again.
    writing.catch(() => undefined)
    this.#writing = writing
    return writing
  }

  async #flush(): Promise<void> {
    // All that is unsaved now, together: what comes meanwhile is the next one's, or nobody would ever hear of the first.
    const tracks = [...this.#unsaved]
    this.#unsaved.clear()
    const writing = await Promise.allSettled(tracks.map(track => this.#write(track)))
    for (const written of writing) if (written.status === 'rejected') throw written.reason
  }

  async #write(track: SubtaskTrack): Promise<void> {
    const key = `job/${this.job}/subtask/${String(track.subtask.index).padStart(6, '0')}`
    try {
      await this.store.put(key, canonical(track.record))
    } catch (cause) {
      this.#unsaved.add(track)
      throw cause
    }
  }

  find(key: ReplicaKey): { track: SubtaskTrack; record: ReplicaRecord } | undefined {
    const track = this.tracks[key.subtask]
    const record = track?.record.replicas.find(
      r => r.replica === key.replica && r.generation === key.generation
    )
    return track !== undefined && record !== undefined ? { track, record } : undefined
  }

  key(track: SubtaskTrack, record: ReplicaRecord): ReplicaKey {
    const { replica, generation } = record
    return { job: this.job, subtask: track.subtask.index, replica, generation }
  }

  count(state: SubtaskProgress): number {
    return this.tracks.reduce((sum, track) => sum + (track.record.state === state ? 1 : 0), 0)
  }

  /** What `verification` judges. Peers of one operator are one holder: witnesses of another view may have let them in. */
  outcomes(track: SubtaskTrack): ReplicaOutcome[] {
    const operator = (peer: PeerId | undefined) => peer && operatorOf(this.offer, peer)
    return track.record.replicas.map(record => ({
      replica: record.replica,
      generation: record.generation,
      outcome: record.outcome,
      ...present('holder', operator(holderOf(record))),
      ...(record.attestation === undefined
        ? {}
        : {
            equivalenceClass: record.attestation.body.equivalenceClass,
            digest: record.attestation.body.opening.digest
          })
    }))
  }

  /** Replicas that nobody holds and that are `wanted`, the eldest subtasks first. */
  openReplicas(wanted: (record: ReplicaRecord) => boolean = () => true): OpenReplica[] {
    return this.tracks.flatMap(track => {
      if (track.record.state !== 'running') return []
      const { replicas } = track.record
      const equivalenceClass = replicas.find(r => r.outcome !== 'open')?.equivalenceClass
      return replicas
        .filter(record => record.outcome === 'open' && wanted(record))
        .map(record => {
          const others = replicas.filter(other => other !== record).flatMap(possibleHolders)
          return {
            replica: this.key(track, record),
            workUnits: track.subtask.workUnits,
            holders: others.map(grant => grant.holder),
            accounts: others.map(grant => grant.account),
            priority: track.subtask.index,
            ...(equivalenceClass === undefined ? {} : { equivalenceClass })
          }
        })
    })
  }
}

/** Who closed a replica, or was granted it. */
export function holderOf(record: ReplicaRecord): PeerId | undefined {
  return record.cert?.holder ?? record.grant?.body.holder
}

function present<Key extends string, T>(key: Key, value: T | undefined): { [K in Key]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: T })
}

/** Who holds a replica, or held it once and may still commit it: until its register is taken. */
function possibleHolders(record: ReplicaRecord): Grant[] {
  const former = record.cert === undefined ? (record.former ?? []) : []
  return [...(record.grant === undefined ? [] : [record.grant]), ...former].map(grant => grant.body)
}
