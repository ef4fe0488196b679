import {
  type Account,
  type Attestation,
  type Cid,
  type CommitCert,
  type Grant,
  type Opening,
  type Probe,
  RayswarmError,
  type Refusal,
  type RefusalReason,
  type ReplicaKey,
  type Session,
  type Signed,
  type Subtask
} from '@rayswarm/interface'
import { certKey, firstGenerationOf, viewOf } from '@rayswarm/lease'
import { deadlineAtMs } from '@rayswarm/market'
import { digestOf, sealOf } from '@rayswarm/verification'
import { canonical, replicaId, signed } from '@rayswarm/wire'
import { encodeOutput } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { KnownOffer } from './offer-book.ts'
import type { Openings } from './openings.ts'
import type { Scope } from './scope.ts'
import { parseStored } from './stored.ts'
import { type HeldLease, PASSING, type Relayed, type Silence, WitnessQuorum } from './witness-quorum.ts'

/** What one execution needs to know about its job. */
export interface ExecutionInit {
  readonly offer: KnownOffer
  readonly replica: ReplicaKey
  /** Last fence heard of. */
  readonly fence: number
  /** Absent when the replica is claimed in the race. */
  readonly grant?: Signed<Grant>
  /** Where the pay goes. */
  readonly account: Account
  readonly subtask: Subtask
  readonly probe: Probe
  readonly etaMs: number
  /** Tells which view grants leases. */
  readonly openings: Openings
  /** The job's loaded scene, shared by its executions. */
  readonly session: () => Promise<Session>
  /**
   * The work is done, and no quorum is there to close the replica: to wait for one needs neither a place nor memory. Where one
   * answers, the place is kept until it is closed: nodes that take work faster than witnesses close it only make them slower.
   */
  readonly onStranded: () => void
}

/** A sealed result that waits to be opened. Durable: a node that restarts opens it all the same. */
export interface SealedResult {
  readonly attestation: Signed<Attestation>
  readonly cert: CommitCert
}

/** How an execution ended. */
export type ExecutionEnd =
  | { readonly end: 'sealed'; readonly sealed: SealedResult; readonly elapsedMs: number }
  | { readonly end: 'refused'; readonly refusal: Refusal }
  /** No quorum of witnesses answers. */
  | { readonly end: 'silence' }

/** What an execution yielded. */
interface Executed {
  readonly digest: Uint8Array
  readonly result: Cid
  readonly resultSizeBytes: number
  readonly elapsedMs: number
}

/** Refusals of witnesses that may yet change their minds: a view takes over, or looks at what others have shown. */
const UNDECIDED: ReadonlySet<RefusalReason> = new Set([...PASSING, 'not-open', 'too-early'])

/** Rounds of one claim at a view that takes over: it is asked again soon, when it may have done so. */
const LATER_ROUND_COUNT_MAX = 3

type Committed = SealedResult | { readonly refusal: Refusal } | Silence
type Claimed = Awaited<ReturnType<WitnessQuorum['claim']>> | undefined

/** One attempt at one replica: claim, keep the lease, execute, store the result, commit its seal. */
export class Execution {
  #share = 0

  constructor(
    readonly components: RoleComponents,
    readonly scope: Scope,
    readonly init: ExecutionInit
  ) {}

  /**
   * @throws {RayswarmError} `ERR_LEASE_LOST`, `ERR_ABORTED`, and whatever the runner or the asset store throws
   */
  async run(): Promise<ExecutionEnd> {
    const { grant, offer, etaMs, replica } = this.init
    const quorum = new WitnessQuorum(this.components, this.scope, offer.witnesses)
    const wish = { replica, etaMs, fence: this.init.fence + 1, ...(grant && { grant }) }
    const claimedAtMs = this.components.clock.nowMs()
    const claimed = await quorum.claim(wish)
    if ('silent' in claimed) return { end: 'silence' }
    if ('refusal' in claimed) return { end: 'refused', refusal: claimed.refusal }
    const { held } = claimed
    const { fence } = held.cert
    this.init.openings.find(viewOf(replica.generation))
    this.components.events.emit('lease:held', {
      replica,
      fence,
      waitedMs: this.components.clock.nowMs() - claimedAtMs
    })
    if (held.register !== undefined) {
      // A crashed committer's result stands already: finish its commit, so that it is paid and the replica closes.
      const relayed = await quorum.relay(held.register)
      if ('cert' in relayed) await quorum.tell(relayed.cert)
      else await quorum.release(replica, fence)
      return { end: 'refused', refusal: { reason: 'register-taken' } }
    }
    return this.#execute(quorum, held)
  }

