import type { Beacon, BeaconValue, Chain, EscrowRef } from '@rayswarm/interface'
import { RayswarmError } from '@rayswarm/interface'
import { canonical, sha256 } from '@rayswarm/wire'

const DOMAIN = 'rayswarm beacon'
const SEED_SIZE_BYTES = 32

/** What a {@link SeededBeacon} needs. */
export interface SeededBeaconInit {
  /** 32 bytes that all peers of the network share. */
  readonly seed: Uint8Array
  readonly chain: Pick<Chain, 'escrow'>
}

/**
 * A beacon without a chain's randomness. It speaks at no instant, so its values name no epoch. Whoever has the seed can try salts
 * and epochs until the draw suits him: test networks only.
 *
 * @see spec/registry.md#seeded-beacon
 */
export class SeededBeacon implements Beacon {
  readonly #init: SeededBeaconInit

  /** @throws {RayswarmError} `ERR_USAGE` if the seed is not 32 bytes long */
  constructor(init: SeededBeaconInit) {
    if (init.seed.length !== SEED_SIZE_BYTES)
      throw new RayswarmError('ERR_USAGE', `a beacon's seed has 32 bytes, not ${init.seed.length}`, {
        thing: 'beacon seed',
        value: init.seed.length,
        remedy: 'Use the seed of the network.'
      })
    this.#init = init
  }

  async after(escrow: EscrowRef): Promise<BeaconValue | undefined> {
    const { state, final } = await this.#init.chain.escrow(escrow)
    if (state === 'none' || !final) return undefined
    return { round: 0, randomness: sha256(canonical([DOMAIN, this.#init.seed, escrow.id])), insecure: true }
  }
}
