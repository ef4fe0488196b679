import type { JobId, PeerId, RefusalReason, ReplicaKey } from '@rayswarm/interface'
import {
  leaseState,
  onClaim,
  onCommit,
  onRelease,
  onRenew,
  type Step,
  VACANT,
  type WitnessRules,
  type WitnessState
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
type Request = MessageOf<(typeof REQUESTS)[number]>

/** Lease requests that may wait for one replica's state; more are refused. */
const WAITING_PER_REPLICA_MAX = 64

interface Register {
  state: WitnessState
  /** Requests for one replica are judged one after the other: each must be durable before the next. */
  tail: Promise<unknown>
  waitingCount: number
}

/** Grants and closes replicas as one of a job's witnesses. Every change is durable before its reply leaves. */
export class WitnessRole {
  readonly #registers = new Map<string, Register>()
  readonly #subtaskCounts = new Map<JobId, number>()
  readonly #scope: Scope
  readonly #listeners = new Set<(key: ReplicaKey, state: WitnessState) => void>()

  constructor(
    readonly components: RoleComponents,
    readonly offers: OfferBook
  ) {
    this.#scope = new Scope(components)
  }

  async start(): Promise<void> {
    const { network, store } = this.components
    for await (const [key, bytes] of store.list('witness/'))
      this.#registers.set(key.slice('witness/'.length), register(parseStored<WitnessState>(bytes)))
    network.serve('lease', (bytes, from) => this.#serve(bytes, from))
  }

  stop(): Promise<void> {
    return this.#scope.close()
  }

  /** Told after each change of a replica's state. */
  onChange(fn: (key: ReplicaKey, state: WitnessState) => void): void {
    this.#listeners.add(fn)
  }

  /** What this witness knows of a replica. */
  stateOf(key: ReplicaKey): WitnessState {
    return this.#registers.get(replicaId(key))?.state ?? VACANT
  }

  leaseState(key: ReplicaKey): ReturnType<typeof leaseState> {
    return leaseState(this.stateOf(key), this.components.clock.nowMs())
  }

  /** Forget a closed job's registers. */
  async forget(job: JobId): Promise<void> {
    this.#subtaskCounts.delete(job)
    for (const id of [...this.#registers.keys()]) {
      if (!id.startsWith(`${job}/`)) continue
      this.#registers.delete(id)
      await this.components.store.delete(`witness/${id}`)
    }
  }

  async #serve(bytes: Uint8Array, from: PeerId): Promise<Uint8Array> {
    const decoded = decodeMessage(bytes, REQUESTS, this.components.context)
    if (!decoded.ok) throw new RangeError(decoded.fault)
    const request = decoded.value as Request
    const key = request.body.replica
    const rules = this.#rules(key)
    if (typeof rules === 'string') return refuse(rules)
    const id = replicaId(key)
    const entry = this.#registers.get(id) ?? register(VACANT)
    if (entry.waitingCount >= WAITING_PER_REPLICA_MAX) return refuse('overloaded')
    this.#registers.set(id, entry)
    entry.waitingCount++
    const reply = entry.tail.then(() => this.#judge(entry, id, request, from, rules))
    entry.tail = reply.catch(() => undefined)
    return reply.finally(() => {
      entry.waitingCount--
      // A refused stranger leaves nothing behind.
      if (entry.waitingCount === 0 && entry.state === VACANT) this.#registers.delete(id)
    })
  }

  /** Judge one request against the durable state, keep the new state, answer. */
  async #judge(
    entry: Register,
    id: string,
    request: Request,
    from: PeerId,
    rules: WitnessRules
  ): Promise<Uint8Array> {
    const { clock, store, context } = this.components
    const nowMs = clock.nowMs()
    const before = entry.state
    const keep = async (step: Step<unknown>): Promise<void> => {
      if (!step.changed) return
      await store.put(`witness/${id}`, canonical(step.state))
      entry.state = step.state
      for (const listener of this.#listeners) listener(request.body.replica, step.state)
    }
    switch (request.type) {
      case 'claim': {
        const step = onClaim(before, request.body, from, nowMs, rules)
        await keep(step)
        if (!step.reply.granted) return encodeMessage(message('refusal', step.reply.refusal))
        return encodeMessage(signed('promise', step.reply.value, context))
      }
      case 'renew': {
        const step = onRenew(before, request.body, from, nowMs, rules)
        await keep(step)
        if (!step.reply.granted) return encodeMessage(message('refusal', step.reply.refusal))
        return encodeMessage(message('renew-ack', step.reply.value))
      }
      case 'release': {
        const step = onRelease(before, request.body, from, nowMs, rules)
        await keep(step)
        if (!step.reply.granted) return encodeMessage(message('refusal', step.reply.refusal))
        return encodeMessage(message('release-ack', {}))
      }
      case 'commit': {
        const step = onCommit(before, request, from, nowMs, rules)
        await keep(step)
        if (!step.reply.granted) return encodeMessage(message('refusal', step.reply.refusal))
        return encodeMessage(signed('commit-vote', step.reply.value, context))
      }
    }
  }

  #rules(key: ReplicaKey): WitnessRules | RefusalReason {
    const { context, params, network } = this.components
    const offer = this.offers.get(key.job)
    if (offer === undefined) return 'unknown-job'
    if (!offer.witnesses.members.includes(network.peerId)) return 'not-witness'
    const spec = offer.signed.body.spec
    let subtaskCount = this.#subtaskCounts.get(key.job)
    if (subtaskCount === undefined) {
      subtaskCount = split(spec).length
      this.#subtaskCounts.set(key.job, subtaskCount)
    }
    return {
      params,
      context,
      witnesses: offer.witnesses,
      self: network.peerId,
      creator: spec.creator,
      // Owner mode takes no claim without a grant.
      priceCap: () => 0n,
      subtaskCount,
      replicaCountMax: Math.min(spec.verify.replicaCountMax, REPLICA_COUNT_MAX)
    }
  }
}

function register(state: WitnessState): Register {
  return { state, tail: Promise.resolve(), waitingCount: 0 }
}

function refuse(reason: RefusalReason): Uint8Array {
  return encodeMessage(message('refusal', { reason }))
}
