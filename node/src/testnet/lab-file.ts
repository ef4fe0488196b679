import type { PeerState } from './world-state.ts'

/** Where a testnet tells a peer process what it is and what it suffers. */
export const LAB_FILE = 'lab.json'

/** Contents of `lab.json`. */
export interface LabFile {
  /** The peer's name in the testnet. */
  readonly name: string
  readonly historyPath: string
  /** Listen here too, for commands from outside the peer's network namespace. */
  readonly socketPath?: string
  /** It knows everybody already: of many peers that start at once, none is to look for the others. */
  readonly acquainted?: boolean
  readonly state: PeerState
}
