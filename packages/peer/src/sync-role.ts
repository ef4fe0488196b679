import { type Admission, isRayswarmError, type JobId, type PeerId, type SetName } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX, SYNC_ITEMS_COUNT_MAX } from '@rayswarm/params'
import { answer, IdSet, open, proceed } from '@rayswarm/reconcile'
import { decodeMessage, encodeMessage, type MessageOf, message, toHex } from '@rayswarm/wire'
import type { RoleComponents } from './components.ts'
import { exchangeWithNeighbours } from './neighbours.ts'
import { Scope } from './scope.ts'

/** A set of items that this peer keeps equal with its neighbours'. */
export interface SyncSet {
  readonly name: SetName
  /** Whose evidence, for the set `job`. */
  readonly job?: JobId
  /** What others may know that we have. */
  readonly ids: IdSet

  /** The encoded item, if there still is one. */
  read(id: Uint8Array): Uint8Array | undefined

  /**
   * Judge an item and, if it is sound and new, keep it. Items come in the order of their ids. One that is ignored is not fetched again
   * from the same peer for a while, unless the fault is `gap`: then it only came too early.
   */
  take(item: Uint8Array, from: PeerId): Admission
}

/** How an exchange ended. */
export interface SyncOutcome {
  /**
   * - `complete`: each side was handed what only the other had
   * - `partial`: there was more than one exchange may move; the next one goes on
   * - `unknown`: the other keeps no such set
   * - `failed`: the other did not answer, or with something that is provably wrong
   */
  readonly end: 'complete' | 'partial' | 'unknown' | 'failed'
  /** Items that were new to us and sound. */
  readonly receivedCount: number
  readonly sentCount: number
  /** Frames sent. */
  readonly roundCount: number
}

/** Frames of one exchange. A million ids that differ by a hundred take four. */
const ROUND_COUNT_MAX = 64
/** Differences that one exchange looks for before it moves items. Large enough that the first of them are among these. */
const FOUND_COUNT_MAX = 32_768
/** A request that got no answer in time is sent again. Each can come twice without harm. */
const ATTEMPT_COUNT_MAX = 3
/** Items wanted in one request: what fits in one page of small items. */
const WANTED_COUNT_MAX = 128
/** Encoded items in one message; the rest is for ids and frames around them. */
const ITEMS_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX.direct - 8 * 1024
/** Sync intervals for which an item that one side did not take is not offered again between two peers. */
const DECLINED_INTERVALS = 16
const DECLINED_COUNT_MAX = 16_384
const CUT_SIZE_BYTES = 2
/** Exchanges in a row with one neighbour, while each of them is `partial`. */
const PARTIAL_COUNT_MAX = 32

interface Tally {
  receivedCount: number
  sentCount: number
  roundCount: number
}

/** Anti-entropy: keeps this peer's sets equal with those of its neighbours, and answers for them. */
export class SyncRole {
  readonly #sets = new Map<string, SyncSet>()
  /** What a peer would not take from us, or we not from it, and until when that is remembered. */
  readonly #declined = new Map<string, number>()
  readonly #scope: Scope

  constructor(
    readonly components: RoleComponents,
    readonly foundCountMax = FOUND_COUNT_MAX
  ) {
    this.#scope = new Scope(components)
  }

