import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../disk.ts'
import { shuffled } from './targets.ts'
import type { PeerRecord } from './testnet-file.ts'

/** With more peers than this, all of them looking for all at once keeps the machine busy for minutes. */
const STRANGERS_MAX = 16
/** Each then knows so many who started before it, beside the first, whom all know: twice as many connections, enough not to look for more. */
const KNOWN_COUNT = 3
/** …and looks around for the first time when all are there, one after the other. */
const FIRST_LOOK_MS = 90_000
const NEXT_LOOK_MS = 1_000

/**
 * Peers of a large testnet have met before: each finds a few of the others in its peer book, and a swarm that is connected
 * from the start. Those of a small one know nobody but the bootstrap peer.
 */
export function acquainted(peers: readonly PeerRecord[]): PeerRecord[] {
  if (peers.length <= STRANGERS_MAX) return [...peers]
  return peers.map((peer, index) =>
    peer.role === 'node' ? { ...peer, firstLookMs: FIRST_LOOK_MS + index * NEXT_LOOK_MS } : peer
  )
}

/** Write the peer books. What is left of an earlier testnet's is forgotten. */
export async function writePeerBooks(peers: readonly PeerRecord[], seed: string): Promise<void> {
  const earlier: string[] = []
  const byName = new Map(peers.map(peer => [peer.name, peer]))
  for (const { name, home, firstLookMs } of peers) {
    const path = join(home, 'peers.json')
    if (firstLookMs === undefined) await rm(path, { force: true })
    else {
      const known = shuffled(earlier, `${seed} ${name}`).slice(0, KNOWN_COUNT)
      const book = known.map(other => {
        const { peerId, listen } = byName.get(other)!
        return { peer: peerId, addresses: [listen], seenAtMs: Date.now() }
      })
      await writeWhole(path, JSON.stringify(book), { thing: 'peer book' })
    }
    if (name !== peers[0]?.name) earlier.push(name)
  }
}
