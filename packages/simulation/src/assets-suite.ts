import assert from 'node:assert/strict'
import {
  type Assets,
  type Checkout,
  type FetchOptions,
  isRayswarmError,
  type PeerId
} from '@rayswarm/interface'
import { CHUNK_SIZE_BYTES } from '@rayswarm/params'

/** Three peers that hold nothing yet, each with an adapter under test, all able to reach one another. */
export interface AssetsWorld {
  readonly peers: readonly [AssetsPeer, AssetsPeer, AssetsPeer]
  /** Let time pass until `work` has settled. */
  run<T>(work: Promise<T>): Promise<T>
  /** Cut a peer off from the others, for good. */
  cut(peer: AssetsPeer): Promise<void>
  /** Content of a checkout, by path, or undefined once the directory is gone. */
  files(checkout: Checkout): Promise<ReadonlyMap<string, Uint8Array> | undefined>
  close(): Promise<void>
}

export interface AssetsPeer {
  readonly peerId: PeerId
  readonly assets: Assets
}

export interface AssetsWorldInit {
  /** Quota of each peer. */
  readonly quotaBytes: number
}

const KIB = 1024
const QUOTA_BYTES = 64 * KIB * KIB
const UNKNOWN_FILE = 'bafkreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi'
const UNKNOWN_MANIFEST = 'bafyreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi'

/** Declare the tests that every implementation of the `Assets` port must pass. */
export function assetsSuite(name: string, open: (init: AssetsWorldInit) => Promise<AssetsWorld>): void {
  describe(`${name}: assets`, () => {
    let world: AssetsWorld | undefined
    const begin = async (quotaBytes = QUOTA_BYTES) => {
      world = await open({ quotaBytes })
      return world
    }
    afterEach(async () => {
      await world?.close()
      world = undefined
    })

    describe('adding', () => addingTests(begin))
    describe('fetching', () => fetchingTests(begin))
    describe('refusing', () => refusingTests(begin))
    describe('keeping', () => keepingTests(begin))
  })
}

type Begin = (quotaBytes?: number) => Promise<AssetsWorld>

function addingTests(begin: Begin): void {
  it('gives the same files the same id, in whatever order and on whichever peer', async () => {
    const { peers, run } = await begin()
    const [alice, bob] = peers
    const one = await run(alice.assets.add([file('b.bin', 'b'), file('a/c.bin', 'c')]))
    const two = await run(bob.assets.add([file('a/c.bin', 'c'), file('b.bin', 'b')]))
    assert.equal(one.cid, two.cid)
    assert.deepEqual(
      one.manifest.entries.map(({ path, sizeBytes }) => [path, sizeBytes]),
      [
        ['a/c.bin', 1],
        ['b.bin', 1]
      ]
    )
    const other = await run(alice.assets.add([file('b.bin', 'b'), file('a/c.bin', 'd')]))
    assert.notEqual(other.cid, one.cid)
  })

  it('uses the ids of the specification', async () => {
    const { peers, run } = await begin()
    const added = await run(peers[0].assets.add([file('a.txt', 'hello'), file('empty', '')]))
    assert.equal(added.cid, 'bafyreiab2d2bwcxxaf2rhkfwj2ygugzz4xxhoyi4gebxf7qkaxh3ygks7m')
    assert.equal(await run(peers[0].assets.addBytes(text('hello'))), added.manifest.entries[0]?.cid)
  })

  it('does not mind how the content is cut when it is read', async () => {
    const { peers, run } = await begin()
    const bytes = noise(3 * KIB, 1)
    const cut = (sizeBytes: number) => ({
      path: 'f',
      async *read() {
        for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes)
      }
    })
    const whole = await run(peers[0].assets.add([cut(bytes.length)]))
    assert.equal((await run(peers[0].assets.add([cut(7)]))).cid, whole.cid)
  })

  it('accepts a manifest without entries', async () => {
    const { peers, run, files } = await begin()
    const { cid } = await run(peers[0].assets.add([]))
    const checkout = await run(peers[1].assets.checkout(cid, options([peers[0]])))
    assert.equal((await files(checkout))?.size, 0)
  })
}

