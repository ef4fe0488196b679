import type {
  Assets,
  Beacon,
  Chain,
  Chance,
  Clock,
  Log,
  Network,
  PeerEvents,
  Records,
  Registry,
  Runner,
  Store
} from '@rayswarm/interface'
import type { Params } from '@rayswarm/params'
import type { WireContext } from '@rayswarm/wire'
import type { Emitter } from './emitter.ts'

/** What a peer needs from the world. */
export interface PeerComponents {
  readonly clock: Clock
  readonly chance: Chance
  readonly network: Network
  readonly records: Records
  readonly assets: Assets
  readonly chain: Chain
  /** Who takes part, and the randomness that draws witnesses. Without them only owner mode works. */
  readonly registry?: Registry
  readonly beacon?: Beacon
  readonly store: Store
  readonly log: Log
  readonly runners: readonly Runner[]
  /** Identity, chain and network that every signature is bound to. */
  readonly context: WireContext
}

/** What the roles of one peer share. */
export interface RoleComponents extends PeerComponents {
  readonly params: Params
  readonly events: Emitter<PeerEvents>
}

/** A wait between half and the whole of `intervalMs`, so that peers do not move in step. */
export function jitterMs(intervalMs: number, chance: Chance): number {
  return intervalMs * (0.5 + chance.unit() / 2)
}
