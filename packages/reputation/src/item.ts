import type { Decoded, LedgerEntry, PeerId, Signed } from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import { canonical, decodeMessage, decodeRaw, encodeMessage, sha256, type WireContext } from '@rayswarm/wire'
import { type ForkProof, hashOf } from './feed.ts'

const ID_SIZE_BYTES = 32
const AUTHOR_SIZE_BYTES = 4
const SEQUENCE_SIZE_BYTES = 4
/** First byte of a fork. Messages are maps. */
const LIST_OF_TWO = 0x82
const FORK_SIZE_BYTES_MAX = 1 + 2 * (3 + MESSAGE_SIZE_BYTES_MAX.entry)
const text = new TextEncoder()

/** Where in the ledger an item with this id can be, if there is one. */
export interface Place {
  /** {@link authorMark} of its author. */
  readonly author: number
  readonly sequence: number
}

/** What peers hand each other: an entry, or the two that prove a fork. */
export type LedgerItem = readonly [Signed<LedgerEntry>] | readonly [Signed<LedgerEntry>, Signed<LedgerEntry>]

/**
 * The id of an entry: its author, its sequence, its hash. Ids in order are feeds in order, so that nobody is handed an entry before
 * the one it follows.
 *
 * @see spec/reputation.md#items
 */
export function entryIdOf(entry: Signed<LedgerEntry>, hash: Uint8Array = hashOf(entry)): Uint8Array {
  return idOf(entry.body.author, entry.body.sequence, hash)
}

/** The id of the fork of an author at a place: the same for everybody, whichever two entries prove it. */
export function forkIdOf({ author, sequence }: ForkProof): Uint8Array {
  return idOf(author, sequence, sha256(text.encode(`fork ${author} ${sequence}`)))
}

/** What stands for an author in an id. Two authors may share it. */
export function authorMark(author: PeerId): number {
  return viewOf(sha256(text.encode(author))).getUint32(0)
}

/** What an id says about where its item is. */
export function placeOf(id: Uint8Array): Place {
  const view = viewOf(id)
  return { author: view.getUint32(0), sequence: view.getUint32(AUTHOR_SIZE_BYTES) }
}

/** A fork's proof as an item. */
export function encodeFork({ entries }: ForkProof): Uint8Array {
  return canonical(entries.map(encodeMessage))
}

/** The entries of an item. Never throws. They are not judged beyond their form. */
export function decodeItem(bytes: Uint8Array, context: WireContext): Decoded<LedgerItem> {
  if (bytes.length > FORK_SIZE_BYTES_MAX)
    return { ok: false, fault: 'oversized', detail: `${bytes.length} bytes` }
  if (bytes[0] !== LIST_OF_TWO) {
    const decoded = decodeMessage(bytes, ['entry'], context)
    return decoded.ok ? { ok: true, value: [decoded.value] } : decoded
  }
  const [a, b] = (decodeRaw(bytes)?.value ?? []) as unknown[]
  if (!(a instanceof Uint8Array && b instanceof Uint8Array))
    return { ok: false, fault: 'malformed', detail: 'a fork is two entries' }
  const [first, second] = [decodeMessage(a, ['entry'], context), decodeMessage(b, ['entry'], context)]
  if (!first.ok) return first
  if (!second.ok) return second
  return { ok: true, value: [first.value, second.value] }
}

function idOf(author: PeerId, sequence: number, hash: Uint8Array): Uint8Array {
  const id = new Uint8Array(ID_SIZE_BYTES)
  viewOf(id).setUint32(0, authorMark(author))
  viewOf(id).setUint32(AUTHOR_SIZE_BYTES, sequence)
  const headSizeBytes = AUTHOR_SIZE_BYTES + SEQUENCE_SIZE_BYTES
  id.set(hash.subarray(0, ID_SIZE_BYTES - headSizeBytes), headSizeBytes)
  return id
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