function fetchingTests(begin: Begin): void {
  it('checks out on one peer what another added', async () => {
    const { peers, run, files } = await begin()
    const [alice, bob] = peers
    const large = noise(2 * CHUNK_SIZE_BYTES + 17, 2)
    const { cid, manifest } = await run(
      alice.assets.add([file('textures/large.bin', large), file('scene.gltf', '{}'), file('void', '')])
    )
    const progress: number[] = []
    const checkout = await run(
      bob.assets.checkout(cid, { ...options([alice]), onProgress: bytes => progress.push(bytes) })
    )
    const found = await files(checkout)
    assert.deepEqual([...(found?.keys() ?? [])].sort(), ['scene.gltf', 'textures/large.bin', 'void'])
    assert.ok(same(found?.get('textures/large.bin'), large))
    assert.ok(same(found?.get('scene.gltf'), text('{}')))
    assert.equal(found?.get('void')?.length, 0)

    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b)
    )
    assert.equal(
      progress.at(-1),
      manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0)
    )
  })

  it('gives every checkout a directory of its own, and deletes only that', async () => {
    const { peers, run, files } = await begin()
    const { cid } = await run(peers[0].assets.add([file('f', 'x')]))
    const one = await run(peers[1].assets.checkout(cid, options([peers[0]])))
    const two = await run(peers[1].assets.checkout(cid, options([peers[0]])))
    assert.notEqual(one.dir, two.dir)
    await run(one.release())
    assert.equal(await files(one), undefined)
    assert.equal((await files(two))?.size, 1)
    await run(one.release())
  })

  it('fetches the bytes of one file', async () => {
    const { peers, run } = await begin()
    for (const bytes of [text(''), text('x'), noise(CHUNK_SIZE_BYTES, 3), noise(CHUNK_SIZE_BYTES + 1, 4)]) {
      const cid = await run(peers[0].assets.addBytes(bytes))
      assert.ok(same(await run(peers[1].assets.fetchBytes(cid, options([peers[0]]))), bytes))
    }
  })

  it('needs nobody for what is here already', async () => {
    const { peers, run, cut } = await begin()
    const { cid } = await run(peers[0].assets.add([file('f', 'x')]))
    const file1 = await run(peers[0].assets.addBytes(text('y')))
    await run(peers[1].assets.checkout(cid, options([peers[0]])))
    await run(peers[1].assets.fetchBytes(file1, options([peers[0]])))
    await cut(peers[0])
    await run(peers[1].assets.checkout(cid, options([peers[0]])))
    assert.ok(same(await run(peers[1].assets.fetchBytes(file1, options([]))), text('y')))
  })

  it('passes on what it fetched', async () => {
    const { peers, run, cut, files } = await begin()
    const [alice, bob, carol] = peers
    const { cid } = await run(alice.assets.add([file('f', 'x')]))
    await run(bob.assets.checkout(cid, options([alice])))
    await cut(alice)
    assert.equal((await files(await run(carol.assets.checkout(cid, options([alice, bob])))))?.size, 1)
  })

  it('asks other peers when none of those named has it', async () => {
    const { peers, run } = await begin()
    const [alice, bob, carol] = peers
    const cid = await run(alice.assets.addBytes(text('x')))
    assert.ok(same(await run(carol.assets.fetchBytes(cid, options([bob]))), text('x')))
  })
}

