import type { Libp2p, Stream } from '@libp2p/interface'
import { type ByteStream, byteStream } from '@libp2p/utils'
import type { Log } from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES, MANIFEST_SIZE_BYTES_MAX } from '@rayswarm/params'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import type { DiskBlocks } from './disk-blocks.ts'
import { DAG_CBOR_CODE, DIGEST_SIZE_BYTES, RAW_CODE, SHA256_CODE } from './manifest.ts'

/** Requests one stream may have unanswered. */
export const REQUESTS_OPEN_MAX = 8
/** Tree nodes are a little larger than the chunks of foreign importers; manifests are one block however long. */
const BLOCK_SIZE_BYTES_MAX = 2 * CHUNK_SIZE_BYTES

const HEADER_SIZE_BYTES = 4
const MISSING = 0xffff_ffff
const STREAMS_PER_PEER_MAX = 32
/** A stream nobody uses, or whose reader reads nothing, is closed after this long. */
const IDLE_TIMEOUT_MS = 60_000

/**
 * Name of the block protocol in one network.
 *
 * A request is the sha2-256 digest of a block, 32 bytes. An answer is the block's length, 4 bytes, big endian, and the
 * block; or `ffffffff` when it is not there. Answers come in the order of the requests.
 *
 * @see spec/assets.md#block-protocol
 */
export function blockProtocol(netId: string): string {
  return `/rayswarm/${netId}/block/1`
}

/** Most bytes a block may have, by what it holds. */
export function blockSizeBytesMax(cid: CID): number {
  return cid.code === DAG_CBOR_CODE ? MANIFEST_SIZE_BYTES_MAX : BLOCK_SIZE_BYTES_MAX
}

/** Answer other peers' requests for blocks. Returns how to stop. */
export async function serveBlocks(
  libp2p: Libp2p,
  netId: string,
  blocks: DiskBlocks,
  log: Log | undefined
): Promise<() => Promise<void>> {
  const streams = new Set<Stream>()
  const protocol = blockProtocol(netId)
  await libp2p.handle(
    protocol,
    (stream, { remotePeer }) => {
      streams.add(stream)
      serveStream(stream, blocks)
        .catch(error => {
          log?.debug('block stream ended', { peer: remotePeer.toString(), cause: String(error) })
          stream.abort(error instanceof Error ? error : new Error(String(error)))
        })
        .finally(() => streams.delete(stream))
    },
    { maxInboundStreams: STREAMS_PER_PEER_MAX, maxOutboundStreams: STREAMS_PER_PEER_MAX }
  )
  return async () => {
    await libp2p.unhandle(protocol)
    for (const stream of streams) stream.abort(new Error('stopping'))
  }
}

async function serveStream(stream: Stream, blocks: DiskBlocks): Promise<void> {
  // Who asks for more at once than it may overflows this buffer, which ends the stream.
  const bytes = byteStream(stream, { maxBufferSize: REQUESTS_OPEN_MAX * DIGEST_SIZE_BYTES })
  for (;;) {
    const digest = await readExactly(bytes, DIGEST_SIZE_BYTES, IDLE_TIMEOUT_MS)
    if (digest === undefined) break
    const block = await blocks.read(CID.createV1(RAW_CODE, createDigest(SHA256_CODE, digest)))
    const signal = AbortSignal.timeout(IDLE_TIMEOUT_MS)
    await bytes.write(header(block?.length ?? MISSING), { signal })
    if (block !== undefined) await bytes.write(block, { signal })
  }
  await stream.close()
}

function header(length: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE_BYTES)
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

// Undefined at the end of the stream.
async function readExactly(
  bytes: ByteStream<Stream>,
  sizeBytes: number,
  timeoutMs: number
): Promise<Uint8Array | undefined> {
  try {
    const list = await bytes.read({ bytes: sizeBytes, signal: AbortSignal.timeout(timeoutMs) })
    return list.subarray()
  } catch (error) {
    if (error instanceof Error && error.name === 'UnexpectedEOFError') return undefined
    throw error
  }
}

/** The asking end of one stream. */
export class BlockStream {
  readonly #stream: Stream
  readonly #bytes: ByteStream<Stream>
  #openCount = 0
  #lastByteAtMs = 0

  private constructor(stream: Stream) {
    this.#stream = stream
    this.#bytes = byteStream(stream, {
      maxBufferSize: REQUESTS_OPEN_MAX * (HEADER_SIZE_BYTES + BLOCK_SIZE_BYTES_MAX) + MANIFEST_SIZE_BYTES_MAX
    })
    stream.addEventListener('message', () => {
      this.#lastByteAtMs = performance.now()
    })
  }

  static async open(libp2p: Libp2p, netId: string, peer: Parameters<Libp2p['dial']>[0], signal: AbortSignal) {
    return new BlockStream(await libp2p.dialProtocol(peer, blockProtocol(netId), { signal }))
  }

  /** For how long the peer has sent nothing although it was asked. */
  get silentMs(): number {
    return this.#openCount === 0 ? 0 : performance.now() - this.#lastByteAtMs
  }

  /** Whether it can be asked, and nothing is under way. */
  get idle(): boolean {
    const { status, remoteWriteStatus } = this.#stream
    return this.#openCount === 0 && status === 'open' && remoteWriteStatus === 'writable'
  }

  async ask(cid: CID): Promise<void> {
    if (this.#openCount++ === 0) this.#lastByteAtMs = performance.now()
    await this.#bytes.write(cid.multihash.digest)
  }

  /** The next answer: a block of the right size, whose hash nobody has checked; undefined if the peer has none. */
  async answer(cid: CID): Promise<Uint8Array | undefined> {
    const block = await this.#read(cid)
    this.#openCount--
    return block
  }

  async #read(cid: CID): Promise<Uint8Array | undefined> {
    const head = (await this.#bytes.read({ bytes: HEADER_SIZE_BYTES })).subarray()
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0)
    if (length === MISSING) return undefined
    if (length > blockSizeBytesMax(cid)) throw new RangeError(`a block of ${length} bytes`)
    if (length === 0) return new Uint8Array()
    return (await this.#bytes.read({ bytes: length })).subarray()
  }

  close(): void {
    // Answers may be under way: nobody wants them any more.
    this.#stream.abort(new Error('done'))
  }
}
