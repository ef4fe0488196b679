import type { Admission, LedgerEntry, LedgerHeads, LedgerPage, PeerId, Signed } from '@rayswarm/interface'
import {
  LEDGER_AUTHOR_COUNT_MAX,
  LEDGER_ENTRIES_PER_AUTHOR_MAX,
  LEDGER_PAGE_COUNT_MAX
} from '@rayswarm/params'
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
/** Heads in one message: as many as fit. A full list speaks for the authors from its first on to its last only. */
const HEAD_COUNT_MAX = 700
/** Authors per page whose heads are compared although nothing is missing: equal lengths may hide a fork. */
const SPOT_CHECK_COUNT = 2

interface Asked {
  /** What the asker has of each author; `frozen` if it knows of a fork right behind that. */
  readonly heads: ReadonlyMap<PeerId, { readonly sequence: number; readonly frozen: boolean }>
  readonly first: PeerId | undefined
  readonly last: PeerId | undefined
}

/**
 * One peer's copy of the ledger: a set of entries, in one feed per author. Two ledgers that exchange pages end up with
 * the same set, whatever each saw first.
 *
 * @see spec/reputation.md#ledger
 */
export class Ledger {
  readonly #context: WireContext
  readonly #feeds = new Map<PeerId, Feed>()
  #size = 0
  #headCursor = 0
  #pageCursor = 0

  constructor(context: WireContext) {
    this.#context = context
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
    this.#size -= feed.length
    if (placement === 'next') feed.push(entry)
    else feed.fork(entry)
    this.#size += feed.length
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

  /**
   * How far we have each author's feed. An author listed twice is frozen behind that entry.
   *
   * With too many authors for one message, each call goes on where the last one ended.
   */
  heads(): LedgerHeads {
    const feeds = this.#inOrder()
    const all = feeds.flatMap(headsOf)
    if (all.length < HEAD_COUNT_MAX) return { heads: all }

    const heads: LedgerHeads['heads'][number][] = []
    let index = this.#headCursor % feeds.length
    while (true) {
      heads.push(...headsOf(feeds[index]!))
      if (heads.length >= HEAD_COUNT_MAX) break
      index = (index + 1) % feeds.length
    }
    // The last author of this list is the first of the next, so that no author falls between two lists.
    this.#headCursor = index
    return { heads }
  }

  /** What a peer with these heads lacks, as much as fits. @see spec/reputation.md#exchange */
  since(heads: LedgerHeads): LedgerPage {
    const asked = read(heads)
    const feeds = this.#inOrder().filter(({ author }) => isCovered(author, asked))
    const start = feeds.length === 0 ? 0 : this.#pageCursor++ % feeds.length
    const turned = [...feeds.slice(start), ...feeds.slice(0, start)]
    const entries: Signed<LedgerEntry>[] = []

    for (const feed of turned)
      for (const entry of lacking(feed, asked)) {
        if (entries.length >= LEDGER_PAGE_COUNT_MAX) return { entries, complete: false }
        entries.push(entry)
      }

    for (const feed of turned.slice(0, SPOT_CHECK_COUNT)) {
      const proof = feed.proof?.entries ?? []
      const sample = feed.at(Math.min(feed.length, asked.heads.get(feed.author)?.sequence ?? 0))
      const fresh = [...(sample === undefined ? [] : [sample]), ...proof].filter(e => !entries.includes(e))
      if (entries.length + fresh.length <= LEDGER_PAGE_COUNT_MAX) entries.push(...fresh)
    }
    return { entries, complete: true }
  }

  /** Every entry that counts, author by author. */
  *entries(): Generator<Signed<LedgerEntry>> {
    for (const feed of this.#inOrder()) yield* feed.entries()
  }

  /** Whether an author was caught with two feeds. */
  isFrozen(author: PeerId): boolean {
    return this.#feeds.get(author)?.proof !== undefined
  }

  /** Proofs against all frozen authors. */
  proofs(): readonly ForkProof[] {
    return this.#inOrder().flatMap(feed => feed.proof ?? [])
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

function headsOf({ author, length, proof }: Feed): { author: PeerId; sequence: number }[] {
  const head = { author, sequence: length }
  return proof === undefined ? [head] : [head, head]
}

function read({ heads }: LedgerHeads): Asked {
  const known = new Map<PeerId, { sequence: number; frozen: boolean }>()
  for (const { author, sequence } of heads) known.set(author, { sequence, frozen: known.has(author) })
  const full = heads.length >= HEAD_COUNT_MAX
  return {
    heads: known,
    first: full ? heads[0]?.author : undefined,
    last: full ? heads.at(-1)?.author : undefined
  }
}

/** Authors are in a circle, so that those before our first and behind our last have their turn too. */
function isCovered(author: PeerId, { first, last }: Asked): boolean {
  if (first === undefined || last === undefined) return true
  return first <= last ? first <= author && author <= last : first <= author || author <= last
}

/** Entries of one feed that the asker should have and has not; for a fork it has not heard of, the proof. */
function* lacking(feed: Feed, asked: Asked): Generator<Signed<LedgerEntry>> {
  const { sequence, frozen } = asked.heads.get(feed.author) ?? { sequence: 0, frozen: false }
  if (frozen && (feed.proof === undefined || sequence <= feed.length)) return
  yield* feed.entries(sequence + 1)
  if (feed.proof !== undefined) yield* feed.proof.entries
}
