import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Rpc } from '../src/rpc.ts'

/** A chain whose queue of connections is full while it stands still: the kernel answers nobody who connects then. */
const SERVER = `
  const server = require('node:http').createServer((request, response) =>
    response.setHeader('content-type', 'application/json').end('{"jsonrpc":"2.0","id":1,"result":"0x7a69"}'))
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port))`

describe('Rpc', () => {
  it('connects again to a chain that does not let it in at first, and gives up after four times', async function () {
    this.timeout(20_000)
    const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
    const waiting: Socket[] = []
    try {
      const [port] = await once(child.stdout, 'data')
      const rpcUrl = `http://127.0.0.1:${Number(port)}`
      child.kill('SIGSTOP')
      for (let i = 0; i < 4; i++)
        waiting.push(connect(Number(port), '127.0.0.1').on('error', () => undefined))
      await assert.rejects(Rpc.open({ rpcUrl, chainId: 31_337, connectTimeoutMs: 50 }), {
        code: 'ERR_CHAIN_UNREACHABLE'
      })
      const opening = Rpc.open({ rpcUrl, chainId: 31_337, connectTimeoutMs: 400 })
      setTimeout(() => child.kill('SIGCONT'), 500)
      ;(await opening).close()
    } finally {
      for (const socket of waiting) socket.destroy()
      child.kill('SIGKILL')
    }
  })
})
