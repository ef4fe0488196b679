import assert from 'node:assert/strict'
import { assetsSuite, MemoryAssets, VirtualClock, VirtualIpfs } from '../src/index.ts'

const STEP_MS = 10_000

async function pass<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let settled = false
  const end = () => {
    settled = true
  }
  work.then(end, end)
  await clock.until(() => settled, STEP_MS)
  if (!settled) await clock.advance(STEP_MS)
  return await work
}

assetsSuite('MemoryAssets', async ({ quotaBytes }) => {
  const clock = new VirtualClock()
  const ipfs = new VirtualIpfs(clock)
  const peer = (peerId: string) => ({ peerId, assets: ipfs.join(peerId, { quotaBytes }) })
  return {
    peers: [peer('alice'), peer('bob'), peer('carol')],
    run: work => pass(clock, work),
    cut: async ({ peerId }) => ipfs.setDown(peerId, true),
    files: async checkout => ipfs.files(checkout.dir),
    close: async () => {}
  }
})

describe('VirtualIpfs', () => {
  const options = { providers: ['alice'], sizeBytesMax: 1_000, timeoutMs: 100 }
  const world = () => {
    const clock = new VirtualClock()
    const ipfs = new VirtualIpfs(clock, { latencyMs: 10, bytesPerMs: 1 })
    return { clock, ipfs, alice: ipfs.join('alice'), bob: ipfs.join('bob') }
  }
  const bytes = Uint8Array.of(1, 2, 3)

  it('takes the latency and the time the bytes need', async () => {
    const { clock, alice, bob } = world()
    const cid = await alice.addBytes(bytes)
    let got: Uint8Array | undefined
    void bob.fetchBytes(cid, options).then(fetched => {
      got = fetched
    })
    await clock.advance(12)
    assert.equal(got, undefined)
    await clock.advance(1)
    assert.deepEqual(got, bytes)
  })

  it('fails at the deadline of the caller', async () => {
    const { clock, alice, bob } = world()
    const cid = await alice.addBytes(new Uint8Array(500))
    const failed = assert.rejects(bob.fetchBytes(cid, options), { code: 'ERR_TIMEOUT' })
    await clock.advance(100)
    await failed
  })

  it('does not get from a peer that went down on the way', async () => {
    const { clock, ipfs, alice, bob } = world()
    const cid = await alice.addBytes(bytes)
    const failed = assert.rejects(bob.fetchBytes(cid, options), { code: 'ERR_NOT_FOUND' })
    await clock.advance(5)
    ipfs.setDown('alice', true)
    await clock.advance(50)
    await failed
  })

  it('passes by a liar when somebody else is honest, and says so when nobody is', async () => {
    const { clock, ipfs, alice, bob } = world()
    const carol = ipfs.join('carol')
    const cid = await alice.addBytes(bytes)
    ipfs.setLying('alice', true)
    await assert.rejects(pass(clock, bob.fetchBytes(cid, options)), { code: 'ERR_BLOCK_CORRUPT' })
    await carol.addBytes(bytes)
    assert.deepEqual(await pass(clock, bob.fetchBytes(cid, options)), bytes)
  })

  it('keeps the disk of a peer that starts again', async () => {
    const { ipfs, alice } = world()
    const cid = await alice.addBytes(bytes)
    const again = ipfs.join('alice')
    assert.ok(again instanceof MemoryAssets)
    assert.deepEqual(await again.fetchBytes(cid, { ...options, providers: [] }), bytes)
  })
})

describe('VirtualIpfs', () => {
  it('fetches nothing from peers that cannot be reached, either way', async () => {
    const clock = new VirtualClock()
    const cuts = new Set<string>()
    const ipfs = new VirtualIpfs(clock, { reaches: (from, of) => !cuts.has(`${from}>${of}`) })
    const [alice, bob] = [ipfs.join('alice'), ipfs.join('bob')]
    const fetch = async (fill: number): Promise<boolean> => {
      const cid = await alice.addBytes(new Uint8Array(9).fill(fill))
      let fetched = false
      bob.fetchBytes(cid, { providers: ['alice'], sizeBytesMax: 100, timeoutMs: 500 }).then(
        () => {
          fetched = true
        },
        () => undefined
      )
      await clock.advance(1_000)
      return fetched
    }
    assert.equal(await fetch(1), true)
    cuts.add('bob>alice')
    assert.equal(await fetch(2), false)
    cuts.clear()
    cuts.add('alice>bob')
    assert.equal(await fetch(3), false)
    cuts.clear()
    assert.equal(await fetch(4), true)
  })
})
