import type { Admission, LedgerEntry, PeerId, Score, Signed } from '@rayswarm/interface'
import { judgeEquivocation } from '@rayswarm/lease'
import { IdSet } from '@rayswarm/reconcile'
import {
  authorMark,
  decodeItem,
  encodeFork,
  entryIdOf,
  type ForkProof,
  forkIdOf,
  Ledger,
  placeOf,
  scoreOf,
  scores
} from '@rayswarm/reputation'
import { bytesEqual, decodeMessage, encodeMessage } from '@rayswarm/wire'
import type { RoleComponents } from './components.ts'
import { Scope } from './scope.ts'
import type { SyncSet } from './sync-role.ts'

const SCORE_AGE_MS_MAX = 60_000

/** Keeps this peer's copy of the reputation ledger: durable, gossiped, reconciled with neighbours. */
export class LedgerRole {
  readonly ledger: Ledger
  /** The ledger as neighbours reconcile it. */
  readonly set: SyncSet
  /** What others may see: every entry that counts and every fork, but nothing of ours that is not durable yet. */
  readonly #ids = new IdSet()
  /** Authors by what stands for them in ids. */
  readonly #authors = new Map<number, Set<PeerId>>()
  readonly #scope: Scope
  readonly #listeners = new Set<(entry: Signed<LedgerEntry>) => void>()
  #scored: { size: number; atMs: number; scores: readonly Score[] } = { size: -1, atMs: 0, scores: [] }
  /** Own entries that are not durable yet, in order. */
  readonly #unwritten: Signed<LedgerEntry>[] = []
  /** Entries are written in the order they were admitted. */
  #written: Promise<void> = Promise.resolve()

  constructor(readonly components: RoleComponents) {
    this.ledger = new Ledger(components.context, {
      kept: (entry, hash) => this.#show(entry.body.author, entryIdOf(entry, hash)),
      dropped: (entry, hash) => this.#ids.delete(entryIdOf(entry, hash)),
      frozen: (proof, before) => {
        if (before !== undefined) this.#ids.delete(forkIdOf(before))
        this.#show(proof.author, forkIdOf(proof))
        this.#write(() => this.#putFork(proof))
      }
    })
    this.set = {
      name: 'ledger',
      ids: this.#ids,
      read: id => this.#read(id),
      take: item => this.#take(item)
    }
    this.#scope = new Scope(components)
  }

  async start(): Promise<void> {
    const { network, params, store, context } = this.components
    for await (const [, bytes] of store.list('ledger/')) {
      const decoded = decodeMessage(bytes, ['entry'], context)
      if (decoded.ok) this.ledger.add(decoded.value)
    }
    for await (const [, bytes] of store.list('ledger-forks/')) {
      const decoded = decodeItem(bytes, context)
      if (decoded.ok) for (const entry of decoded.value) this.ledger.add(entry)
    }
    network.subscribe('ledger', bytes => this.#onGossip(bytes))
    this.#scope.every(
      'own ledger entries',
      () => params.syncIntervalMs,
      async () => {
        if (this.#unwritten.length > 0) await this.#flushed()
      }
    )
  }

  async stop(): Promise<void> {
    await this.#scope.close()
    await this.#flushed().catch(cause => this.components.log.warn('ledger not kept', { cause }))
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

  /** Whether the ledger proves that a peer voted twice as a witness. */
  isConvicted(peer: PeerId): boolean {
    for (const { body } of this.ledger.entries())
      if (body.claim.kind === 'equivocation' && body.claim.witness === peer) return true
    return false
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
   * @throws whatever the store throws; the entry is then written a while later, or with the next one
   */
  async append(claim: LedgerEntry['claim']): Promise<Signed<LedgerEntry>> {
    const entry = this.ledger.append(claim, this.components.clock.nowMs())
    this.#unwritten.push(entry)
    await this.#flushed()
    return entry
  }

  /** Append several claims. Those that the disk refuses are written a while later: nobody waits for them. */
  async say(claims: readonly LedgerEntry['claim'][]): Promise<void> {
    await Promise.allSettled(claims.map(claim => this.append(claim)))
  }

  #flushed(): Promise<void> {
    const flushed = this.#written.catch(() => undefined).then(() => this.#flush())
    flushed.catch(() => undefined)
    this.#written = flushed
    return flushed
  }

  async #flush(): Promise<void> {
    for (let entry = this.#unwritten[0]; entry !== undefined; entry = this.#unwritten[0]) {
      await this.#put(entry)
      this.#unwritten.shift()
      const { author, sequence } = entry.body
      // It counts no more if we were caught with a fork meanwhile.
      if (this.ledger.at(author, sequence) === entry) this.#show(author, entryIdOf(entry))
      this.#tell(entry)
      const bytes = encodeMessage(entry)
      this.#scope.spawn('ledger gossip', async () => {
        await this.components.network.publish('ledger', bytes)
      })
    }
  }

  #add(entry: Signed<LedgerEntry>): Admission {
    const { claim } = entry.body
    // A conviction is for ever: nobody is convicted without a proof.
    if (claim.kind === 'equivocation') {
      const proven = judgeEquivocation(claim, this.components.context)
      if (proven.action !== 'accept') return proven
    }
    const judged = this.ledger.add(entry)
    if (judged.action !== 'accept') return judged
    const { author, sequence } = entry.body
    // One that does not count proved a fork, and that is written for itself: its place is taken.
    if (this.ledger.at(author, sequence) === entry) this.#write(() => this.#put(entry))
    this.#tell(entry)
    return judged
  }

  /** Others' entries can be fetched again: one that is not kept is no loss. */
  #write(put: () => Promise<void>): void {
    this.#written = this.#written
      .catch(() => undefined)
      .then(put)
      .catch(cause => this.components.log.warn('ledger entry not kept', { cause }))
  }

  #putFork(proof: ForkProof): Promise<void> {
    return this.components.store.put(`ledger-forks/${proof.author}`, encodeFork(proof))
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

  #show(author: PeerId, id: Uint8Array): void {
    this.#ids.add(id)
    const mark = authorMark(author)
    const authors = this.#authors.get(mark)
    if (authors === undefined) this.#authors.set(mark, new Set([author]))
    else authors.add(author)
  }

  #read(id: Uint8Array): Uint8Array | undefined {
    const { author: mark, sequence } = placeOf(id)
    for (const author of this.#authors.get(mark) ?? []) {
      const entry = this.ledger.at(author, sequence)
      if (entry !== undefined && bytesEqual(entryIdOf(entry), id)) return encodeMessage(entry)
      const proof = this.ledger.proofOf(author)
      if (proof?.sequence === sequence && bytesEqual(forkIdOf(proof), id)) return encodeFork(proof)
    }
    return undefined
  }

  #take(item: Uint8Array): Admission {
    const decoded = decodeItem(item, this.components.context)
    if (!decoded.ok) return { action: 'reject', fault: decoded.fault }
    // Of a fork's two entries one is often known, and what the other one says about its author counts.
    const admissions = decoded.value.map(entry => this.#add(entry))
    return (
      admissions.find(({ action }) => action === 'reject') ??
      admissions.find(({ action }) => action === 'accept') ??
      admissions[0]!
    )
  }
}
