import type { Blocks } from '@helia/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@rayswarm/interface'
import type { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays/concat'
import type { BlockSource } from './download.ts'

/** One block that nobody of the named peers sends within this time is not looked for any further. */
const TIMEOUT_MS = 10_000

/** Blocks over bitswap: from peers that are not ours, such as any IPFS node. */
export class BitswapSource implements BlockSource {
  readonly #blocks: Blocks
  readonly #providers: CID[]
  readonly #signal: AbortSignal

  constructor(blocks: Blocks, providers: readonly PeerId[], signal: AbortSignal) {
    this.#blocks = blocks
    this.#signal = signal
    this.#providers = providers.map(peer => peerIdFromString(peer).toCID())
  }

  async retrieve(cid: CID): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    const options = {
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]),
      providers: this.#providers
    }
    for await (const part of this.#blocks.get(cid, options)) parts.push(part)
    return concat(parts)
  }

  close(): void {}
}
