import type { CommitCert, JobId, PeerId, RefusalReason, ReplicaKey } from '@rayswarm/interface'
import {
  leaseState,
  onCert,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState,
  witnessesOf
} from '@rayswarm/lease'
import { REPLICA_COUNT_MAX } from '@rayswarm/params'
import {
  canonical,
  decodeMessage,
  encodeMessage,
  type MessageOf,
  message,
  replicaId,
  signed
} from '@rayswarm/wire'
import { split } from '@rayswarm/workload'
import type { RoleComponents } from './components.ts'
import type { OfferBook } from './offer-book.ts'
import { Scope } from './scope.ts'
import { parseStored } from './stored.ts'

const REQUESTS = ['claim', 'renew', 'release', 'commit'] as const
const QUESTIONS = [...REQUESTS, 'openings', 'cosign'] as const
type Request = MessageOf<(typeof REQUESTS)[number]>
type Message = Parameters<typeof encodeMessage>[0]

/** Lease requests that may wait for one replica's state; more are refused. */
const WAITING_PER_REPLICA_MAX = 64

/** What a job itself adds to the rules. */
export type JobRules = Partial<WitnessRules> & Pick<WitnessRules, 'subtaskCount'>

/** What a witness of drawn jobs is told by whoever judges them. */
export interface Judging {
  rulesFor(key: ReplicaKey): JobRules | undefined
  answer(
    question: MessageOf<'openings' | 'cosign'>,
    from: PeerId
  ): Promise<MessageOf<'openings-page' | 'cosign-reply'>>
}

interface Register {
  state: WitnessState
  /** Requests for one replica are judged one after the other: each must be durable before the next. */
  tail: Promise<unknown>
  waitingCount: number
  /** When the holder last asked to close it: who does is there, and only slow. */
  commitAskedAtMs: number
}

/** Grants and closes replicas as one of a job's witnesses. Every change is durable before its reply leaves. */
export class WitnessRole {
  /** By job, and by place in it: half of all questions are about one of them, and long texts are slow keys. */
  readonly #registers = new Map<JobId, Map<string, Register>>()
  readonly #scope: Scope
  #judging: Judging | undefined

  constructor(
    readonly components: RoleComponents,
    readonly offers: OfferBook
  ) {
    this.#scope = new Scope(components)
  }

