import { type Cid, type Manifest, type ManifestEntry, RayswarmError } from '@rayswarm/interface'
import { ASSETS_SIZE_BYTES_MAX, MANIFEST_ENTRY_COUNT_MAX, MANIFEST_SIZE_BYTES_MAX } from '@rayswarm/params'
import { canonical, decodeCanonical } from '@rayswarm/wire'
import { CID } from 'multiformats/cid'
import { compare } from 'uint8arrays/compare'
import { fromString } from 'uint8arrays/from-string'
import { z } from 'zod'
import { checkPaths } from './paths.ts'

/** Codecs and hash of every block this package reads or writes. */
export const RAW_CODE = 0x55
export const DAG_PB_CODE = 0x70
export const DAG_CBOR_CODE = 0x71
export const SHA256_CODE = 0x12
export const DIGEST_SIZE_BYTES = 32

const CID_LENGTH_MAX = 128

const schema = z.strictObject({
  entries: z
    .array(
      z.strictObject({
        path: z.string(),
        cid: z.string().max(CID_LENGTH_MAX),
        sizeBytes: z.int().min(0)
      })
    )
    .max(MANIFEST_ENTRY_COUNT_MAX)
})

/**
 * Read a content id that somebody else wrote: version 1, one of the codecs, sha2-256, in its only text form.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID`
 */
export function parseCid(text: Cid, codes: readonly number[]): CID {
  const cid = tryParse(text)
  if (
    cid === undefined ||
    cid.version !== 1 ||
    cid.toString() !== text ||
    !codes.includes(cid.code) ||
    !isOurHash(cid)
  ) {
    throw invalid('content id is not one of ours', text)
  }
  return cid
}

/** Whether a block is named by its full sha2-256 digest. */
export function isOurHash(cid: CID): boolean {
  return cid.multihash.code === SHA256_CODE && cid.multihash.digest.length === DIGEST_SIZE_BYTES
}

/** Entries in the order of their paths' bytes. */
export function manifestOf(entries: readonly ManifestEntry[]): Manifest {
  const keyed = entries.map(entry => ({ key: fromString(entry.path), entry }))
  keyed.sort((a, b) => compare(a.key, b.key))
  return { entries: keyed.map(({ entry: { path, cid, sizeBytes } }) => ({ path, cid, sizeBytes })) }
}

/** Sum of the sizes a manifest declares. */
export function declaredSizeBytes(manifest: Manifest): number {
  return manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
}

/**
 * Canonical bytes of a manifest.
 *
 * @throws {RayswarmError} `ERR_OVERSIZED`, `ERR_PATH_ESCAPES`, `ERR_JOB_INVALID`
 * @see spec/assets.md#manifest
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const bytes = canonical(checked(manifest))
  if (bytes.length > MANIFEST_SIZE_BYTES_MAX) throw oversized('bytes', bytes.length, MANIFEST_SIZE_BYTES_MAX)
  return bytes
}

/**
 * Read a manifest that somebody else wrote. Only the one canonical encoding of a well-formed manifest passes.
 *
 * @throws {RayswarmError} `ERR_JOB_INVALID`, `ERR_PATH_ESCAPES`, `ERR_OVERSIZED`
 * @see spec/assets.md#manifest
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const decoded = decodeCanonical<Manifest>(bytes, schema, MANIFEST_SIZE_BYTES_MAX)
  if (!decoded.ok) {
    if (decoded.fault === 'oversized') throw oversized('bytes', bytes.length, MANIFEST_SIZE_BYTES_MAX)
    throw invalid(`manifest is ${decoded.fault}`, decoded.detail)
  }
  return checked(decoded.value)
}

// What a creator may write and what a node accepts is one rule.
function checked(manifest: Manifest): Manifest {
  const { entries } = manifest
  if (entries.length > MANIFEST_ENTRY_COUNT_MAX) {
    throw oversized('entries', entries.length, MANIFEST_ENTRY_COUNT_MAX)
  }
  checkPaths(entries.map(entry => entry.path))
  const sorted = manifestOf(entries).entries
  const stray = entries.find((entry, index) => entry.path !== sorted[index]?.path)
  if (stray !== undefined) throw invalid('manifest is not sorted by path', stray.path)
  for (const entry of entries) parseCid(entry.cid, [RAW_CODE, DAG_PB_CODE])

  const sizeBytes = declaredSizeBytes(manifest)
  if (sizeBytes > ASSETS_SIZE_BYTES_MAX) throw oversized('bytes of content', sizeBytes, ASSETS_SIZE_BYTES_MAX)
  return manifest
}

function tryParse(text: string): CID | undefined {
  try {
    return CID.parse(text)
  } catch {
    return undefined
  }
}

function oversized(what: string, value: number, max: number): RayswarmError {
  return new RayswarmError('ERR_OVERSIZED', `manifest has ${value} ${what}`, {
    thing: 'manifest',
    value,
    remedy: `A manifest may have ${max} ${what}: split the job or pack its files.`
  })
}

function invalid(message: string, value: unknown): RayswarmError {
  return new RayswarmError('ERR_JOB_INVALID', message, {
    thing: 'manifest',
    value,
    remedy: 'Have the creator publish the job again with a current version.'
  })
}
