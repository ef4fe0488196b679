import type { Deployment } from '@rayswarm/chain'
import type { Hex } from '@rayswarm/interface'

/** What a testnet's chain process writes once it answers: contents of `chain.json`. */
export interface ChainFile {
  readonly pid: number
  readonly rpcUrl: string
  /** Key that deployed; it mints the play money. */
  readonly key: Hex
  readonly treasury: string
  readonly deployment: Deployment
}

export const CHAIN_FILE = 'chain.json'
