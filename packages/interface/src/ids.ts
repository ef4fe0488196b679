/** libp2p peer id of an ed25519 key, in its base58btc text form (`12D3Koo…`). The public key is inside it. */
export type PeerId = string

/** Content id (CIDv1, base32 text). */
export type Cid = string

/** CID of the canonical encoding of a {@link JobSpec}: dag-cbor, sha2-256. */
export type JobId = Cid

/** CID of the canonical encoding of a subtask's definition. */
export type SubtaskId = Cid

/** Chain account: `0x` and 40 hex digits, EIP-55 checksummed. */
export type Account = string

/** Bytes as text: `0x` and an even number of lower-case hex digits. */
export type Hex = string

/**
 * What makes results bit-equal: engine, version, build, device kind, kernel and thread mode, joined by `/`.
 *
 * @example `pathtracer/1/wasm`
 */
export type EquivalenceClass = string

/** Rectangle of pixels; `xPx`, `yPx` count from the top left corner of the frame. */
export interface Rect {
  readonly xPx: number
  readonly yPx: number
  readonly widthPx: number
  readonly heightPx: number
}

/** Half-open range `from <= i < to` of sample indices. */
export interface SampleRange {
  readonly from: number
  readonly to: number
}
