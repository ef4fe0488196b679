import type { Admission, LedgerEntry, PeerId, Signed } from '@rayswarm/interface'
import { LEDGER_AUTHOR_COUNT_MAX, LEDGER_ENTRIES_PER_AUTHOR_MAX } from '@rayswarm/params'
import { signed, verifySigned, type WireContext } from '@rayswarm/wire'
import { Feed, type ForkProof } from './feed.ts'

export type { ForkProof } from './feed.ts'

/** Why an entry was not taken up. */
export type LedgerFault =
  | 'malformed' // no entry, or an impossible place in a feed
  | 'wrong-signer' // not signed by its author
  | 'bad-signature'
  | 'duplicate'
  | 'gap' // its predecessors are not here yet; anti-entropy brings them
  | 'frozen' // behind the point where its author forked
  | 'full' // more than one peer keeps

/** Entries of all authors together that one peer keeps. */
const ENTRY_COUNT_MAX = 500_000

/** Hears of every change of a ledger, our own appended entries apart. */
export interface LedgerObserver {
  /** The entry counts from now on. */
  kept(entry: Signed<LedgerEntry>, hash: Uint8Array): void
  /** The entry counts no more: its author forked. */
  dropped(entry: Signed<LedgerEntry>, hash: Uint8Array): void
  /** The author is frozen, or was already, and is now from an earlier place on. */
  frozen(proof: ForkProof, before: ForkProof | undefined): void
}

/**
 * One peer's copy of the ledger: a set of entries, in one feed per author. Two ledgers that exchange items end up with
 * the same set, whatever each saw first.
 *
 * @see spec/reputation.md#ledger
 */
export class Ledger {
  readonly #context: WireContext
  readonly #observer: LedgerObserver | undefined
  readonly #feeds = new Map<PeerId, Feed>()
  #size = 0

  constructor(context: WireContext, observer?: LedgerObserver) {
    this.#context = context
    this.#observer = observer
  }

  /** Entries that count. */
  get size(): number {
    return this.#size
  }

  /**
   * Judge an entry and, if it is sound and new, keep it. One that proves a fork is accepted as well: it should travel on.
   *
   * @see spec/reputation.md#admission
   */
  add(entry: Signed<LedgerEntry>): Admission<LedgerFault> {
    const { author, sequence, previous } = entry.body
    if (entry.type !== 'entry' || !Number.isSafeInteger(sequence) || sequence < 1) return reject('malformed')
    if ((previous === undefined) !== (sequence === 1)) return reject('malformed')
    if (entry.signer !== author) return reject('wrong-signer')

    const feed = this.#feeds.get(author) ?? new Feed(author)
    const placement = feed.place(entry)
    if (placement === 'known') return ignore('duplicate')
    if (placement === 'void') return ignore('frozen')
    if (placement === 'gap') return ignore('gap')
    if (placement === 'next' && !this.#hasRoomFor(feed)) return ignore('full')
    // Only now: what would be ignored anyway is not worth a signature check.
    if (!verifySigned(entry, this.#context)) return reject('bad-signature')

    this.#feeds.set(author, feed)
    if (placement === 'next') this.#push(feed, entry)
    else this.#fork(feed, entry)
    return { action: 'accept' }
  }

  /** Append a claim to our own feed. If that is frozen, the entry is signed all the same, but nobody will count it. */
  append(claim: LedgerEntry['claim'], atMs: number): Signed<LedgerEntry> {
    const author = this.#context.identity.peerId
    const feed = this.#feeds.get(author) ?? new Feed(author)
    const previous = feed.head
    const body: LedgerEntry = {
      author,
      sequence: feed.length + 1,
      ...(previous && { previous }),
      atMs,
      claim
    }
    const entry = signed('entry', body, this.#context)
    if (feed.proof === undefined) {
      feed.push(entry)
      this.#feeds.set(author, feed)
      this.#size++
    }
    return entry
  }

  /** An author's entry of that sequence, if it counts. */
  at(author: PeerId, sequence: number): Signed<LedgerEntry> | undefined {
    return this.#feeds.get(author)?.at(sequence)
  }

  /** Every entry that counts, author by author. */
  *entries(): Generator<Signed<LedgerEntry>> {
    for (const feed of this.#inOrder()) yield* feed.entries()
  }

  /** Whether an author was caught with two feeds. */
  isFrozen(author: PeerId): boolean {
    return this.proofOf(author) !== undefined
  }

  /** What proves that an author forked, if it did. */
  proofOf(author: PeerId): ForkProof | undefined {
    return this.#feeds.get(author)?.proof
  }

  /** Proofs against all frozen authors. */
  proofs(): readonly ForkProof[] {
    return this.#inOrder().flatMap(feed => feed.proof ?? [])
  }

  #push(feed: Feed, entry: Signed<LedgerEntry>): void {
    const { hash } = feed.push(entry)
    this.#size++
    this.#observer?.kept(entry, hash)
  }

  #fork(feed: Feed, entry: Signed<LedgerEntry>): void {
    const before = feed.proof
    const dropped = feed.fork(entry)
    this.#size -= dropped.length
    for (const link of dropped) this.#observer?.dropped(link.entry, link.hash)
    this.#observer?.frozen(feed.proof!, before)
  }

  #inOrder(): Feed[] {
    return [...this.#feeds.values()].sort((a, b) => (a.author < b.author ? -1 : 1))
  }

  #hasRoomFor(feed: Feed): boolean {
    const known = this.#feeds.has(feed.author)
    return (
      this.#size < ENTRY_COUNT_MAX &&
      feed.length < LEDGER_ENTRIES_PER_AUTHOR_MAX &&
      (known || this.#feeds.size < LEDGER_AUTHOR_COUNT_MAX)
    )
  }
}

function reject(fault: LedgerFault): Admission<LedgerFault> {
  return { action: 'reject', fault }
}

function ignore(fault: LedgerFault): Admission<LedgerFault> {
  return { action: 'ignore', fault }
}