function refusingTests(begin: Begin): void {
  it('says not found when nobody has it', async () => {
    const { peers, run } = await begin()
    const wanted = options([peers[0], peers[1]])
    await fails(run(peers[2].assets.fetchBytes(UNKNOWN_FILE, wanted)), 'ERR_NOT_FOUND')
    await fails(run(peers[2].assets.checkout(UNKNOWN_MANIFEST, wanted)), 'ERR_NOT_FOUND')
  })

  it('gives up when told to, before and during a fetch', async () => {
    const { peers, run } = await begin()
    const bytes = noise(8 * CHUNK_SIZE_BYTES, 5)
    const { cid } = await run(peers[0].assets.add([file('f', bytes)]))
    const early = AbortSignal.abort()
    await fails(run(peers[1].assets.checkout(cid, { ...options([peers[0]]), signal: early })), 'ERR_ABORTED')

    const late = new AbortController()
    const wanted = { ...options([peers[0]]), signal: late.signal, onProgress: () => late.abort() }
    await fails(run(peers[1].assets.checkout(cid, wanted)), 'ERR_ABORTED')
    await run(peers[1].assets.checkout(cid, options([peers[0]])))
  })

  it('refuses more than was agreed', async () => {
    const { peers, run } = await begin()
    const [alice, bob] = peers
    const { cid } = await run(alice.assets.add([file('a', noise(600, 6)), file('b', noise(600, 7))]))
    const exact = { ...options([alice]), sizeBytesMax: 1_200 }
    await fails(run(bob.assets.checkout(cid, { ...exact, sizeBytesMax: 1_199 })), 'ERR_OVERSIZED')
    await run(bob.assets.checkout(cid, exact))

    const one = await run(alice.assets.addBytes(noise(500, 8)))
    await fails(run(bob.assets.fetchBytes(one, { ...exact, sizeBytesMax: 499 })), 'ERR_OVERSIZED')
    assert.equal((await run(bob.assets.fetchBytes(one, { ...exact, sizeBytesMax: 500 }))).length, 500)
  })

  for (const [path, code] of [
    ['../escape', 'ERR_PATH_ESCAPES'],
    ['a/../../b', 'ERR_PATH_ESCAPES'],
    ['./a', 'ERR_PATH_ESCAPES'],
    ['/etc/passwd', 'ERR_PATH_ESCAPES'],
    ['C:/x', 'ERR_PATH_ESCAPES'],
    ['a\\b', 'ERR_PATH_ESCAPES'],
    ['a//b', 'ERR_PATH_ESCAPES'],
    ['a\0b', 'ERR_PATH_ESCAPES'],
    ['', 'ERR_JOB_INVALID'],
    ['long name '.repeat(26), 'ERR_JOB_INVALID'],
    ['a/long/path/'.repeat(86), 'ERR_JOB_INVALID']
  ] as const) {
    it(`refuses the path ${JSON.stringify(path.slice(0, 12))} and adds nothing`, async () => {
      const { peers, run } = await begin()
      await fails(run(peers[0].assets.add([file('fine', 'x'), file(path, 'y')])), code)
      assert.equal((await peers[0].assets.usage()).sizeBytes, 0)
    })
  }

  for (const paths of [
    ['a', 'a'],
    ['A/b', 'a/B'],
    ['a', 'a/b']
  ]) {
    it(`refuses ${paths.join(' beside ')}`, async () => {
      const { peers, run } = await begin()
      await fails(run(peers[0].assets.add(paths.map(path => file(path, 'x')))), 'ERR_JOB_INVALID')
    })
  }
}