  /** Answer for a set, until the returned function is called. All but those of jobs are also kept equal with neighbours'. */
  register(set: SyncSet): () => void {
    const key = keyOf(set)
    if (this.#sets.has(key)) throw new RangeError(`two sets are called ${key}`)
    this.#sets.set(key, set)
    return () => {
      if (this.#sets.get(key) === set) this.#sets.delete(key)
    }
  }

  start(): void {
    const { network, context } = this.components
    network.serve('sync', async (bytes, from) => {
      const decoded = decodeMessage(bytes, ['recon', 'items-query'], context)
      if (!decoded.ok) throw new RangeError(decoded.fault)
      return encodeMessage(
        decoded.value.type === 'recon'
          ? this.#onRecon(decoded.value)
          : await this.#onItems(decoded.value, from)
      )
    })
    exchangeWithNeighbours('exchange', this.#scope, this.components, peer => this.#exchangeAll(peer))
  }

  stop(): Promise<void> {
    return this.#scope.close()
  }

  /**
   * Compare a set with a peer's, fetch what we lack and hand over what it lacks. Never throws on what the peer does.
   *
   * @see spec/reconcile.md#exchange
   */
  async exchange(peer: PeerId, set: SyncSet): Promise<SyncOutcome> {
    const tally: Tally = { receivedCount: 0, sentCount: 0, roundCount: 0 }
    const have: Uint8Array[] = []
    const want: Uint8Array[] = []
    const compared = await this.#compare(peer, set, have, want, tally)
    if (compared === 'unknown' || compared === 'failed') return { end: compared, ...tally }
    const moved = await this.#move(peer, set, inOrder(have), inOrder(want), tally)
    return { end: moved ? compared : 'failed', ...tally }
  }

  /** Every set that is everybody's. False if the neighbour was of no use. */
  async #exchangeAll(peer: PeerId): Promise<boolean> {
    for (const set of [...this.#sets.values()]) {
      if (set.job !== undefined) continue
      for (let count = 0; count < PARTIAL_COUNT_MAX; count++) {
        const { end, receivedCount, sentCount } = await this.exchange(peer, set)
        if (end === 'failed') return false
        if (end !== 'partial' || receivedCount + sentCount === 0) break
      }
    }
    return true
  }

  /** Find out what differs. */
  async #compare(
    peer: PeerId,
    set: SyncSet,
    have: Uint8Array[],
    want: Uint8Array[],
    tally: Tally
  ): Promise<SyncOutcome['end']> {
    let frame: Uint8Array | undefined = open(set.ids, this.components.chance.bytes(CUT_SIZE_BYTES))
    while (frame !== undefined) {
      if (tally.roundCount >= ROUND_COUNT_MAX || have.length + want.length >= this.foundCountMax)
        return 'partial'
      tally.roundCount++
      const reply = await this.#ask(peer, message('recon', { ...whichOf(set), frame }), 'recon-reply')
      if (reply === undefined) return 'failed'
      if (reply.body.unknown) return 'unknown'
      if (reply.body.frame === undefined) return 'complete'
      const found = proceed(set.ids, reply.body.frame)
      if (!found.ok) return 'failed'
      for (const id of found.value.have) this.#note(have, peer, id)
      for (const id of found.value.want) this.#note(want, peer, id)
      frame = found.value.frame
    }
    return 'complete'
  }

  #note(found: Uint8Array[], peer: PeerId, id: Uint8Array): void {
    const { clock } = this.components
    const declinedUntilMs = this.#declined.size === 0 ? 0 : this.#declined.get(`${peer} ${toHex(id)}`)
    if (declinedUntilMs === undefined || clock.nowMs() >= declinedUntilMs) found.push(id)
  }

  /** Fetch what we want and hand over what we have, in the order of ids. False if the peer failed. */
  async #move(
    peer: PeerId,
    set: SyncSet,
    have: readonly Uint8Array[],
    want: readonly Uint8Array[],
    tally: Tally
  ): Promise<boolean> {
    let wantAt = 0
    let haveAt = 0
    while (wantAt < want.length || haveAt < have.length) {
      const ids = want.slice(wantAt, wantAt + WANTED_COUNT_MAX)
      const { items, nextAt } = pageOf(set, have, haveAt)
      const query = message('items-query', { ...whichOf(set), ids, items: items as Uint8Array[] })
      const page = await this.#ask(peer, query, 'items-page')
      if (page === undefined) return false
      for (const id of have.slice(haveAt, nextAt)) this.#decline(peer, set, id)
      tally.sentCount += items.length
      haveAt = nextAt
      const answered = page.body.items
      if (answered.length > ids.length || (answered.length === 0 && ids.length > 0)) return false
      for (const item of answered) {
        if (!this.#take(peer, set, want[wantAt++]!, item, tally)) return false
      }
    }
    return true
  }

  /** Take an item that was asked for. False if it is provably wrong. */
  #take(peer: PeerId, set: SyncSet, id: Uint8Array, item: Uint8Array, tally: Tally): boolean {
    // Empty: the other has it no more.
    if (item.length === 0) return true
    const judged = set.take(item, peer)
    if (judged.action === 'accept') tally.receivedCount++
    else if (judged.fault !== 'gap') this.#decline(peer, set, id)
    return judged.action !== 'reject'
  }

