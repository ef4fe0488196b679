import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { withBitswap } from '@helia/bitswap'
import type { Libp2p } from '@libp2p/interface'
import { isRayswarmError } from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES } from '@rayswarm/params'
import { MemoryBlockstore } from 'blockstore-core'
import { createHeliaLight } from 'helia'
import { exporter } from 'ipfs-unixfs-exporter'
import { importBytes } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import { concat } from 'uint8arrays/concat'
import { encodeManifest } from '../src/index.ts'
import {
  answerBlocks,
  blockFiles,
  damage,
  dripBlocks,
  endlessFile,
  framed,
  hangUp,
  mirror,
  publishManifest,
  serve
} from './strange-peers.ts'
import { filesOf, Swarm } from './swarm.ts'

const NOBODY_HAS = 'bafkreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi'
const SIZE_BYTES = 6 * CHUNK_SIZE_BYTES + 1_234

function wanted(...providers: readonly { peerId: { toString(): string } }[]) {
  return {
    providers: providers.map(({ peerId }) => peerId.toString()),
    sizeBytesMax: 2 * SIZE_BYTES,
    timeoutMs: 30_000
  }
}

function scene(bytes: Uint8Array) {
  return [
    {
      path: 'scene.bin',
      async *read() {
        yield bytes
      }
    }
  ]
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error
  )
  assert.ok(isRayswarmError(error), `expected one of our errors, got ${String(error)}`)
  return error.code
}

