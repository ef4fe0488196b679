import type { Blocks } from '@helia/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@rayswarm/interface'
import type { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays/concat'
import type { BlockSource } from './download.ts'

/** Blocks over bitswap: from any peer that speaks it, not only ours. */
export class BitswapSource implements BlockSource {
  readonly #blocks: Blocks
  readonly #providers: CID[]

  constructor(blocks: Blocks, providers: readonly PeerId[]) {
    this.#blocks = blocks
    this.#providers = providers.map(peer => peerIdFromString(peer).toCID())
  }

  async retrieve(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.#blocks.get(cid, { signal, providers: this.#providers })) parts.push(part)
    return concat(parts)
  }

  close(): void {}
}
