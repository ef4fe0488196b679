const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** First field of every signed message. A change of any message's meaning changes it. */
export const PROTOCOL_DOMAIN = 'rayswarm/1'

/** Most bytes of one message, by how far it travels. */
export const MESSAGE_SIZE_BYTES_MAX = {
  /** Gossip: every peer carries it. */
  offer: 4 * KIB,
  notice: 512,
  entry: 16 * KIB,
  /** Direct requests and replies. */
  direct: 64 * KIB
} as const

/** Certificates in the DHT. */
export const RECORD_SIZE_BYTES_MAX = 16 * KIB

/** Subtasks of one job: every peer derives and keeps the whole list. */
export const SUBTASK_COUNT_MAX = 20_000
/** Frames of one job. */
export const FRAME_COUNT_MAX = 10_000
/** Ranges a job's frames may be listed in: what fits in an offer. */
export const FRAME_RANGE_COUNT_MAX = 64
/** Width and height of a frame: the largest side that common image formats and readers take. */
export const PIXEL_EDGE_MAX = 16_384
/** Samples per pixel: sums of this many stay exact in a double. */
export const SAMPLES_PER_PIXEL_MAX = 65_536
/**
 * Most radiance one sample may add to a channel; runners clamp to it. With `SAMPLES_PER_PIXEL_MAX` samples a sum stays within
 * 2^36, and sums of multiples of 2^-16 below 2^37 are exact in 64-bit floats.
 */
export const SAMPLE_RADIANCE_MAX = 1_048_576
/** Path length; light that bounced more often is not seen. */
export const BOUNCES_MAX = 64
/** Replicas of one subtask, tie-breaks included. */
export const REPLICA_COUNT_MAX = 8
/** Witnesses of one view of a job. */
export const WITNESS_COUNT_MAX = 31
/** Views of a job's witnesses: when one has lost its quorum for good, the next takes over. */
export const WITNESS_VIEW_COUNT_MAX = 4

/** Side of the square pixel blocks that are the leaves of a result digest. */
export const DIGEST_BLOCK_EDGE_PX = 64

/** Offers a peer remembers; the oldest goes first. */
export const OFFER_COUNT_MAX = 1_000
/** Bids a creator remembers per job. */
export const BID_COUNT_MAX = 10_000
/** Grants in one answer to a bid. */
export const GRANTS_PER_REPLY_MAX = 16
/** Sealed executions a node keeps waiting for their opening. */
export const SEALED_COUNT_MAX = 256
/** Verdicts in one ledger entry. */
export const ENTRY_VERDICTS_COUNT_MAX = 32
/** Ledger entries a peer keeps per author. */
export const LEDGER_ENTRIES_PER_AUTHOR_MAX = 100_000
/** Authors whose feeds a peer keeps. */
export const LEDGER_AUTHOR_COUNT_MAX = 10_000
/** Open replicas in one answer of a witness. */
export const OPENINGS_PAGE_COUNT_MAX = 64
/** Ids or items in one message of anti-entropy. */
export const SYNC_ITEMS_COUNT_MAX = 512
/** One frame of set reconciliation. It travels inside a direct message. */
export const RECON_FRAME_SIZE_BYTES_MAX = 48 * KIB
/** Accounts one settlement can pay. */
export const PAYOUT_COUNT_MAX = 1_000
/** Registered peers. */
export const REGISTRATION_COUNT_MAX = 1_000_000

/** Addresses in an offer. */
export const ADDRESS_COUNT_MAX = 8

/** Files of one job. */
export const MANIFEST_ENTRY_COUNT_MAX = 50_000
/** Encoded manifest. */
export const MANIFEST_SIZE_BYTES_MAX = 16 * MIB
/** All files of one job. */
export const ASSETS_SIZE_BYTES_MAX = 64 * GIB
/** Result of one execution. */
export const RESULT_SIZE_BYTES_MAX = 512 * MIB
/** Chunks of imported files. A block crosses the wire whole. */
export const CHUNK_SIZE_BYTES = MIB

/** Requests one peer may have open with us at once. */
export const INBOUND_REQUESTS_PER_PEER_MAX = 32
/** Requests we may have open with all peers together. */
export const OUTBOUND_REQUESTS_MAX = 256
/** Open connections. */
export const CONNECTION_COUNT_MAX = 300
/** Addresses kept in the peer book. */
export const PEER_BOOK_COUNT_MAX = 1_000
/** Wait before a lost peer is dialled again. */
export const REDIAL_MS_MIN = 1_000
/** The wait doubles up to this. */
export const REDIAL_MS_MAX = 60_000
