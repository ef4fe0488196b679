import { CHUNK_SIZE_BYTES } from '@rayswarm/params'
import { type ImporterOptions, importByteStream } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { pipe } from 'it-pipe'
import type { CID } from 'multiformats/cid'

/** Links in one node of a file's tree. */
const CHILD_COUNT_MAX = 1_024

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