  async #execute(quorum: WitnessQuorum, held: HeldLease): Promise<ExecutionEnd> {
    const { replica, fence } = held.cert
    const lost = new AbortController()
    const abort = (): void => lost.abort()
    this.scope.signal.addEventListener('abort', abort, { once: true })
    let error: RayswarmError | undefined
    const keeper = new LeaseKeeper(held, quorum, this.components, {
      progress: () => this.#share,
      onLost: cause => {
        error = cause
        this.components.events.emit('lease:lost', { replica, fence })
        lost.abort()
      },
      onSilence: () => this.#knock(replica)
    })
    keeper.start()
    try {
      const executed = await this.#run(lost.signal)
      const committed = await this.#commit(quorum, held, executed)
      if (!('cert' in committed)) {
        await this.components.assets.unpin(executed.result).catch(() => undefined)
        return 'refusal' in committed ? { end: 'refused', ...committed } : { end: 'silence' }
      }
      const { attestation, cert } = committed
      this.#hint(cert)
      const { elapsedMs } = executed
      const result = { attestation, cert }
      // A full disk must not cost the node its pay: without the record only a restart would lose it.
      await this.components.store
        .put(sealedKey(result), canonical(result))
        .catch(cause => this.components.log.warn('sealed result not kept', { cause }))
      return { end: 'sealed', sealed: result, elapsedMs }
    } catch (cause) {
      if (error === undefined) await quorum.release(replica, fence).catch(() => undefined)
      throw error ?? cause
    } finally {
      keeper.stop()
      this.scope.signal.removeEventListener('abort', abort)
    }
  }

  /** The witnesses may be gone: the next ones see for themselves, while we go on. */
  #knock({ generation }: ReplicaKey): void {
    const { openings } = this.init
    openings.lose(viewOf(generation))
    this.scope.spawn('knock', async () => void (await openings.ask(true)))
  }

  /** Close the replica, as long as it takes: what was computed outlives a partition, and the witnesses that leased it. */
  async #commit(quorum: WitnessQuorum, first: HeldLease, executed: Executed): Promise<Committed> {
    const { clock, params } = this.components
    const { offer } = this.init
    // Two lease terms, besides the time in which witnesses that are gone are asked first.
    const patienceMs = 2 * (params.leaseTermMsMin + params.requestTimeoutMs)
    let refusedSinceMs: number | undefined
    const isUndecided = ({ reason }: Refusal): boolean => {
      refusedSinceMs ??= clock.nowMs()
      return UNDECIDED.has(reason) && clock.nowMs() < refusedSinceMs + patienceMs
    }
    let held = first
    // One seal for all attempts at a replica: a witness whose answer was lost has this one in its register.
    let attestation = this.#attest(held.cert.replica, executed)
    let committed: Relayed = { silent: true, answeredCount: 0 }
    let commitAtMs = 0
    for (let attempt = 0; ; attempt++) {
      // Witnesses that were no quorum are asked again after a term, whether others have taken over much more often.
      if (!('silent' in committed) || clock.nowMs() >= commitAtMs) {
        committed = await quorum.commit(held.cert, sealOf(attestation.body))
        const isGone = 'silent' in committed && committed.answeredCount < offer.witnesses.quorum
        commitAtMs = clock.nowMs() + (isGone && held === first ? params.leaseTermMsMin : params.leaseRetryMs)
      }
      if ('cert' in committed) return { attestation, ...committed }
      if (clock.nowMs() >= deadlineAtMs(offer.signed.body)) return committed
      // Where witnesses are divided, some are still looking at what others have shown.
      const isDivided = 'refusal' in committed && committed.voteCount > 0 && isUndecided(committed.refusal)
      if ('refusal' in committed && !isDivided) return committed
      // Without drawn witnesses nobody else has work either: whoever is the only one is waited for.
      if ('silent' in committed && offer.drawn !== undefined) this.init.onStranded()
      const claimed = isDivided ? undefined : await this.#claimLater(quorum, held)
      if (claimed && 'refusal' in claimed && !isUndecided(claimed.refusal)) return claimed
      if (claimed && 'held' in claimed && claimed.held.register === undefined) {
        held = claimed.held
        attestation = this.#attest(held.cert.replica, executed)
        commitAtMs = 0
        continue
      }
      await this.scope.sleep(params.leaseRetryMs * (attempt === 0 ? 1 : 2))
    }
  }

  /** Claim the replica once more where a later view acts. */
  async #claimLater(quorum: WitnessQuorum, { cert: lease, etaMs }: HeldLease): Promise<Claimed> {
    const { replica } = lease
    const { openings } = this.init
    openings.lose(viewOf(replica.generation))
    const page = await openings.ask(true)
    const generation = firstGenerationOf(page?.view ?? 0)
    if (generation <= replica.generation) return undefined
    const later = { ...replica, generation }
    return quorum.claim({ replica: later, fence: 1, etaMs, lease }, LATER_ROUND_COUNT_MAX)
  }

  /** Execute, and store the result. */
  async #run(signal: AbortSignal): Promise<Executed> {
    const { assets, clock, events } = this.components
    const { replica, subtask } = this.init
    const startedAtMs = clock.nowMs()
    const session = await this.init.session()
    if (signal.aborted) throw new RayswarmError('ERR_ABORTED', 'stopped before the execution began')
    const output = await session.run(subtask, {
      signal,
      onProgress: share => {
        this.#share = Math.max(this.#share, Math.min(1, share))
        events.emit('execution:progressed', { replica, share: this.#share })
      }
    })
    const bytes = encodeOutput(output)
    const result = await assets.addBytes(bytes)
    const elapsedMs = clock.nowMs() - startedAtMs
    return { digest: digestOf(output), result, resultSizeBytes: bytes.length, elapsedMs }
  }

  /** Bind a result to a seal that tells nothing about it: the hash of this. */
  #attest(replica: ReplicaKey, { digest, elapsedMs, ...stored }: Executed): Signed<Attestation> {
    const { chance, context, network } = this.components
    const { account, offer, probe } = this.init
    const opening: Opening = { digest, salt: chance.bytes(32) }
    return signed(
      'attestation',
      {
        replica,
        holder: network.peerId,
        account,
        manifest: offer.signed.body.spec.manifest,
        equivalenceClass: probe.equivalenceClass,
        opening,
        ...stored,
        elapsedMs: Math.round(elapsedMs)
      },
      context
    )
  }

  /** Publish that a replica is closed, for whoever looks for it. Nobody depends on it. A lease is over before a record of it is read. */
  #hint(cert: CommitCert): void {
    const { records, params } = this.components
    const options = { timeoutMs: params.recordsTimeoutMs, signal: this.scope.signal }
    this.scope.spawn('certificate record', () =>
      records.put(certKey('commit', cert.replica), canonical(cert), options).catch(() => undefined)
    )
  }
}

export function sealedKey(sealed: SealedResult): string {
  return `sealed/${replicaId(sealed.cert.replica)}`
}

/** A sealed result as this peer once stored it. */
export function parseSealed(bytes: Uint8Array): SealedResult {
  return parseStored<SealedResult>(bytes)
}
