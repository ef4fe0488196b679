import assert from 'node:assert/strict'
import { DevChain } from '@rayswarm/chain'
import { RpcGate } from '../src/testnet/rpc-gate.ts'

describe('RpcGate', () => {
  let dev: DevChain
  let gate: RpcGate

  before(async () => {
    dev = await DevChain.start()
    // Another address of this machine than the chain's own.
    gate = await RpcGate.open('127.0.0.2', dev.rpcUrl)
  })
  after(async () => {
    await gate?.close()
    await dev?.stop()
  })

  async function ask(body: unknown): Promise<{ status: number; answer: unknown }> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(gate.url, { method: 'POST', body: text })
    const answer = response.ok ? await response.json() : undefined
    return { status: response.status, answer }
  }
  const call = (method: string, values: unknown[] = []) => ({ jsonrpc: '2.0', id: 1, method, params: values })

  it('passes on what a peer needs, one by one or many at once', async () => {
    assert.ok(gate.url.startsWith('http://127.0.0.2:'))
    const { answer } = await ask(call('eth_chainId'))
    assert.equal((answer as { result: string }).result, '0x7a69')
    const many = await ask([call('eth_blockNumber'), call('net_version')])
    assert.equal((many.answer as unknown[]).length, 2)
  })

  for (const method of [
    'anvil_setBalance',
    'evm_mine',
    'hardhat_reset',
    'eth_sendTransaction',
    'debug_traceCall'
  ])
    it(`refuses ${method}, alone or hidden among others`, async () => {
      assert.equal((await ask(call(method))).status, 400)
      assert.equal((await ask([call('eth_chainId'), call(method)])).status, 400)
    })

  it('refuses what is no request at all', async () => {
    for (const body of ['', 'null', '{', '[[]]', '"eth_chainId"', `"${'x'.repeat(2 << 20)}"`])
      assert.notEqual((await ask(body).catch(() => ({ status: 0 }))).status, 200, body.slice(0, 20))
    assert.equal((await fetch(gate.url)).status, 400)
  })
})