describe('fetching from peers', () => {
  let swarm: Swarm
  beforeEach(() => {
    swarm = new Swarm()
  })
  afterEach(() => swarm.close())

  describe('that lie', () => {
    it('never accepts wrong bytes and names who sent them', async () => {
      const [evil, bob] = [await swarm.peer(), await swarm.peer()]
      const cid = await evil.assets.addBytes(randomBytes(1_000))
      await damage(evil.dir, 1_000)
      await assert.rejects(bob.assets.fetchBytes(cid, wanted(evil)), error => {
        assert.ok(isRayswarmError(error))
        assert.equal(error.code, 'ERR_BLOCK_CORRUPT')
        assert.match(error.message, new RegExp(evil.peerId))
        return true
      })
      assert.equal((await bob.assets.usage()).sizeBytes, 0)
    })

    it('gets the content from an honest peer all the same, whichever comes first', async () => {
      const bytes = randomBytes(SIZE_BYTES)
      const [evil, alice] = [await swarm.peer(), await swarm.peer()]
      const { cid } = await evil.assets.add(scene(bytes))
      await alice.assets.add(scene(bytes))
      await damage(evil.dir, CHUNK_SIZE_BYTES)

      for (const providers of [
        [evil, alice],
        [alice, evil],
        [evil] // alice is only connected
      ]) {
        const bob = await swarm.peer()
        const checkout = await bob.assets.checkout(cid, wanted(...providers))
        assert.ok(bytes.equals((await filesOf(checkout))!.get('scene.bin')!))
      }
    })

    it('asks a liar nothing more', async () => {
      const bytes = randomBytes(SIZE_BYTES)
      const alice = await swarm.peer()
      const evil = await swarm.node()
      const count = await answerBlocks(evil, () => framed(new Uint8Array(10)))
      const { cid } = await alice.assets.add(scene(bytes))
      const bob = await swarm.peer()
      await bob.assets.checkout(cid, wanted(evil, alice))
      // What was under way when the first lie came in, at most.
      assert.ok(count.requests >= 1 && count.requests <= 8, `${count.requests} requests`)
    })

    it('does not read on when a block claims to be huge', async () => {
      const evil = await swarm.node()
      await answerBlocks(evil, () => framed(new Uint8Array(10), 0xfff_fff0))
      const bob = await swarm.peer()
      assert.equal(await codeOf(bob.assets.fetchBytes(NOBODY_HAS, wanted(evil))), 'ERR_NOT_FOUND')
    })

    it('ends a file whose tree has no end', async () => {
      const evil = await swarm.node()
      const { cid, blocks } = endlessFile()
      await serve(evil, blocks)
      const bob = await swarm.peer()
      assert.equal(await codeOf(bob.assets.fetchBytes(cid, wanted(evil))), 'ERR_OVERSIZED')
    })

    it('stops at the declared size when a file turns out larger', async () => {
      const alice = await swarm.peer()
      const real = await alice.assets.addBytes(randomBytes(5_000))
      const bob = await swarm.peer()
      for (const [declared, code] of [
        [4_999, 'ERR_OVERSIZED'],
        [5_001, 'ERR_JOB_INVALID']
      ] as const) {
        const liar = await swarm.node()
        const cid = await publishManifest(liar, [{ path: 'f', cid: real, sizeBytes: declared }])
        assert.equal(await codeOf(bob.assets.checkout(cid, wanted(alice, liar))), code)
        assert.deepEqual(await readdir(join(bob.dir, 'checkouts')), ['.drafts'])
        assert.deepEqual(await readdir(join(bob.dir, 'checkouts', '.drafts')), [])
      }
    })

    it('writes nothing outside the checkout for a manifest that says so', async () => {
      const alice = await swarm.peer()
      const real = await alice.assets.addBytes(randomBytes(10))
      const bob = await swarm.peer()
      const liar = await swarm.node()
      const cid = await publishManifest(liar, [{ path: '../../escape', cid: real, sizeBytes: 10 }])
      assert.equal(await codeOf(bob.assets.checkout(cid, wanted(alice, liar))), 'ERR_PATH_ESCAPES')
      assert.ok(!(await readdir(bob.dir)).includes('escape'))
    })
  })

  describe('that fail', () => {
    it('goes on with another peer when one answers nothing', async () => {
      const bytes = randomBytes(SIZE_BYTES)
      const alice = await swarm.peer()
      const { cid } = await alice.assets.add(scene(bytes))
      const silent = await swarm.node()
      const count = await answerBlocks(silent, () => 'never')
      const bob = await swarm.peer()
      await bob.assets.checkout(cid, wanted(silent))
      assert.ok(count.requests >= 1)
    })

    it('goes on with another peer when one answers at a drip', async function () {
      this.timeout(60_000)
      const alice = await swarm.peer()
      const cid = await alice.assets.addBytes(randomBytes(CHUNK_SIZE_BYTES))
      const slow = await swarm.node()
      await dripBlocks(slow, CHUNK_SIZE_BYTES)
      const bob = await swarm.peer()
      await bob.assets.fetchBytes(cid, wanted(slow))
    })

    it('goes on with another peer when one dies in the middle', async () => {
      const bytes = randomBytes(SIZE_BYTES)
      const [alice, carol] = [await swarm.peer(), await swarm.peer()]
      const { cid } = await alice.assets.add(scene(bytes))
      await carol.assets.add(scene(bytes))
      const bob = await swarm.peer()
      let died: Promise<unknown> | undefined
      const onProgress = () => {
        died ??= Promise.resolve(alice.libp2p.stop())
      }
      const checkout = await bob.assets.checkout(cid, { ...wanted(alice, carol), onProgress })
      await died
      assert.ok(bytes.equals((await filesOf(checkout))!.get('scene.bin')!))
    })

    it('times out when nobody answers, and leaves nothing half-written', async () => {
      const silent = await swarm.node()
      await answerBlocks(silent, () => 'never')
      const alice = await swarm.peer()
      const { cid } = await alice.assets.add(scene(randomBytes(10)))
      await alice.libp2p.stop()
      const bob = await swarm.peer()
      const options = { ...wanted(silent), timeoutMs: 300 }
      assert.equal(await codeOf(bob.assets.checkout(cid, options)), 'ERR_TIMEOUT')
      assert.deepEqual(await readdir(join(bob.dir, 'checkouts', '.drafts')), [])
    })

    it('says not found when the only peer hangs up', async () => {
      const rude = await swarm.node()
      await hangUp(rude)
      const bob = await swarm.peer()
      assert.equal(await codeOf(bob.assets.fetchBytes(NOBODY_HAS, wanted(rude))), 'ERR_NOT_FOUND')
    })

    it('says not found when the named peer is gone', async () => {
      const alice = await swarm.peer()
      const cid = await alice.assets.addBytes(randomBytes(10))
      const bob = await swarm.peer()
      await alice.libp2p.stop()
      assert.equal(await codeOf(bob.assets.fetchBytes(cid, wanted(alice))), 'ERR_NOT_FOUND')
    })

    it('resumes: what arrived before is not fetched again', async () => {
      const bytes = randomBytes(SIZE_BYTES)
      const alice = await swarm.peer()
      const { cid } = await alice.assets.add(scene(bytes))
      const bob = await swarm.peer()
      const stop = new AbortController()
      const onProgress = (sizeBytes: number) => {
        if (sizeBytes >= 3 * CHUNK_SIZE_BYTES) stop.abort()
      }
      const broken = bob.assets.checkout(cid, { ...wanted(alice), signal: stop.signal, onProgress })
      assert.equal(await codeOf(broken), 'ERR_ABORTED')
      const here = (await blockFiles(bob.dir)).length
      assert.ok(here >= 3)

      const other = await swarm.node()
      const count = await mirror(other, alice.dir)
      await alice.libp2p.stop()
      await bob.assets.checkout(cid, wanted(other))
      assert.equal(count.requests, (await blockFiles(alice.dir)).length - here)
    })
  })

  it('shares the work among peers and fetches every block once', async () => {
    const bytes = randomBytes(32 * CHUNK_SIZE_BYTES)
    const alice = await swarm.peer()
    const { cid } = await alice.assets.add(scene(bytes))
    const nodes = [await swarm.node(), await swarm.node()] as const
    const [one, two] = [await mirror(nodes[0], alice.dir), await mirror(nodes[1], alice.dir)]
    const bob = await swarm.peer()
    await bob.assets.checkout(cid, { ...wanted(...nodes), sizeBytesMax: bytes.length })
    assert.equal(one.requests + two.requests, (await blockFiles(alice.dir)).length)
    assert.ok(Math.min(one.requests, two.requests) >= 8, `${one.requests} and ${two.requests} blocks`)
  })

  it('runs several fetches at once without mixing them up', async () => {
    const alice = await swarm.peer()
    const bob = await swarm.peer()
    const contents = Array.from({ length: 20 }, () => randomBytes(50_000))
    const cids = await Promise.all(contents.map(bytes => alice.assets.addBytes(bytes)))
    const got = await Promise.all(cids.map(cid => bob.assets.fetchBytes(cid, wanted(alice))))
    got.forEach((bytes, index) => {
      assert.ok(contents[index]!.equals(bytes))
    })
  })

  it('moves a manifest larger than a chunk', async () => {
    const alice = await swarm.peer()
    const empty = {
      async *read() {
        yield new Uint8Array()
      }
    }
    const dir = Array.from({ length: 4 }, () => 'd'.repeat(200)).join('/')
    const sources = Array.from({ length: 1_300 }, (_, index) => ({ path: `${dir}/${index}`, ...empty }))
    const { cid, manifest } = await alice.assets.add(sources)
    assert.ok(encodeManifest(manifest).length > CHUNK_SIZE_BYTES)
    const bob = await swarm.peer()
    const checkout = await bob.assets.checkout(cid, wanted(alice))
    assert.equal((await readdir(join(checkout.dir, dir))).length, sources.length)
  })

  describe('that are not ours', () => {
    async function ipfsNode(libp2p: Libp2p) {
      const helia = createHeliaLight({ blockstore: new MemoryBlockstore() })
      return await withBitswap(Object.assign(helia, { libp2p })).start()
    }

    it('fetches from a plain IPFS node', async () => {
      const node = await ipfsNode(await swarm.node())
      const bytes = randomBytes(100)
      const { cid } = await importBytes(bytes, node.blockstore)
      const bob = await swarm.peer()
      const got = await bob.assets.fetchBytes(cid.toString(), wanted({ peerId: node.libp2p.peerId }))
      assert.ok(bytes.equals(got))
      await node.stop()
    })

    it('serves a plain IPFS node', async () => {
      const alice = await swarm.peer()
      const bytes = randomBytes(SIZE_BYTES)
      const cid = await alice.assets.addBytes(bytes)
      const node = await ipfsNode(await swarm.node())
      const file = await exporter(CID.parse(cid), node.blockstore, { signal: AbortSignal.timeout(20_000) })
      assert.equal(file.type, 'file')
      const parts: Uint8Array[] = []
      for await (const part of file.content()) parts.push(part)
      assert.ok(bytes.equals(concat(parts)))
      await node.stop()
    })
  })
})
