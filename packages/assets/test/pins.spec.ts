import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canonical, cidOf } from '@rayswarm/wire'
import { MemoryDatastore } from 'datastore-core'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { blockKey, DiskBlocks } from '../src/disk-blocks.ts'
import { manifestOf } from '../src/manifest.ts'
import { Pins } from '../src/pins.ts'
import { importFile } from '../src/unixfs.ts'

// Few contents, so that manifests share them all the time.
const CONTENTS = [0, 1, 2, 3].map(byte => new Uint8Array(100).fill(byte))

type Action = { kind: 'pin' | 'unpin'; contents: number[] } | { kind: 'collect' | 'restart' }

const contents = fc.uniqueArray(fc.nat(CONTENTS.length - 1), { minLength: 1, maxLength: 3 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: contents.map(contents => ({ kind: 'pin' as const, contents })) },
  { weight: 3, arbitrary: contents.map(contents => ({ kind: 'unpin' as const, contents })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'collect' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) }
)

describe('pins', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rayswarm-pins-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  async function addManifest(blocks: DiskBlocks, indices: readonly number[]): Promise<CID> {
    const entries = []
    for (const index of indices) {
      const { cid, sizeBytes } = await importFile([CONTENTS[index]!], blocks)
      entries.push({ path: String(index), cid: cid.toString(), sizeBytes })
    }
    const manifest = manifestOf(entries)
    const cid = CID.parse(cidOf(manifest))
    await blocks.put(cid, canonical(manifest))
    return cid
  }

  it('keep after a collection exactly what they reach, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async actions => {
        const home = await mkdtemp(join(dir, 'run-'))
        const records = new MemoryDatastore()
        let blocks = new DiskBlocks(home, 1e6)
        let pins = new Pins(records, blocks)
        const pinned = new Map<string, readonly number[]>()

        for (const action of [...actions, { kind: 'collect' as const }]) {
          if (action.kind === 'pin') {
            const root = await addManifest(blocks, action.contents)
            await pins.add(root)
            pinned.set(root.toString(), action.contents)
          } else if (action.kind === 'unpin') {
            const root = await addManifest(blocks, action.contents)
            await pins.remove(root)
            pinned.delete(root.toString())
          } else if (action.kind === 'restart') {
            blocks = new DiskBlocks(home, 1e6)
            await blocks.open()
            pins = new Pins(records, blocks)
          } else {
            await pins.collect()
            const expected = new Set([...pinned.keys()].map(root => blockKey(CID.parse(root))))
            for (const index of new Set([...pinned.values()].flat())) {
              expected.add(blockKey((await importFile([CONTENTS[index]!], { put: cid => cid })).cid))
            }
            assert.deepEqual(new Set(blocks.cids().map(blockKey)), expected)
            let sizeBytes = 0
            for (const cid of blocks.cids()) sizeBytes += (await blocks.read(cid))!.length
            assert.equal(blocks.sizeBytes, sizeBytes)
          }
        }
      }),
      { numRuns: 40 }
    )
  })

  it('are not alone: what an operation touches stays until it ends', async () => {
    const blocks = new DiskBlocks(dir, 1e6)
    const pins = new Pins(new MemoryDatastore(), blocks)
    const { cid } = await importFile([CONTENTS[0]!], blocks)
    await pins.protect(async touched => {
      touched.add(blockKey(cid))
      await pins.collect()
      assert.ok(await blocks.has(cid))
    })
    await pins.collect()
    assert.ok(!(await blocks.has(cid)))
  })
})

describe('blocks on the disk', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rayswarm-blocks-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  it('never exceed the quota, however many come at once', async () => {
    const blocks = new DiskBlocks(dir, 1_000)
    const puts = Array.from({ length: 50 }, async (_, index) => {
      await importFile([new Uint8Array(100).fill(index)], blocks)
    })
    const ended = await Promise.allSettled(puts)
    assert.equal(ended.filter(({ status }) => status === 'fulfilled').length, 10)
    assert.equal(blocks.sizeBytes, 1_000)
  })

  it('stay whole when one is put, read and deleted many times at once', async () => {
    const blocks = new DiskBlocks(dir, 1e9)
    const bytes = new Uint8Array(200_000).fill(7)
    const { cid } = await importFile([bytes], blocks)
    const work = Array.from({ length: 60 }, async (_, index) => {
      if (index % 3 === 0) await blocks.put(cid, bytes)
      else if (index % 3 === 1) await blocks.delete(cid)
      else {
        const read = await blocks.read(cid)
        assert.ok(read === undefined || Buffer.compare(read, bytes) === 0)
      }
    })
    await Promise.all(work)
    const again = new DiskBlocks(dir, 1e9)
    await again.open()
    assert.equal(again.sizeBytes, blocks.sizeBytes)
  })
})