function keepingTests(begin: Begin): void {
  it('keeps nothing of an import that failed', async () => {
    const { peers, run } = await begin()
    const broken = {
      path: 'broken',
      async *read() {
        yield noise(2 * CHUNK_SIZE_BYTES, 9)
        throw new Error('the disk went away')
      }
    }
    await assert.rejects(run(peers[0].assets.add([file('fine', noise(4 * KIB, 10)), broken])))
    assert.equal((await peers[0].assets.usage()).sizeBytes, 0)
  })

  it('refuses what does not fit in the quota, and keeps nothing of it', async () => {
    const { peers, run } = await begin(100 * KIB)
    const [alice, bob] = peers
    await fails(run(alice.assets.add([file('f', noise(101 * KIB, 11))])), 'ERR_QUOTA')
    await fails(run(alice.assets.addBytes(noise(101 * KIB, 11))), 'ERR_QUOTA')
    assert.equal((await alice.assets.usage()).sizeBytes, 0)

    const { cid } = await run(alice.assets.add([file('f', noise(60 * KIB, 12))]))
    await run(bob.assets.addBytes(noise(60 * KIB, 13)))
    const error = await fails(run(bob.assets.checkout(cid, options([alice]))), 'ERR_QUOTA')
    for (const figure of [100 * KIB, 60 * KIB]) assert.match(error.message, new RegExp(String(figure)))
  })

  it('makes room by dropping what is unpinned, never what is pinned', async () => {
    const { peers, run } = await begin(100 * KIB)
    const [alice] = peers
    const old = await run(alice.assets.addBytes(noise(40 * KIB, 14)))
    const kept = await run(alice.assets.addBytes(noise(40 * KIB, 15)))
    await fails(run(alice.assets.addBytes(noise(40 * KIB, 16))), 'ERR_QUOTA')
    await run(alice.assets.unpin(old))
    await run(alice.assets.addBytes(noise(40 * KIB, 16)))
    await run(alice.assets.fetchBytes(kept, options([])))
    await fails(run(alice.assets.fetchBytes(old, options([]))), 'ERR_NOT_FOUND')
  })

  it('keeps what it checked out until that is unpinned', async () => {
    const { peers, run, cut } = await begin(100 * KIB)
    const [alice, bob] = peers
    const { cid } = await run(alice.assets.add([file('f', noise(60 * KIB, 20))]))
    await run((await run(bob.assets.checkout(cid, options([alice])))).release())
    await cut(alice)
    await fails(run(bob.assets.addBytes(noise(60 * KIB, 21))), 'ERR_QUOTA')
    await run(bob.assets.checkout(cid, options([])))
    await run(bob.assets.unpin(cid))
    await run(bob.assets.addBytes(noise(60 * KIB, 21)))
    await fails(run(bob.assets.checkout(cid, options([]))), 'ERR_NOT_FOUND')
  })

  it('counts content once, however often it is added', async () => {
    const { peers, run } = await begin()
    await run(peers[0].assets.addBytes(noise(10 * KIB, 17)))
    const once = await peers[0].assets.usage()
    await run(peers[0].assets.addBytes(noise(10 * KIB, 17)))
    assert.deepEqual(await peers[0].assets.usage(), once)
    assert.equal(once.quotaBytes, QUOTA_BYTES)
  })

  it('keeps content that another pin still needs', async () => {
    const { peers, run } = await begin(100 * KIB)
    const [alice] = peers
    const shared = noise(40 * KIB, 18)
    const one = await run(alice.assets.add([file('f', shared)]))
    const two = await run(alice.assets.add([file('g', shared)]))
    for (const cid of [one.cid, two.cid, one.cid]) {
      await run(alice.assets.unpin(cid))
      if (cid === one.cid) await run(alice.assets.add([file('f', shared)]))
    }
    await run(alice.assets.add([file('g', shared)]))
    await run(alice.assets.unpin(one.cid))
    await run(alice.assets.addBytes(noise(59 * KIB, 19)))
    await run(alice.assets.checkout(two.cid, options([])))
  })
}

function options(providers: readonly AssetsPeer[]): FetchOptions {
  return { providers: providers.map(peer => peer.peerId), sizeBytesMax: QUOTA_BYTES, timeoutMs: 20_000 }
}

function file(path: string, content: string | Uint8Array) {
  return {
    path,
    async *read() {
      yield typeof content === 'string' ? text(content) : content
    }
  }
}

async function fails(work: Promise<unknown>, code: string) {
  const error = await work.then(
    () => assert.fail(`expected ${code}`),
    (error: unknown) => error
  )
  assert.ok(isRayswarmError(error), String(error))
  assert.equal(error.code, code, error.message)
  return error
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content)
}

// Different for every seed, and nothing that a disk could compress.
function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  let state = seed * 2_654_435_761
  for (let at = 0; at < sizeBytes; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0
}
