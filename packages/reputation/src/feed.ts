import type { LedgerEntry, PeerId, Signed } from '@rayswarm/interface'
import { bytesEqual, encodeMessage, sha256 } from '@rayswarm/wire'

/** Two entries of one author that cannot both belong to one feed. Whoever holds them can convince everybody. */
export interface ForkProof {
  readonly author: PeerId
  /** From this sequence on, nothing of the author counts. */
  readonly sequence: number
  readonly entries: readonly [Signed<LedgerEntry>, Signed<LedgerEntry>]
}

/** What an entry means for the feed of its author. */
export type Placement = 'next' | 'known' | 'gap' | 'void' | 'contradiction'

/** An entry in its feed, with what the next one calls it by. */
export interface Link {
  readonly entry: Signed<LedgerEntry>
  readonly hash: Uint8Array
}

/** The entries of one author, chained by hash: a gapless prefix of its feed, up to where it forked. */
export class Feed {
  readonly author: PeerId
  readonly #links: Link[] = []
  #proof: ForkProof | undefined

  constructor(author: PeerId) {
    this.author = author
  }

  /** Entries that count. */
  get length(): number {
    return this.#links.length
  }

  get proof(): ForkProof | undefined {
    return this.#proof
  }

  /** Entries that count, from `from` on, counted from 1. */
  *entries(from = 1): Generator<Signed<LedgerEntry>> {
    for (let i = from - 1; i < this.#links.length; i++) yield this.#links[i]!.entry
  }

  at(sequence: number): Signed<LedgerEntry> | undefined {
    return this.#links[sequence - 1]?.entry
  }

  /** The hash that the next entry must name; undefined for the first. */
  get head(): Uint8Array | undefined {
    return this.#links.at(-1)?.hash
  }

  place(entry: Signed<LedgerEntry>): Placement {
    const { sequence } = entry.body
    const same = this.#links[sequence - 1]
    if (same !== undefined && bytesEqual(same.hash, hashOf(entry))) return 'known'
    // Also beyond a known fork: an entry may prove that the author forked even earlier.
    if (this.#contradicted(entry) !== undefined) return 'contradiction'
    if (this.#proof !== undefined && sequence >= this.#proof.sequence) return 'void'
    return sequence === this.#links.length + 1 ? 'next' : 'gap'
  }

  push(entry: Signed<LedgerEntry>): Link {
    const link = { entry, hash: hashOf(entry) }
    this.#links.push(link)
    return link
  }

  /** Void everything from the contradicted entry on, and keep the two as proof. Answers what counts no more. */
  fork(entry: Signed<LedgerEntry>): readonly Link[] {
    const rival = this.#contradicted(entry)
    if (rival === undefined) throw new RangeError('not a contradiction')
    const { sequence } = rival.entry.body
    this.#proof = { author: this.author, sequence, entries: [rival.entry, entry] }
    return this.#links.splice(sequence - 1)
  }

  /** The earliest entry of ours that the author cannot have meant together with this one. */
  #contradicted({ body }: Signed<LedgerEntry>): Link | undefined {
    const before = this.#links[body.sequence - 2]
    if (before !== undefined && (body.previous === undefined || !bytesEqual(before.hash, body.previous)))
      return before
    return this.#links[body.sequence - 1]
  }
}

/** What the next entry of a feed names as its previous one. @see spec/reputation.md#feeds */
export function hashOf(entry: Signed<LedgerEntry>): Uint8Array {
  const { body, signature, signer } = entry
  return sha256(encodeMessage({ type: 'entry', body, signature, signer }))
}
