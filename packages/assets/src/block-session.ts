import { hash } from 'node:crypto'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Log, type PeerId, RayswarmError } from '@rayswarm/interface'
import type { CID } from 'multiformats/cid'
import { equals } from 'uint8arrays/equals'
import { BlockStream, REQUESTS_OPEN_MAX } from './block-protocol.ts'
import type { BlockSource, OpenSource } from './download.ts'
import type { IdleStreams } from './idle-streams.ts'

/** Streams opened at once to those named as providers, and to others when these fail. */
const PROVIDERS_AT_ONCE = 8
const OTHERS_AT_ONCE = 4
/** Peers one operation asks, however many are connected. */
const PEER_COUNT_MAX = 32
const DIAL_TIMEOUT_MS = 5_000
/** A block that takes longer is also asked from another peer, and a peer that is silent for so long is asked last. */
const HEDGE_MS = 2_000
/** A block that takes so long is also asked from peers that nobody named, though its bytes keep dripping. */
const SLOW_MS = 5_000
const WATCH_MS = 500
const BITSWAP_PROTOCOL = '/ipfs/bitswap/1.2.0'

interface Want {
  readonly cid: CID
  /** Peers that answered without the block, or with a wrong one. */
  readonly tried: Set<PeerId>
  readonly lanes: Set<Lane>
  readonly liars: Set<PeerId>
  askedAtMs: number
  resolve(bytes: Uint8Array): void
  reject(error: unknown): void
}

interface Lane {
  readonly peer: PeerId
  readonly stream: BlockStream
  /** An earlier operation left it, and nothing has come over it since: when it fails, that says nothing about the peer. */
  stale: boolean
  /** In the order they were asked, which is the order of the answers. */
  readonly asked: Want[]
  listening: boolean
}

/** What a session needs from the world. */
export interface BlockSessionComponents {
  readonly libp2p: Libp2p
  readonly netId: string
  readonly log: Log | undefined
  readonly idle: IdleStreams
  /** Asked for a block that none of our own kind has; `peers` do not speak our protocol. */
  readonly foreign: OpenSource
}

/**
 * Blocks from several peers at once, for one operation.
 *
 * Every peer has a lane with a few requests under way and takes the next wanted block when it has room, so that faster
 * peers do more. What a peer lacks, falsifies or sits on goes to another one; who falsifies is asked nothing more.
 */
export class BlockSession implements BlockSource {
  readonly #parts: BlockSessionComponents
  readonly #signal: AbortSignal
  readonly #closing = new AbortController()
  #candidates: PeerId[]
  readonly #known = new Set<PeerId>()
  readonly #foreign = new Set<PeerId>()
  readonly #wants = new Set<Want>()
  readonly #lanes = new Set<Lane>()
  #opening = 0
  #watch: NodeJS.Timeout | undefined

