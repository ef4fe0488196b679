import type { Amount, EscrowRef } from './chain.ts'
import type { Account, EquivalenceClass, PeerId } from './ids.ts'

/** One peer, as the registry binds it to an account and a stake. */
export interface Registration {
  readonly peer: PeerId
  /** Who is paid for the peer's work, and whose signature a contract believes. */
  readonly account: Account
  readonly stake: Amount
  /** What the peer says it executes; empty for peers that only witness. */
  readonly classes: readonly EquivalenceClass[]
  /** Whose machine it is, as its operator says: peers of one operator do not check each other. */
  readonly operatorTag: string
  /** Epoch in which it was registered. */
  readonly sinceEpoch: number
}

/** The registrations that count in one epoch. Equal for everybody who asks for the same epoch. */
export interface RegistrySnapshot {
  readonly epoch: number
  /** Ascending by peer id, each peer and each account once. */
  readonly entries: readonly Registration[]
}

/**
 * Who takes part, with which stake. Backed by a contract, or by a file on test networks.
 *
 * Errors: `ERR_CHAIN_UNREACHABLE`, `ERR_TIMEOUT`, `ERR_USAGE` (an epoch that has not begun).
 */
export interface Registry {
  /** The present epoch. */
  epoch(): Promise<number>

  /** Registrations made at least `REGISTRATION_DELAY_EPOCHS` before `epoch`, so that none was ground for a beacon. */
  snapshot(epoch: number): Promise<RegistrySnapshot>
}

/** Randomness that nobody could know when an escrow was locked. */
export interface BeaconValue {
  readonly round: number
  /**
   * Registry epoch of the instant the beacon spoke: the one to draw from. A creator that chose the epoch could try some until a
   * draw suits it. Absent for a beacon that speaks at no instant: test networks only.
   */
  readonly epoch?: number
  /** 32 bytes. */
  readonly randomness: Uint8Array
  /** True for a beacon that somebody can predict: test networks only. */
  readonly insecure: boolean
}

/** Public randomness. Errors as {@link Registry}. */
export interface Beacon {
  /** The first value after an escrow was locked; undefined as long as the lock is not final. The same for everybody. */
  after(escrow: EscrowRef): Promise<BeaconValue | undefined>
}
