import type { LedgerEntry, PeerId, ReplicaVerdict, Signed, VerdictsClaim } from '@rayswarm/interface'
import { cidOf, nodeIdentity, sha256, signed, type WireContext } from '@rayswarm/wire'
import { hashOf } from '../src/feed.ts'

const text = new TextEncoder()
const contexts = new Map<string, WireContext>()

export const CLASS = 'pathtracer/1/wasm'
export const DIGEST = sha256(text.encode('digest'))
export const NOW_MS = 1_700_000_000_000
export const DAY_MS = 24 * 60 * 60 * 1_000

export function contextOf(name: string): WireContext {
  const known = contexts.get(name)
  if (known !== undefined) return known
  const identity = nodeIdentity(sha256(text.encode(`rayswarm reputation test ${name}`)))
  const context = { identity, chainId: 31_337, netId: 'reputation-test' }
  contexts.set(name, context)
  return context
}

export function peerOf(name: string): PeerId {
  return contextOf(name).identity.peerId
}

export function verdict(node: string, subtask = 0, over: Partial<ReplicaVerdict> = {}): VerdictsClaim {
  return { kind: 'verdicts', verdicts: [replicaVerdict(node, subtask, over)] }
}

export function replicaVerdict(
  node: string,
  subtask = 0,
  over: Partial<ReplicaVerdict> = {}
): ReplicaVerdict {
  return {
    replica: { job: cidOf('job'), subtask, replica: 0, generation: 0 },
    node: peerOf(node),
    equivalenceClass: CLASS,
    verdict: 'accepted',
    weight: 1_024,
    digest: DIGEST,
    ...over
  }
}

/** A reveal timeout: undecided, and no digest was ever shown. */
export function timeout(node: string, subtask = 0): VerdictsClaim {
  const { digest: _, ...rest } = replicaVerdict(node, subtask, { verdict: 'undecided' })
  return { kind: 'verdicts', verdicts: [rest] }
}

/** One more entry of a feed that ends with `after`. */
export function entryAfter(
  author: string,
  after: Signed<LedgerEntry> | undefined,
  claim: LedgerEntry['claim'] = verdict('node'),
  over: Partial<LedgerEntry> = {}
): Signed<LedgerEntry> {
  const body: LedgerEntry = {
    author: peerOf(author),
    sequence: (after?.body.sequence ?? 0) + 1,
    ...(after && { previous: hashOf(after) }),
    atMs: NOW_MS,
    claim,
    ...over
  }
  return signed('entry', body, contextOf(author))
}

/** A whole feed of verdicts, continuing one if given. */
export function feed(
  author: string,
  claims: readonly LedgerEntry['claim'][],
  after?: Signed<LedgerEntry>
): Signed<LedgerEntry>[] {
  const entries: Signed<LedgerEntry>[] = []
  for (const claim of claims) entries.push(entryAfter(author, entries.at(-1) ?? after, claim))
  return entries
}