  constructor(components: BlockSessionComponents, providers: readonly PeerId[], signal: AbortSignal) {
    this.#parts = components
    this.#signal = AbortSignal.any([signal, this.#closing.signal])
    this.#candidates = [...new Set(providers)].slice(0, PEER_COUNT_MAX)
    for (const peer of this.#candidates) this.#known.add(peer)
  }

  async retrieve(cid: CID): Promise<Uint8Array> {
    this.#signal.throwIfAborted()
    let want: Want | undefined
    let giveUp = () => {}
    this.#watch ??= setInterval(() => this.#hedge(), WATCH_MS)
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        giveUp = () => reject(this.#signal.reason)
        this.#signal.addEventListener('abort', giveUp, { once: true })
        want = {
          cid,
          resolve,
          reject,
          tried: new Set(),
          lanes: new Set(),
          liars: new Set(),
          askedAtMs: performance.now()
        }
        this.#wants.add(want)
        this.#work()
      })
    } finally {
      this.#signal.removeEventListener('abort', giveUp)
      if (want !== undefined) this.#wants.delete(want)
    }
  }

  close(): void {
    this.#closing.abort()
    clearInterval(this.#watch)
    for (const { peer, stream } of this.#lanes) this.#parts.idle.give(peer, stream)
    this.#lanes.clear()
  }

  #work(): void {
    if (this.#signal.aborted) return
    const waiting = [...this.#wants].filter(want => want.lanes.size === 0)
    // One to each lane in turn: the first must not take all.
    for (let gave = true; gave; ) {
      gave = false
      for (const lane of this.#lanes) gave = this.#give(lane, waiting) || gave
    }
    const stuck = waiting.filter(want => want.lanes.size === 0 && !this.#has(want, isResponsive))
    // Several peers are faster than one, as long as there is something to ask each for.
    const hungry = this.#candidates.length > 0 && this.#lanes.size + this.#opening < this.#wants.size
    if ((stuck.length > 0 || hungry) && this.#openMore()) return
    // A silent peer may still answer: the caller's deadline decides about it.
    for (const want of stuck) if (!this.#has(want, () => true)) this.#fail(want)
  }

  #give(lane: Lane, waiting: readonly Want[]): boolean {
    if (!hasRoom(lane) || !isResponsive(lane)) return false
    const want = waiting.find(want => want.lanes.size === 0 && !want.tried.has(lane.peer))
    if (want !== undefined) this.#ask(lane, want)
    return want !== undefined
  }

  /** Whether there is such a lane that may still have the block. */
  #has(want: Want, such: (lane: Lane) => boolean): boolean {
    for (const lane of this.#lanes) if (!want.tried.has(lane.peer) && such(lane)) return true
    return false
  }

  #ask(lane: Lane, want: Want): void {
    want.lanes.add(lane)
    want.askedAtMs = performance.now()
    lane.asked.push(want)
    lane.stream.ask(want.cid).catch(error => this.#drop(lane, error))
    if (!lane.listening) this.#listen(lane).catch(error => this.#drop(lane, error))
  }

  async #listen(lane: Lane): Promise<void> {
    lane.listening = true
    for (let want = lane.asked[0]; want !== undefined; want = lane.asked[0]) {
      const bytes = await lane.stream.answer(want.cid)
      if (!this.#lanes.has(lane)) return
      lane.stale = false
      lane.asked.shift()
      want.lanes.delete(lane)
      if (bytes === undefined) {
        want.tried.add(lane.peer)
      } else if (isBlock(want.cid, bytes)) {
        this.#wants.delete(want)
        want.resolve(bytes)
      } else {
        want.liars.add(lane.peer)
        throw new Error('sent a wrong block')
      }
      this.#work()
    }
    lane.listening = false
  }

  #drop(lane: Lane, cause: unknown): void {
    if (!this.#lanes.delete(lane)) return
    if (!this.#signal.aborted)
      this.#parts.log?.debug('peer dropped', { peer: lane.peer, cause: String(cause) })
    lane.stream.close()
    if (lane.stale) this.#candidates.push(lane.peer)
    for (const want of lane.asked) want.lanes.delete(lane)
    this.#work()
  }

  /** Whether anybody new is being asked. */
  #openMore(): boolean {
    if (this.#opening > 0) return true
    this.#openNext()
    return this.#opening > 0
  }

  #openNext(): void {
    let most = PROVIDERS_AT_ONCE
    if (this.#candidates.length === 0) {
      most = OTHERS_AT_ONCE
      for (const peer of this.#parts.libp2p.getPeers()) {
        if (this.#known.size >= PEER_COUNT_MAX) break
        if (this.#known.has(peer.toString())) continue
        this.#known.add(peer.toString())
        this.#candidates.push(peer.toString())
      }
    }
    // Whoever has a stream left over costs nothing; of the others two, lest the only one be dead.
    const { idle } = this.#parts
    const ready = this.#candidates.filter(peer => idle.has(peer))
    const count = Math.min(most, Math.max(this.#wants.size, ready.length > 0 ? 1 : 2))
    const next = (ready.length > 0 ? ready : this.#candidates).slice(0, count)
    this.#candidates = this.#candidates.filter(peer => !next.includes(peer))
    for (const peer of next) void this.#open(peer)
  }

  async #open(peer: PeerId): Promise<void> {
    this.#opening++
    const { libp2p, netId, log, idle } = this.#parts
    try {
      const left = idle.take(peer)
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
      const stream = left ?? (await BlockStream.open(libp2p, netId, peerIdFromString(peer), signal))
      if (this.#signal.aborted) idle.give(peer, stream)
      else this.#lanes.add({ peer, stream, stale: left !== undefined, asked: [], listening: false })
    } catch (error) {
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') this.#foreign.add(peer)
      if (!this.#signal.aborted) log?.debug('peer not reached', { peer, cause: String(error) })
    } finally {
      this.#opening--
      this.#work()
    }
  }

  // A peer that answers late, or never, must not hold up those that would.
  #hedge(): void {
    const nowMs = performance.now()
    let late = false
    for (const want of this.#wants) {
      if (nowMs - want.askedAtMs < HEDGE_MS) continue
      const silent = ![...want.lanes].some(isResponsive)
      const other = [...this.#lanes].find(
        lane =>
          !want.tried.has(lane.peer) &&
          !want.lanes.has(lane) &&
          (lane.asked.length === 0 || (silent && hasRoom(lane) && isResponsive(lane)))
      )
      if (other !== undefined) this.#ask(other, want)
      else late ||= silent || nowMs - want.askedAtMs >= SLOW_MS
    }
    if (late) this.#openNext()
    this.#work()
  }

  #fail(want: Want): void {
    this.#wants.delete(want)
    const retrieved = this.#foreign.size === 0 ? Promise.resolve(undefined) : this.#askForeign(want.cid)
    retrieved.then(
      bytes => (bytes === undefined ? want.reject(this.#failure(want)) : want.resolve(bytes)),
      () => want.reject(this.#failure(want))
    )
  }

  async #askForeign(cid: CID): Promise<Uint8Array | undefined> {
    const { libp2p, foreign } = this.#parts
    const peers: PeerId[] = []
    for (const peer of this.#foreign) {
      const known = await libp2p.peerStore.get(peerIdFromString(peer)).catch(() => undefined)
      if (known?.protocols.includes(BITSWAP_PROTOCOL)) peers.push(peer)
    }
    return peers.length === 0 ? undefined : await foreign(peers, this.#signal).retrieve(cid)
  }

  #failure(want: Want): RayswarmError {
    const cid = want.cid.toString()
    if (want.liars.size > 0) {
      const peers = [...want.liars]
      return new RayswarmError('ERR_BLOCK_CORRUPT', `block ${cid}: wrong bytes from ${peers.join(', ')}`, {
        thing: 'block',
        value: { cid, peers },
        remedy: 'Fetch it from other peers: those named here sent bytes that do not have the hash.'
      })
    }
    return new RayswarmError(
      'ERR_NOT_FOUND',
      `block ${cid}: none of ${this.#known.size} peers asked has it`,
      {
        thing: 'block',
        value: { cid, peersAsked: this.#known.size },
        remedy: 'Try again when a peer that holds the content is reachable.'
      }
    )
  }
}

function hasRoom(lane: Lane): boolean {
  return lane.asked.length < REQUESTS_OPEN_MAX
}

function isResponsive(lane: Lane): boolean {
  return lane.stream.silentMs < HEDGE_MS
}

function isBlock(cid: CID, bytes: Uint8Array): boolean {
  return equals(hash('sha256', bytes, 'buffer'), cid.multihash.digest)
}
