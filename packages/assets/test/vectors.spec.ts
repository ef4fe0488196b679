import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isRayswarmError } from '@rayswarm/interface'
import { cidOf, fromHex, toHex } from '@rayswarm/wire'
import { decodeManifest, encodeManifest, manifestOf, pathsFault } from '../src/index.ts'
import { importFile } from '../src/unixfs.ts'

const file = new URL('../../../../spec/vectors/manifest.json', import.meta.url)
const { paths, files, manifests, refusedManifests, ...unclaimed } = JSON.parse(readFileSync(file, 'utf8'))

describe('spec/vectors/manifest.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const v of paths) {
    it(`path: ${v.name}`, () => assert.equal(pathsFault(v.paths)?.fault ?? null, v.fault))
  }

  for (const v of files) {
    it(`file: ${v.name}`, async () => {
      const imported = await importFile([pattern(v.sizeBytes)], { put: cid => cid })
      assert.equal(imported.cid.toString(), v.cid)
      assert.equal(imported.sizeBytes, v.sizeBytes)
    })
  }

  for (const v of manifests) {
    it(`manifest: ${v.name}`, () => {
      const manifest = manifestOf(v.entries.toReversed())
      assert.equal(toHex(encodeManifest(manifest)), v.bytes)
      assert.equal(cidOf(manifest), v.cid)
      assert.deepEqual(decodeManifest(fromHex(v.bytes)), { entries: v.entries })
    })
  }

  for (const v of refusedManifests) {
    it(`refused: ${v.name}`, () => {
      assert.throws(
        () => decodeManifest(fromHex(v.bytes)),
        error => isRayswarmError(error) && error.code === v.code
      )
    })
  }
})

/** The content the page calls the pattern. */
function pattern(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => i * 7 + (i >> 8) * 13 + (i >> 16) * 31)
}
