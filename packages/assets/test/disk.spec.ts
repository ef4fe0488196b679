import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isRayswarmError } from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES } from '@rayswarm/params'
import { createLibp2p } from 'libp2p'
import { createAssets } from '../src/index.ts'
import { blockFiles, damage } from './strange-peers.ts'
import { filesOf, nodeOptions, Swarm } from './swarm.ts'

const QUOTA_BYTES = 2 ** 30
const options = { providers: [], sizeBytesMax: 2 ** 30, timeoutMs: 10_000 }

function withCode(code: string) {
  return (error: unknown) => isRayswarmError(error) && error.code === code
}

describe('assets on the disk', () => {
  let swarm: Swarm
  beforeEach(() => {
    swarm = new Swarm()
  })
  afterEach(() => swarm.close())

  const open = async (dir: string) =>
    await createAssets({ libp2p: await swarm.node(), dir, quotaBytes: QUOTA_BYTES, netId: 'test' })

  it('are there after a restart, pins and usage too', async () => {
    const dir = await swarm.dir()
    const before = await open(dir)
    const bytes = randomBytes(2 * CHUNK_SIZE_BYTES)
    const kept = await before.addBytes(bytes)
    const dropped = await before.addBytes(randomBytes(500))
    await before.unpin(dropped)
    const usage = await before.usage()
    await before.stop()

    const after = await open(dir)
    assert.deepEqual(await after.usage(), usage)
    await after.collect()
    assert.equal((await after.usage()).sizeBytes, usage.sizeBytes - 500)
    assert.ok(bytes.equals(await after.fetchBytes(kept, options)))
    await after.stop()
  })

  it('are swept of what a crash left half-written', async () => {
    const dir = await swarm.dir()
    const before = await open(dir)
    const { cid } = await before.add([{ path: 'f', read: () => chunks(randomBytes(10)) }])
    const { dir: abandoned } = await before.checkout(cid, options)
    await before.stop()
    const block = (await blockFiles(dir))[0]!
    await writeFile(join(dirname(block), '.CIQXXX.data.tmp'), 'half')
    await mkdir(join(dir, 'checkouts', '.drafts', 'half'))

    const after = await open(dir)
    await assert.rejects(readdir(abandoned), { code: 'ENOENT' })
    assert.deepEqual(await readdir(join(dir, 'checkouts', '.drafts')), [])
    assert.ok((await blockFiles(dir)).every(file => file.endsWith('.data')))
    await after.checkout(cid, options)
    await after.stop()
  })

  for (const [how, harm] of [
    ['damaged', (dir: string) => damage(dir, 1_000)],
    ['cut short', async (dir: string) => truncate((await blockFiles(dir))[0]!, 0)]
  ] as const) {
    it(`count as missing when a block was ${how}, and are fetched again`, async () => {
      const dir = await swarm.dir()
      const bytes = randomBytes(1_000)
      const before = await open(dir)
      const cid = await before.addBytes(bytes)
      await before.stop()
      await harm(dir)

      const after = await open(dir)
      await assert.rejects(after.fetchBytes(cid, options), withCode('ERR_NOT_FOUND'))
      assert.equal((await after.usage()).sizeBytes, 0)
      await (await swarm.peer()).assets.addBytes(bytes)
      assert.ok(bytes.equals(await after.fetchBytes(cid, options)))
      await after.stop()
    })
  }

  it('belong to one process at a time', async () => {
    const dir = await swarm.dir()
    const one = await open(dir)
    const { cid } = await one.add([{ path: 'f', read: () => chunks(randomBytes(10)) }])
    const checkout = await one.checkout(cid, options)
    await assert.rejects(open(dir), withCode('ERR_STORE_LOCKED'))
    assert.equal((await filesOf(checkout))?.size, 1)
    await one.stop()
  })

  it('are left alone by a fetch that stopping ends', async () => {
    const [alice, bob] = [await swarm.peer(), await swarm.peer()]
    const { cid } = await alice.assets.add([
      { path: 'f', read: () => chunks(randomBytes(8 * CHUNK_SIZE_BYTES)) }
    ])
    const fetched = bob.assets.checkout(cid, {
      ...options,
      providers: [alice.peerId],
      onProgress: () => void bob.assets.stop()
    })
    await assert.rejects(fetched, withCode('ERR_ABORTED'))
    assert.deepEqual(await readdir(join(bob.dir, 'checkouts', '.drafts')), [])
    await assert.rejects(bob.assets.fetchBytes(cid, options))
  })

  it('are released when the network cannot be joined', async () => {
    const libp2p = await swarm.node()
    const init = { libp2p, quotaBytes: QUOTA_BYTES, netId: 'test' }
    const one = await createAssets({ ...init, dir: await swarm.dir() })
    const dir = await swarm.dir()
    await assert.rejects(createAssets({ ...init, dir }))
    const two = await createAssets({ ...init, libp2p: await swarm.node(), dir })
    await two.stop()
    await one.stop()
  })

  it('join through a node that starts later', async () => {
    const alice = await swarm.peer()
    const libp2p = await createLibp2p({ ...nodeOptions(), start: false })
    const bob = await createAssets({ libp2p, dir: await swarm.dir(), quotaBytes: QUOTA_BYTES, netId: 'test' })
    await libp2p.start()
    await libp2p.dial(alice.libp2p.getMultiaddrs())
    const bytes = randomBytes(10)
    assert.ok(bytes.equals(await bob.fetchBytes(await alice.assets.addBytes(bytes), options)))
    const back = { ...options, providers: [libp2p.peerId.toString()] }
    assert.equal((await alice.assets.fetchBytes(await bob.addBytes(randomBytes(20)), back)).length, 20)
    await bob.stop()
    assert.equal(libp2p.status, 'started')
    await libp2p.stop()
  })

  it('come with a node of their own when given its options', async () => {
    const alice = await swarm.peer()
    const dir = await swarm.dir()
    const init = { libp2pOptions: nodeOptions(), dir, quotaBytes: QUOTA_BYTES, netId: 'test' }
    const bob = await createAssets(init)
    const cid = await alice.assets.addBytes(randomBytes(10))
    await bob.libp2p.dial(alice.libp2p.getMultiaddrs())
    assert.equal((await bob.fetchBytes(cid, options)).length, 10)
    await bob.stop()
    assert.equal(bob.libp2p.status, 'stopped')
    assert.equal(alice.libp2p.status, 'started')
  })

  it('end when the disk is full, and leave nothing half-written', async function () {
    const disk = await smallDisk(12)
    // Mounting needs rights that not every account has.
    if (disk === undefined) return this.skip()
    try {
      const alice = await swarm.peer()
      const large = await alice.assets.add([
        { path: 'f', read: () => chunks(randomBytes(8 * CHUNK_SIZE_BYTES)) }
      ])
      const { assets: bob } = await swarm.peer({ dir: join(disk, 'assets') })
      const providers = [alice.peerId]
      // The blocks fit, the checkout beside them does not.
      await assert.rejects(bob.checkout(large.cid, { ...options, providers }), withCode('ERR_DISK_FULL'))
      assert.deepEqual(await readdir(join(disk, 'assets/checkouts')), ['.drafts'])
      assert.deepEqual(await readdir(join(disk, 'assets/checkouts/.drafts')), [])
      await assert.rejects(bob.addBytes(randomBytes(16 * CHUNK_SIZE_BYTES)), withCode('ERR_DISK_FULL'))
      for (const file of await blockFiles(join(disk, 'assets'))) assert.ok(file.endsWith('.data'), file)

      // With room again, all is well.
      await bob.collect()
      const small = await alice.assets.addBytes(randomBytes(1_000))
      assert.equal((await bob.fetchBytes(small, { ...options, providers })).length, 1_000)
    } finally {
      await swarm.close()
      execFileSync('umount', [disk])
      await rm(disk, { recursive: true })
    }
  })
})

async function* chunks(bytes: Uint8Array) {
  yield bytes
}

async function smallDisk(sizeMiB: number): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', dir], { stdio: 'ignore' })
    return dir
  } catch {
    console.warn('      skipped: this account may not mount a small disk')
    await rm(dir, { recursive: true })
    return undefined
  }
}