  async start(): Promise<void> {
    const { network, store } = this.components
    for await (const [key, bytes] of store.list('witness/')) {
      const [, job = '', ...place] = key.split('/')
      this.#of(job).set(place.join('/'), register(parseStored<WitnessState>(bytes)))
    }
    network.serve('lease', (bytes, from) => this.#serve(bytes, from))
  }

  stop(): Promise<void> {
    return this.#scope.close()
  }

  /** Where the rules of drawn jobs come from. */
  set judging(judging: Judging) {
    this.#judging = judging
  }

  /** Take note of a certificate that closes a replica: it is leased no more. */
  async note(cert: CommitCert): Promise<void> {
    // What is closed stays so, and holders ask again and again.
    if (this.stateOf(cert.replica).cert !== undefined) return
    const rules = this.#rules(cert.replica)
    if (typeof rules === 'string') return
    await this.#queue(cert.replica, async entry => {
      await this.#keep(entry, cert.replica, onCert(entry.state, cert, rules))
    })
  }

  /** What this witness knows of a replica. */
  stateOf(key: ReplicaKey): WitnessState {
    return this.#registers.get(key.job)?.get(placeOf(key))?.state ?? VACANT
  }

  /** When its holder last asked to close a replica; 0 for never, as far as this process knows. */
  commitAskedAtMs(key: ReplicaKey): number {
    return this.#registers.get(key.job)?.get(placeOf(key))?.commitAskedAtMs ?? 0
  }

  leaseState(key: ReplicaKey): ReturnType<typeof leaseState> {
    return leaseState(this.stateOf(key), this.components.clock.nowMs())
  }

  /** Forget a closed job's registers. */
  async forget(job: JobId): Promise<void> {
    const registers = this.#registers.get(job) ?? new Map<string, Register>()
    for (const place of [...registers.keys()]) {
      await this.components.store.delete(`witness/${job}/${place}`)
      registers.delete(place)
    }
    this.#registers.delete(job)
  }

  #of(job: JobId): Map<string, Register> {
    let registers = this.#registers.get(job)
    if (registers === undefined) {
      registers = new Map()
      this.#registers.set(job, registers)
    }
    return registers
  }

  async #serve(bytes: Uint8Array, from: PeerId): Promise<Uint8Array> {
    const decoded = decodeMessage(bytes, QUESTIONS, this.components.context)
    if (!decoded.ok) throw new RangeError(decoded.fault)
    const question = decoded.value as MessageOf<(typeof QUESTIONS)[number]>
    if (question.type === 'openings' || question.type === 'cosign') {
      if (this.#judging === undefined) throw new RangeError('not a witness of it')
      return encodeMessage(await this.#judging.answer(question, from))
    }
    const request: Request = question
    const key = request.body.replica
    const rules = this.#rules(key)
    if (typeof rules === 'string') return refuse(rules)
    const judged = this.#queue(key, entry => this.#judge(entry, request, from, rules))
    return judged ?? refuse('overloaded')
  }

  /** Let requests for one replica be judged one after the other. Undefined when too many wait already. */
  #queue<T>(key: ReplicaKey, fn: (entry: Register) => Promise<T>): Promise<T> | undefined {
    const registers = this.#of(key.job)
    const place = placeOf(key)
    const entry = registers.get(place) ?? register(VACANT)
    if (entry.waitingCount >= WAITING_PER_REPLICA_MAX) return undefined
    registers.set(place, entry)
    const done = entry.waitingCount++ === 0 ? fn(entry) : entry.tail.then(() => fn(entry))
    const end = (): void => {
      entry.waitingCount--
      // A refused stranger leaves nothing behind.
      if (entry.waitingCount === 0 && entry.state === VACANT) registers.delete(place)
    }
    entry.tail = done.then(end, end)
    return done
  }

  /** Every change is durable before anybody hears of it. */
  async #keep(entry: Register, key: ReplicaKey, step: Step<unknown>): Promise<void> {
    if (!step.changed) return
    await this.components.store.put(`witness/${replicaId(key)}`, canonical(step.state))
    entry.state = step.state
  }

  /** Judge one request against the durable state, keep the new state, answer. */
  async #judge(entry: Register, request: Request, from: PeerId, rules: WitnessRules): Promise<Uint8Array> {
    const { clock, context } = this.components
    const nowMs = clock.nowMs()
    const before = entry.state
    const answer = async <T>(step: Step<T>, grant: (value: T) => Message): Promise<Uint8Array> => {
      await this.#keep(entry, request.body.replica, step)
      const { reply } = step
      return encodeMessage(reply.granted ? grant(reply.value) : message('refusal', reply.refusal))
    }
    switch (request.type) {
      case 'claim':
        return answer(onClaim(before, request.body, from, nowMs, rules), value =>
          signed('promise', value, context)
        )
      case 'renew':
        return answer(onRenew(before, request.body, from, nowMs, rules), value => message('renew-ack', value))
      case 'release':
        return answer(onRelease(before, request.body, from, nowMs, rules), value =>
          message('release-ack', value)
        )
      case 'commit': {
        const voted = await answer(onCommit(before, request, from, nowMs, rules), value =>
          signed('commit-vote', value, context)
        )
        if (entry.state.register?.signer === from) entry.commitAskedAtMs = nowMs
        return voted
      }
    }
  }

  #rules(key: ReplicaKey): WitnessRules | RefusalReason {
    const { context, params, network } = this.components
    const offer = this.offers.get(key.job)
    if (offer === undefined) return 'unknown-job'
    if (!witnessesOf(offer.witnesses, key).includes(network.peerId)) return 'not-witness'
    const spec = offer.signed.body.spec
    const drawn: JobRules | undefined =
      offer.drawn === undefined ? { subtaskCount: split(spec).length } : this.#judging?.rulesFor(key)
    if (drawn === undefined) return 'unknown-job'
    return {
      params,
      context,
      witnesses: offer.witnesses,
      self: network.peerId,
      creator: spec.creator,
      // Owner mode takes no claim without a grant.
      priceCap: () => 0n,
      replicaCountMax: Math.min(spec.verify.replicaCountMax, REPLICA_COUNT_MAX),
      ...drawn
    }
  }
}

/** A replica's place in its job. */
function placeOf({ subtask, replica, generation }: ReplicaKey): string {
  return `${subtask}/${replica}/${generation}`
}

function register(state: WitnessState): Register {
  return { state, tail: Promise.resolve(), waitingCount: 0, commitAskedAtMs: 0 }
}

function refuse(reason: RefusalReason): Uint8Array {
  return encodeMessage(message('refusal', { reason }))
}
