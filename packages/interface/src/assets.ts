import type { Cid, PeerId } from './ids.ts'

/** One file to import. `path` is relative, `/`-separated, without `.` or `..` segments. */
export interface AssetSource {
  readonly path: string
  /** The content; read once. */
  read(): AsyncIterable<Uint8Array>
}

/** One file of a manifest. */
export interface ManifestEntry {
  readonly path: string
  /** UnixFS root of the file. */
  readonly cid: Cid
  readonly sizeBytes: number
}

/** The list of a job's assets. Its canonical encoding is a block of its own; entries are sorted by path. */
export interface Manifest {
  readonly entries: readonly ManifestEntry[]
}

/** Bounds of one fetch, and where to begin. */
export interface FetchOptions {
  /** Peers believed to hold the content. Others are asked when these fail. */
  readonly providers: readonly PeerId[]
  /** Refuse content that declares or turns out to be larger. */
  readonly sizeBytesMax: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly onProgress?: (fetchedBytes: number) => void
}

/** A manifest's files on the local disk. */
export interface Checkout {
  /** Directory that holds exactly the manifest's files, read-only by convention. */
  readonly dir: string
  /** Delete the directory. The blocks stay until unpinned. */
  release(): Promise<void>
}

/**
 * Content by id: what a job reads and what an execution wrote.
 *
 * Errors of every method: `ERR_QUOTA`, `ERR_DISK_FULL`, `ERR_ABORTED`; of the fetching ones also `ERR_NOT_FOUND`,
 * `ERR_TIMEOUT`, `ERR_BLOCK_CORRUPT`, `ERR_OVERSIZED`, `ERR_PATH_ESCAPES`. After an error nothing half-written remains.
 */
export interface Assets {
  /** Import files, pin them and return the manifest's id. */
  add(sources: readonly AssetSource[]): Promise<{ readonly cid: Cid; readonly manifest: Manifest }>

  /** Import bytes as one file, pin it and return its id. */
  addBytes(bytes: Uint8Array): Promise<Cid>

  /** Fetch a manifest and all its files, verified, into a fresh directory. */
  checkout(manifest: Cid, options: FetchOptions): Promise<Checkout>

  /** Fetch one file. */
  fetchBytes(cid: Cid, options: FetchOptions): Promise<Uint8Array>

  /** Forget a pin; the blocks go with the next collection. */
  unpin(cid: Cid): Promise<void>

  /** Bytes kept now, and the most that may be kept. */
  usage(): Promise<{ readonly sizeBytes: number; readonly quotaBytes: number }>
}
