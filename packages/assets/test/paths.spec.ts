import assert from 'node:assert/strict'
import { posix, win32 } from 'node:path'
import fc from 'fast-check'
import { decodeManifest, encodeManifest, manifestOf, pathFault, pathsFault } from '../src/index.ts'

const CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

// Names near the edge of what is allowed, not just any text.
const segment = fc.oneof(
  fc.constantFrom('..', '.', '', 'a', 'A', 'b', 'é', 'e\u0301', 'ſ', 'C:', 'a\\', '\0', '...', ' '),
  fc.string({ unit: 'binary', maxLength: 4 })
)
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map(segments => segments.join('/'))

describe('asset paths', () => {
  it('never lead out of the directory they are put in, on any system', () => {
    fc.assert(
      fc.property(path, path => {
        if (pathFault(path) !== undefined) return
        for (const system of [posix, win32]) {
          const root = system === posix ? '/root' : 'D:\\root'
          const target = system.resolve(root, ...path.split('/'))
          assert.ok(target.startsWith(root + system.sep), `${JSON.stringify(path)} goes to ${target}`)
          // No two spellings of one place.
          assert.equal(system.relative(root, target).split(system.sep).join('/'), path)
        }
      }),
      { numRuns: 2_000 }
    )
  })

  it('are judged alike in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 6 }), paths => {
        const forth = pathsFault(paths) === undefined
        assert.equal(pathsFault(paths.toReversed()) === undefined, forth)
      }),
      { numRuns: 1_000 }
    )
  })

  it('come out of a manifest as they went in', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 8 }), fc.nat(), (paths, sizeBytes) => {
        if (pathsFault(paths) !== undefined) return
        const manifest = manifestOf(paths.map(path => ({ path, cid: CID, sizeBytes })))
        const bytes = encodeManifest(manifest)
        assert.deepEqual(decodeManifest(bytes), manifest)
        assert.deepEqual(manifestOf(manifest.entries.toReversed()), manifest)
      }),
      { numRuns: 1_000 }
    )
  })
})
