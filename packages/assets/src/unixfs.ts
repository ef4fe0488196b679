import { RayswarmError } from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES } from '@rayswarm/params'
import { exporter } from 'ipfs-unixfs-exporter'
import { type ImporterOptions, importByteStream } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { pipe } from 'it-pipe'
import type { CID } from 'multiformats/cid'
import { oversizedFailure } from './failures.ts'

/** Links in one node of a file's tree. */
const CHILD_COUNT_MAX = 1_024
/** Blocks of one file asked for at once. */
const BLOCKS_AT_ONCE = 16
/** The exporter queues whatever it has read ahead: it is asked for this much at a time, which bounds its memory. */
const WINDOW_SIZE_BYTES = 64 * 1024 * 1024

/**
 * How every peer imports files: the same bytes give the same id everywhere.
 *
 * @see spec/assets.md#files
 */
const LAYOUT: ImporterOptions = {
  cidVersion: 1,
  rawLeaves: true,
  reduceSingleLeafToSelf: true,
  chunker: fixedSize({ chunkSize: CHUNK_SIZE_BYTES }),
  layout: balanced({ maxChildrenPerNode: CHILD_COUNT_MAX }),
  fieldOrder: 'links-first',
  blockWriteConcurrency: 8
}

/** Where imported blocks go. */
export type BlockSink = Parameters<typeof importByteStream>[1]
/** Where exported blocks come from. */
export type BlockReader = (cid: CID) => Promise<Uint8Array>

/** Import one file. */
export async function importFile(
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  blocks: BlockSink
): Promise<{ cid: CID; sizeBytes: number }> {
  let sizeBytes = 0
  const { cid } = await pipe(
    content,
    async function* count(source) {
      for await (const bytes of source) {
        sizeBytes += bytes.length
        yield bytes
      }
    },
    source => importByteStream(source, blocks, LAYOUT)
  )
  return { cid, sizeBytes }
}

/** Size a file's root declares. */
export async function fileSizeBytes(cid: CID, read: BlockReader): Promise<number> {
  return Number((await openFile(cid, read)).size)
}

/**
 * Content of one file, of exactly the size its reader was promised.
 *
 * @throws {RayswarmError} `ERR_OVERSIZED`, `ERR_JOB_INVALID`
 */
export async function* exportFile(
  cid: CID,
  sizeBytes: number,
  read: BlockReader
): AsyncGenerator<Uint8Array> {
  const file = await openFile(cid, read)
  if (file.size > BigInt(sizeBytes)) throw oversizedFailure(Number(file.size), sizeBytes)
  if (file.size < BigInt(sizeBytes)) throw lying(cid, 'is smaller than declared')

  for (let offset = 0; offset < sizeBytes; offset += WINDOW_SIZE_BYTES) {
    const length = Math.min(WINDOW_SIZE_BYTES, sizeBytes - offset)
    const range = { offset, length, blockReadConcurrency: BLOCKS_AT_ONCE }
    yield* describeFaults(cid, file.content(range))
  }
}

async function openFile(cid: CID, read: BlockReader) {
  const blocks = {
    async *get(cid: CID) {
      yield await read(cid)
    }
  }
  const entry = await exporter(cid, blocks).catch(error => {
    throw isStructureFault(error) ? lying(cid, error.message) : error
  })
  if (entry.type !== 'file' && entry.type !== 'raw') throw lying(cid, `is a ${entry.type}, not a file`)
  return entry
}

async function* describeFaults(cid: CID, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    throw isStructureFault(error) ? lying(cid, error.message) : error
  }
}

const STRUCTURE_FAULTS = new Set(['NotUnixFSError', 'OverReadError', 'UnderReadError', 'BadPathError'])

function isStructureFault(error: unknown): error is Error {
  return error instanceof Error && STRUCTURE_FAULTS.has(error.name)
}

// Every block had the right hash: whoever made the file made it so.
function lying(cid: CID, what: string): RayswarmError {
  return new RayswarmError('ERR_JOB_INVALID', `content ${cid.toString()} ${what}`, {
    thing: 'content',
    value: cid.toString(),
    remedy: 'Have its creator publish it again.'
  })
}
