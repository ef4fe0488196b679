import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../disk.ts'
import { shuffled } from './targets.ts'
import type { PeerRecord } from './testnet-file.ts'

/** With more peers than this, all of them looking for all at once keeps the machine busy for minutes. */
const STRANGERS_MAX = 16

/** Peers of a large testnet have met before. Those of a small one know nobody but the bootstrap peer. */
export function acquainted(peers: readonly PeerRecord[]): PeerRecord[] {
  if (peers.length <= STRANGERS_MAX) return [...peers]
  return peers.map(peer => ({ ...peer, acquainted: true }))
}

/** Write the peer books. What is left of an earlier testnet's is forgotten. */
export async function writePeerBooks(peers: readonly PeerRecord[], seed: string): Promise<void> {
  const byName = new Map(peers.map(peer => [peer.name, peer]))
  const names = peers.map(({ name }) => name)
  for (const [index, { name, home, acquainted }] of peers.entries()) {
    const path = join(home, 'peers.json')
    if (!acquainted) await rm(path, { force: true })
    else {
      // The last one is dialled first: somebody who runs already.
      const [later, earlier] = [names.slice(index + 1), names.slice(0, index)]
      const known = [later, earlier].flatMap(part => shuffled(part, `${seed} ${name}`))
      const book = known.map(other => {
        const { peerId, listen } = byName.get(other)!
        return { peer: peerId, addresses: [listen], seenAtMs: Date.now() }
      })
      await writeWhole(path, JSON.stringify(book), { thing: 'peer book' })
    }
  }
}
