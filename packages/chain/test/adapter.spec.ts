import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import {
  isRayswarmError,
  type LockTerms,
  type RayswarmError,
  type SettlementOrder
} from '@rayswarm/interface'
import { computeAddress, id } from 'ethers'
import { type ChainInit, type EthersChain, fund, openChain } from '../src/index.ts'
import { KEYS, PAGES_OF_BLOCKS, TestBed } from './world.ts'

const TERMS: LockTerms = { jobHash: id('job'), salt: id('salt'), amount: 1_000n, refundAfterS: 60 }

describe('EthersChain on its own', () => {
  let bed: TestBed
  let init: ChainInit
  let creator: EthersChain
  let node: EthersChain

  before(async () => {
    bed = await TestBed.start()
    init = { rpcUrl: bed.dev.rpcUrl, ...bed.deployment, key: KEYS[0]! }
  })
  after(() => bed.stop())
  beforeEach(async () => {
    await bed.reset()
    await fund({ ...init, key: bed.dev.key }, [{ account: computeAddress(init.key), amount: 10_000n }])
    creator = await openChain(init)
    node = await openChain({ ...init, key: KEYS[1]! })
  })
  afterEach(() => {
    creator.close()
    node.close()
  })

  it('locks once when asked twice at the same time', async () => {
    const [first, second] = await Promise.all([creator.lock(TERMS), creator.lock(TERMS)])
    assert.deepEqual(first, second)
    assert.equal(await creator.balanceOf(creator.contract), 1_000n)
  })

  it('settles once when two peers send the settlement at the same time', async () => {
    const order = await lockedOrder()
    const signature = await creator.signSettlement(order)
    const outcomes = await Promise.all([creator, node].map(chain => chain.settle(order, signature)))
    assert.deepEqual(outcomes[0], outcomes[1])
    assert.equal(await creator.creditOf(node.account), 90n)
  })

  it('sends many transactions at once, in order', async () => {
    const salts = Array.from({ length: 10 }, (_, i) => id(`salt ${i}`))
    await Promise.all(salts.map(salt => creator.lock({ ...TERMS, salt })))
    assert.equal(await creator.balanceOf(creator.contract), 10_000n)
  })

  it('goes on after a refused transaction', async () => {
    const refusals = Array.from({ length: 3 }, () => assert.rejects(creator.withdraw(creator.account)))
    await Promise.all([...refusals, creator.lock(TERMS)])
    await creator.lock({ ...TERMS, salt: id('next') })
    assert.equal(await creator.balanceOf(creator.contract), 2_000n)
  })

  it('goes on after somebody else used its key', async () => {
    await creator.lock(TERMS)
    const other = await openChain(init)
    for (const salt of [id('other 1'), id('other 2'), id('other 3')]) await other.lock({ ...TERMS, salt })
    other.close()
    await creator.lock({ ...TERMS, salt: id('next') })
    assert.equal(await creator.balanceOf(creator.contract), 5_000n)
  })

  it('says why a transaction that looked good was reverted in its block', async () => {
    const order = await lockedOrder()
    await creator.settle(order, await creator.signSettlement(order))
    await bed.dev.request('evm_setAutomine', [false])
    try {
      const both = Promise.allSettled([node.withdraw(node.account), creator.withdraw(node.account)])
      await poolHolds(2)
      await bed.dev.request('evm_setAutomine', [true])
      await bed.dev.request('evm_mine', [])
      const results = await both
      const failures = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
      assert.deepEqual(
        failures.map(({ code, value }) => [code, value]),
        [['ERR_CHAIN_REVERTED', 'NothingToWithdraw']]
      )
    } finally {
      await bed.dev.request('evm_setAutomine', [true])
    }
  })

  it('gives up on a transaction that is never mined, and finds it later', async () => {
    const hasty = await openChain({ ...init, minedTimeoutMs: 100 })
    await bed.dev.request('evm_setAutomine', [false])
    const error = await failure(hasty.lock(TERMS))
    assert.equal(error.code, 'ERR_TIMEOUT')
    await bed.dev.request('evm_setAutomine', [true])
    await bed.dev.request('evm_mine', [])
    assert.equal((await hasty.lock(TERMS)).txHash, error.value)
    hasty.close()
  })

  it('calls a lock final when enough blocks lie above it', async () => {
    const careful = await openChain({ ...init, confirmations: 3 })
    const { ref } = await careful.lock(TERMS)
    for (const final of [false, false, false, true]) {
      assert.equal((await careful.escrow(ref)).final, final)
      await bed.dev.request('evm_mine', [])
    }
    careful.close()
  })

  it('finds events many pages back', async () => {
    const first = await creator.lock(TERMS)
    await bed.mine(2 * PAGES_OF_BLOCKS)
    assert.deepEqual(await creator.lock(TERMS), first)
  })

  it('says so when an account cannot pay gas', async () => {
    const key = id('penniless')
    const penniless = await openChain({ ...init, key })
    const { ref } = await creator.lock(TERMS)
    await bed.dev.advance(61)
    assert.equal((await failure(penniless.refund(ref))).code, 'ERR_BALANCE_TOO_LOW')
    penniless.close()
  })

  it('refuses amounts and times that no contract can hold', async () => {
    for (const over of [{ amount: -1n }, { amount: 2n ** 64n }, { refundAfterS: -1 }, { refundAfterS: 1.5 }])
      await assert.rejects(creator.lock({ ...TERMS, ...over }), RangeError)
  })

  describe('opening', () => {
    it('names expected and given chain id', async () => {
      const error = await failure(openChain({ ...init, chainId: 1 }))
      assert.deepEqual([error.code, error.value], ['ERR_CHAIN_ID', 31_337])
      assert.match(error.message, /expected chain 1, got chain 31337/)
    })

    it('names an URL nobody answers at', async () => {
      const { rpcUrl, close } = await serve(() => {})
      await close()
      const error = await failure(openChain({ ...init, rpcUrl: `${rpcUrl}/secret-key` }))
      assert.deepEqual([error.code, error.value], ['ERR_CHAIN_UNREACHABLE', rpcUrl])
    })

    for (const [what, answer] of [
      ['never answers', () => {}],
      ['answers something else', (_, response) => response.end('<h1>hello</h1>')],
      ['fails', (_, response) => response.writeHead(500).end()]
    ] as const satisfies readonly (readonly [string, RequestListener])[]) {
      it(`does not wait for ever for a server that ${what}`, async () => {
        const { rpcUrl, close } = await serve(answer)
        try {
          const error = await failure(openChain({ ...init, rpcUrl, requestTimeoutMs: 200 }))
          assert.deepEqual([error.code, error.value], ['ERR_CHAIN_UNREACHABLE', rpcUrl])
        } finally {
          await close()
        }
      })
    }

    it('refuses what is not an URL, not an escrow, or of another token', async () => {
      const account = computeAddress(KEYS[0]!)
      for (const over of [{ rpcUrl: 'nonsense' }, { contract: account }, { token: account }])
        assert.equal((await failure(openChain({ ...init, ...over }))).code, 'ERR_USAGE')
    })

    it('fails with a code once the chain is gone', async () => {
      const second = await TestBed.start()
      const chain = await openChain({ rpcUrl: second.dev.rpcUrl, ...second.deployment, key: KEYS[0]! })
      await second.stop()
      assert.equal((await failure(chain.balanceOf(chain.account))).code, 'ERR_CHAIN_UNREACHABLE')
      assert.equal((await failure(chain.withdraw(chain.account))).code, 'ERR_CHAIN_UNREACHABLE')
      chain.close()
      assert.equal((await failure(chain.balanceOf(chain.account))).code, 'ERR_CHAIN_UNREACHABLE')
    })
  })

  async function lockedOrder(): Promise<SettlementOrder> {
    const { ref } = await creator.lock(TERMS)
    return { escrow: ref, payouts: [{ account: node.account, gross: 100n }], receiptsRoot: id('root') }
  }

  async function poolHolds(count: number): Promise<void> {
    for (let tries = 0; tries < 1_000; tries += 1) {
      const { pending } = (await bed.dev.request('txpool_status', [])) as { pending: string }
      if (Number(pending) === count) return
    }
    assert.fail(`the pool never held ${count} transactions`)
  }
})

async function serve(answer: RequestListener): Promise<{ rpcUrl: string; close: () => Promise<void> }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { rpcUrl: `http://127.0.0.1:${address.port}`, close }
}

async function failure(call: Promise<unknown>): Promise<RayswarmError> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause
  )
  assert.ok(isRayswarmError(error), String(error))
  return error
}