  #decline(peer: PeerId, { job }: SyncSet, id: Uint8Array): void {
    // Exchanges of a job's set are asked for: each is to do all it can.
    if (job !== undefined) return
    const { clock, params } = this.components
    this.#declined.set(`${peer} ${toHex(id)}`, clock.nowMs() + DECLINED_INTERVALS * params.syncIntervalMs)
    for (const key of this.#declined.keys()) {
      if (this.#declined.size <= DECLINED_COUNT_MAX) break
      this.#declined.delete(key)
    }
  }

  #onRecon({ body }: MessageOf<'recon'>): MessageOf<'recon-reply'> {
    const set = this.#sets.get(keyOf({ name: body.set, job: body.job }))
    if (set === undefined) return message('recon-reply', { unknown: true })
    const answered = answer(set.ids, body.frame)
    if (!answered.ok) throw new RangeError(answered.detail)
    const settled = answered.value.length === 1
    return message('recon-reply', { ...(!settled && { frame: answered.value }), unknown: false })
  }

  #onItems({ body }: MessageOf<'items-query'>, from: PeerId): MessageOf<'items-page'> {
    const set = this.#sets.get(keyOf({ name: body.set, job: body.job }))
    if (set === undefined) return message('items-page', { items: [] })
    for (const item of body.items) {
      const judged = set.take(item, from)
      // Who hands over one provably wrong item is not worth the time for the others.
      if (judged.action === 'reject') throw new RangeError(judged.fault)
    }
    return message('items-page', { items: pageOf(set, body.ids, 0, EMPTY).items as Uint8Array[] })
  }

  async #ask<T extends 'recon-reply' | 'items-page'>(
    peer: PeerId,
    request: MessageOf<'recon'> | MessageOf<'items-query'>,
    type: T
  ): Promise<MessageOf<T> | undefined> {
    const { network, context, params } = this.components
    const bytes = encodeMessage(request)
    for (let attempt = 1; attempt <= ATTEMPT_COUNT_MAX && !this.#scope.closed; attempt++) {
      const options = { timeoutMs: params.requestTimeoutMs, signal: this.#scope.signal }
      try {
        const decoded = decodeMessage(await network.request(peer, 'sync', bytes, options), [type], context)
        return decoded.ok ? decoded.value : undefined
      } catch (cause) {
        if (!(isRayswarmError(cause) && cause.code === 'ERR_TIMEOUT')) return undefined
      }
    }
    return undefined
  }
}

const EMPTY = new Uint8Array(0)

/** In the order of ids, each once: a frame may name one that another frame named. Mostly there are none. */
function inOrder(ids: readonly Uint8Array[]): readonly Uint8Array[] {
  return ids.length === 0 ? ids : [...new IdSet(ids)]
}

/** Items of some ids, from one on, as many as fit; those that are gone are left out or replaced. */
function pageOf(
  set: SyncSet,
  ids: readonly Uint8Array[],
  from: number,
  absent?: Uint8Array
): { items: readonly Uint8Array[]; nextAt: number } {
  const items: Uint8Array[] = []
  let sizeBytes = 0
  let nextAt = from
  for (; nextAt < ids.length && items.length < SYNC_ITEMS_COUNT_MAX; nextAt++) {
    const id = ids[nextAt]!
    // Nobody is told of an item before its time, even by a lucky guess.
    const read = set.ids.has(id) ? set.read(id) : undefined
    const item = read === undefined || read.length > ITEMS_SIZE_BYTES_MAX ? absent : read
    if (item === undefined) continue
    if (sizeBytes + item.length > ITEMS_SIZE_BYTES_MAX) break
    items.push(item)
    sizeBytes += item.length + 3
  }
  return { items, nextAt }
}

function keyOf({ name, job }: { name: SetName; job?: JobId | undefined }): string {
  return job === undefined ? name : `${name} ${job}`
}

function whichOf({ name, job }: SyncSet): { set: SetName; job?: JobId } {
  return { set: name, ...(job !== undefined && { job }) }
}
