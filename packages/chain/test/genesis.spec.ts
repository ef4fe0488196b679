import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { isRayswarmError, type Registration } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'
import { accountOf, MemoryChain } from '@rayswarm/simulation'
import { canonical, nodeIdentity } from '@rayswarm/wire'
import { id } from 'ethers'
import fc from 'fast-check'
import { type Genesis, genesisJson, parseGenesis, SeededBeacon, StaticRegistry } from '../src/genesis.ts'

const EPOCH_S = 60
const PEERS = Array.from({ length: 4 }, (_, i) => nodeIdentity(new Uint8Array(32).fill(i + 1)).peerId)

function entry(index: number, over: Partial<Registration> = {}): Registration {
  const base = { peer: PEERS[index]!, account: accountOf(`node ${index}`), stake: 1_000_000n }
  return { ...base, classes: ['pathtracer/1/wasm'], operatorTag: '', sinceEpoch: 0, ...over }
}

function registryAt(epoch: number, ...entries: Registration[]): StaticRegistry {
  return new StaticRegistry({ epochS: EPOCH_S, entries, nowMs: () => epoch * EPOCH_S * 1_000 })
}

describe('genesis', () => {
  it('loads without the weight of the chain', () => {
    assert.equal(loadsWithoutEthers('../src/genesis.js'), true)
    assert.equal(loadsWithoutEthers('../src/index.js'), false)
  })

  describe('StaticRegistry', () => {
    it('counts epochs from the Unix epoch', async () => {
      for (const [nowMs, epoch] of [
        [0, 0],
        [EPOCH_S * 1_000 - 1, 0],
        [EPOCH_S * 1_000, 1]
      ] as const) {
        const registry = new StaticRegistry({ epochS: EPOCH_S, entries: [], nowMs: () => nowMs })
        assert.equal(await registry.epoch(), epoch)
      }
    })

    it('counts a registration from the end of its delay on, whenever it is asked', async () => {
      const since = 7
      const registry = registryAt(100, entry(0, { sinceEpoch: since }))
      const first = since + REGISTRATION_DELAY_EPOCHS
      assert.deepEqual((await registry.snapshot(first - 1)).entries, [])
      assert.deepEqual(await registry.snapshot(first), {
        epoch: first,
        entries: [entry(0, { sinceEpoch: since })]
      })
    })

    it('gives everybody the same snapshot, whatever the order of the file', async () => {
      const entries = PEERS.map((_, index) => entry(index, { sinceEpoch: index }))
      await fc.assert(
        fc.asyncProperty(
          fc.shuffledSubarray(entries, { minLength: 4 }),
          fc.nat(10),
          fc.nat(10),
          async (shuffled, epoch, laterBy) => {
            const expected = await registryAt(epoch, ...entries).snapshot(epoch)
            assert.deepEqual(await registryAt(epoch + laterBy, ...shuffled).snapshot(epoch), expected)
            const peers = expected.entries.map(({ peer }) => peer)
            assert.deepEqual(peers, peers.toSorted())
            assert.equal(peers.length, Math.max(0, Math.min(4, epoch - REGISTRATION_DELAY_EPOCHS + 1)))
          }
        )
      )
    })

    it('knows nothing of epochs that have not begun', async () => {
      const registry = registryAt(5, entry(0))
      await registry.snapshot(5)
      for (const epoch of [6, -1, 1.5, Number.NaN, 2 ** 60])
        await assert.rejects(
          registry.snapshot(epoch),
          error => isRayswarmError(error) && error.code === 'ERR_USAGE'
        )
    })

    it('keeps a few snapshots only', async () => {
      const registry = registryAt(100, entry(0))
      const first = await registry.snapshot(2)
      assert.equal(await registry.snapshot(2), first)
      for (let epoch = 3; epoch < 20; epoch++) await registry.snapshot(epoch)
      const again = await registry.snapshot(2)
      assert.notEqual(again, first)
      assert.deepEqual(again, first)
    })
  })

  describe('file', () => {
    it('comes back as it was written', () => {
      const genesis: Genesis = {
        epochS: 1,
        entries: [
          entry(0, { stake: 2n ** 64n - 1n, operatorTag: 'acme', classes: [] }),
          entry(1, { stake: 0n })
        ]
      }
      assert.deepEqual(parseGenesis(JSON.parse(JSON.stringify(genesisJson(genesis)))), genesis)
    })

    for (const [field, change] of [
      ['epochS', { epochS: 0 }],
      ['epochS', { epochS: 1.5 }],
      ['epochS', { epochS: '60' }],
      ['entries', { entries: {} }],
      ['genesis.seed', { seed: 1 }],
      ['entries.1', { entries: [json(0), null] }],
      ['entries.0.colour', { entries: [{ ...json(0), colour: 'red' }] }],
      ['entries.1.peer', { entries: [json(0), json(1, { peer: 'word' })] }],
      ['entries.1.peer', { entries: [json(0), json(1, { peer: PEERS[0] })] }],
      ['entries.1.account', { entries: [json(0), json(1, { account: accountOf('node 0') })] }],
      ['entries.0.account', { entries: [json(0, { account: accountOf('node 0').toLowerCase() })] }],
      ['entries.0.account', { entries: [json(0, { account: `0x${'0'.repeat(40)}` })] }],
      ['entries.0.stake', { entries: [json(0, { stake: 1 })] }],
      ['entries.0.stake', { entries: [json(0, { stake: '-1' })] }],
      ['entries.0.stake', { entries: [json(0, { stake: String(2n ** 64n) })] }],
      ['entries.0.classes', { entries: [json(0, { classes: 'pathtracer' })] }],
      ['entries.0.classes', { entries: [json(0, { classes: ['Path Tracer'] })] }],
      ['entries.0.classes', { entries: [json(0, { classes: ['a', 'a'] })] }],
      [
        'entries.0.classes',
        { entries: [json(0, { classes: Array.from({ length: 33 }, (_, i) => `a${i}`) })] }
      ],
      ['entries.0.operatorTag', { entries: [json(0, { operatorTag: 'a\nb' })] }],
      ['entries.0.operatorTag', { entries: [json(0, { operatorTag: 'x'.repeat(67) })] }],
      ['entries.0.operatorTag', { entries: [json(0, { operatorTag: undefined })] }],
      ['entries.0.sinceEpoch', { entries: [json(0, { sinceEpoch: -1 })] }],
      ['entries.0.sinceEpoch', { entries: [json(0, { sinceEpoch: 0.5 })] }]
    ] as const) {
      it(`is refused for ${field}: ${short(change)}`, () => {
        assert.throws(
          () => parseGenesis({ epochS: EPOCH_S, entries: [], ...change }),
          error => isRayswarmError(error) && error.code === 'ERR_USAGE' && error.thing === `genesis: ${field}`
        )
      })
    }

    it('is refused whatever else it is', () => {
      for (const value of [undefined, null, 1, 'text', [], () => {}])
        assert.throws(() => parseGenesis(value), { code: 'ERR_USAGE' })
      assert.throws(() => registryAt(1, entry(0), entry(0)), { code: 'ERR_USAGE' })
    })
  })

  describe('SeededBeacon', () => {
    const seed = new Uint8Array(32).fill(9)

    it('hashes the seed and the escrow once there is one', async () => {
      const chain = new MemoryChain({ nowMs: () => 0 })
      const view = chain.viewOf(accountOf('creator'))
      chain.fund(view.account, 10n)
      const terms = { jobHash: id('job'), salt: id('salt'), amount: 10n, refundAfterS: 60 }
      const beacon = new SeededBeacon({ seed, chain: view })
      const ref = view.escrowRef(terms)
      assert.equal(await beacon.after(ref), undefined)

      await view.lock(terms)
      const value = await beacon.after(ref)
      const expected = createHash('sha256')
        .update(canonical(['rayswarm beacon', seed, ref.id]))
        .digest()
      assert.deepEqual(value, { round: 0, randomness: new Uint8Array(expected), insecure: true })

      const order = { escrow: ref, payouts: [], receiptsRoot: id('root') }
      await view.settle(order, await view.signSettlement(order))
      assert.deepEqual(await beacon.after(ref), value)
    })

    it('waits until the lock is final', async () => {
      const escrow = { creator: accountOf('creator'), locked: 1n, state: 'locked', refundableAtS: 1 } as const
      let final = false
      const beacon = new SeededBeacon({ seed, chain: { escrow: async ref => ({ ref, ...escrow, final }) } })
      const ref = { chainId: 1, contract: accountOf('JobEscrow'), id: id('escrow') }
      assert.equal(await beacon.after(ref), undefined)
      final = true
      const [here, there] = [await beacon.after(ref), await beacon.after({ ...ref, id: id('other') })]
      assert.notDeepEqual(here?.randomness, there?.randomness)
      const other = new SeededBeacon({
        seed: new Uint8Array(32),
        chain: { escrow: async r => ({ ref: r, ...escrow, final }) }
      })
      assert.notDeepEqual((await other.after(ref))?.randomness, here?.randomness)
    })

    it('needs a whole seed', () => {
      const chain = new MemoryChain({ nowMs: () => 0 }).viewOf(accountOf('creator'))
      assert.throws(() => new SeededBeacon({ seed: new Uint8Array(31), chain }), { code: 'ERR_USAGE' })
    })
  })
})

function json(index: number, over: Readonly<Record<string, unknown>> = {}): object {
  return { ...entry(index), stake: '1', ...over }
}

function loadsWithoutEthers(file: string): boolean {
  const script = `
    import { registerHooks } from 'node:module'
    const resolve = (name, context, next) => {
      if (name === 'ethers') process.exit(1)
      return next(name, context)
    }
    registerHooks({ resolve })
    await import(${JSON.stringify(new URL(file, import.meta.url).href)})`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 }).status === 0
}

function short(change: object): string {
  return (
    JSON.stringify(change, (_, value) => (typeof value === 'string' ? value.slice(0, 8) : value)) ?? ''
  ).slice(0, 60)
}
