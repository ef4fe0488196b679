import type { Admission, LedgerEntry, PeerId, Score, Signed } from '@rayswarm/interface'
import { LEDGER_PAGE_COUNT_MAX } from '@rayswarm/params'
import { Ledger, scoreOf, scores } from '@rayswarm/reputation'
import { decodeMessage, encodeMessage, message, verifySigned } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import { exchangeWithNeighbours } from './neighbours.ts'
import { Scope } from './scope.ts'

/** Pages fetched from one neighbour in one exchange. */
const PAGES_PER_EXCHANGE_MAX = 64
const SCORE_AGE_MS_MAX = 60_000

/** Keeps this peer's copy of the reputation ledger: durable, gossiped, reconciled with neighbours. */
export class LedgerRole {
  readonly ledger: Ledger
  readonly #scope: Scope
  readonly #listeners = new Set<(entry: Signed<LedgerEntry>) => void>()
  #scored: { size: number; atMs: number; scores: readonly Score[] } = { size: -1, atMs: 0, scores: [] }
  /** Own entries that are not durable yet, in order. */
  readonly #unwritten: Signed<LedgerEntry>[] = []
  /** Entries are written in the order they were admitted. */
  #written: Promise<void> = Promise.resolve()

  constructor(readonly components: RoleComponents) {
    this.ledger = new Ledger(components.context)
    this.#scope = new Scope(components)
  }

  async start(): Promise<void> {
    const { network, store, context } = this.components
    for await (const [, bytes] of store.list('ledger/')) {
      const decoded = decodeMessage(bytes, ['entry'], context)
      if (decoded.ok) this.ledger.add(decoded.value)
    }
    network.subscribe('ledger', bytes => this.#onGossip(bytes))
    network.serve('ledger', async bytes => {
      const decoded = decodeMessage(bytes, ['ledger-heads'], context)
      if (!decoded.ok) throw new RangeError(decoded.fault)
      const { entries, complete } = this.ledger.since(decoded.value.body)
      const written = entries.filter(entry => !this.#unwritten.includes(entry))
      return encodeMessage(message('ledger-page', { entries: written, complete }))
    })
    exchangeWithNeighbours('ledger exchange', this.#scope, this.components, peer => this.#exchange(peer))
  }

  async stop(): Promise<void> {
    await this.#scope.close()
    await this.#written.catch(cause => this.components.log.warn('ledger not kept', { cause }))
  }

  onEntry(fn: (entry: Signed<LedgerEntry>) => void): void {
    this.#listeners.add(fn)
  }

  /** A peer's score, in parts of 10 000. Scores decay by the day, so a minute's change is none. */
  scoreBps(peer: PeerId): number {
    const nowMs = this.components.clock.nowMs()
    const stale = this.#scored.size !== this.ledger.size || nowMs > this.#scored.atMs + SCORE_AGE_MS_MAX
    if (stale) this.#scored = { size: this.ledger.size, atMs: nowMs, scores: this.scores() }
    return scoreOf(this.#scored.scores, peer)
  }

  /** Everybody's score, from what this peer knows now. */
  scores(): readonly Score[] {
    return scores(this.ledger.entries(), this.components.clock.nowMs())
  }

  /** Entries of our own feed. */
  *own(): Generator<Signed<LedgerEntry>> {
    const self = this.components.network.peerId
    for (const entry of this.ledger.entries()) if (entry.body.author === self) yield entry
  }

  /**
   * Append to our own feed, durably, then tell the swarm. Nobody sees an entry that a crash could make us forget: its
   * sequence number would be used again, and two entries with one number freeze their author.
   *
   * @throws whatever the store throws; the entry is then written with the next one
   */
  async append(claim: LedgerEntry['claim']): Promise<Signed<LedgerEntry>> {
    const entry = this.ledger.append(claim, this.components.clock.nowMs())
    this.#unwritten.push(entry)
    const flushed = this.#written.catch(() => undefined).then(() => this.#flush())
    flushed.catch(() => undefined)
    this.#written = flushed
    await flushed
    return entry
  }

  async #flush(): Promise<void> {
    for (let entry = this.#unwritten[0]; entry !== undefined; entry = this.#unwritten[0]) {
      await this.#put(entry)
      this.#unwritten.shift()
      this.#tell(entry)
      const bytes = encodeMessage(entry)
      this.#scope.spawn('ledger gossip', async () => {
        await this.components.network.publish('ledger', bytes)
      })
    }
  }

  #add(entry: Signed<LedgerEntry>): Admission {
    const judged = this.ledger.add(entry)
    if (judged.action !== 'accept') return judged
    // Others' entries can be fetched again: one that is not kept is no loss.
    this.#written = this.#written
      .catch(() => undefined)
      .then(() => this.#put(entry))
      .catch(cause => this.components.log.warn('ledger entry not kept', { cause }))
    this.#tell(entry)
    return judged
  }

  #put(entry: Signed<LedgerEntry>): Promise<void> {
    const { author, sequence } = entry.body
    const key = `ledger/${author}/${String(sequence).padStart(8, '0')}`
    return this.components.store.put(key, encodeMessage(entry))
  }

  #tell(entry: Signed<LedgerEntry>): void {
    for (const listener of this.#listeners) listener(entry)
  }

  #onGossip(bytes: Uint8Array): Admission {
    const decoded = decodeMessage(bytes, ['entry'], this.components.context)
    return decoded.ok ? this.#add(decoded.value) : { action: 'reject', fault: decoded.fault }
  }

  async #exchange(peer: PeerId): Promise<void> {
    const { context, params } = this.components
    for (let page = 0; page < PAGES_PER_EXCHANGE_MAX; page++) {
      const heads = message('ledger-heads', this.ledger.heads())
      const options = { timeoutMs: params.requestTimeoutMs, signal: this.#scope.signal }
      const answer = await ask(this.components, peer, 'ledger', heads, ['ledger-page'], options)
      if (answer === undefined) return
      const { entries, complete } = answer.body
      let addedCount = 0
      for (const entry of entries.slice(0, LEDGER_PAGE_COUNT_MAX)) {
        if (verifySigned(entry, context) && this.#add(entry).action === 'accept') addedCount++
      }
      if (complete || addedCount === 0) return
    }
  }
}
