import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isRayswarmError, type RayswarmError } from '@rayswarm/interface'
import { computeAddress, id, toQuantity } from 'ethers'
import { anvilPath } from '../src/anvil-binary.ts'
import { DevChain, deploy, fund, openChain } from '../src/index.ts'

const GONE_TIMEOUT_MS = 10_000
const SECOND_CHAIN_ID = 31_338

describe('DevChain', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rayswarm-chain-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('answers as soon as it is started, and is gone when stopped', async () => {
    const dev = await DevChain.start({ chainId: SECOND_CHAIN_ID })
    assert.equal(Number(await dev.request('eth_chainId', [])), SECOND_CHAIN_ID)
    assert.ok(isAlive(dev.pid))
    await dev.stop()
    assert.ok(!isAlive(dev.pid))
    await assert.rejects(dev.request('eth_chainId', []), coded('ERR_CHAIN_UNREACHABLE'))
    await dev.stop()
  })

  it('names a port that is in use', async () => {
    const { server, port } = await listen()
    try {
      const error = await failure(DevChain.start({ port }))
      assert.deepEqual([error.code, error.value], ['ERR_PORT_IN_USE', port])
    } finally {
      server.close()
    }
  })

  it('runs two chains at once, each on its own port', async () => {
    const chains = await Promise.all([DevChain.start(), DevChain.start()])
    assert.notEqual(chains[0].rpcUrl, chains[1].rpcUrl)
    await Promise.all(chains.map(chain => chain.stop()))
  })

  it('moves its time forward', async () => {
    await using dev = await DevChain.start()
    const before = await timestampS(dev)
    await dev.advance(1_000)
    assert.ok((await timestampS(dev)) >= before + 1_000)
  })

  it('still answers a call about a block that is the newest no more', async () => {
    await using dev = await DevChain.start()
    for (let above = 0; above < 8; above++) await dev.request('evm_mine', [])
    for (const block of [1, 7, 8]) {
      // NUMBER, as a contract sees it that is not deployed: PUSH0 MSTORE, return 32 bytes.
      const answer = await dev.request('eth_call', [{ data: '0x435f5260205ff3' }, toQuantity(block)])
      assert.equal(Number(answer), block)
    }
  })

  it('continues from its state file, logs included', async () => {
    const init = { statePath: join(dir, 'state.json'), key: id('minter') }
    const terms = { jobHash: id('job'), salt: id('salt'), amount: 5n, refundAfterS: 60 }
    const [key, treasury] = [id('creator'), computeAddress(id('treasury'))]
    const dev = await DevChain.start(init)
    const { rpcUrl, chainId } = dev
    const deployment = await deploy({ rpcUrl, chainId, key: dev.key, treasury })
    await fund({ rpcUrl, ...deployment, key: dev.key }, [{ account: computeAddress(key), amount: 9n }])
    const chain = await openChain({ rpcUrl, ...deployment, key })
    const first = await chain.lock(terms)
    chain.close()
    await dev.stop()

    await using again = await DevChain.start(init)
    const reopened = await openChain({ rpcUrl: again.rpcUrl, ...deployment, key })
    assert.equal(await reopened.balanceOf(reopened.account), 4n)
    assert.deepEqual(await reopened.lock(terms), first)
    reopened.close()
  })

  describe('that cannot run', () => {
    it('says which package is missing', async () => {
      assert.throws(() => anvilPath('sunos', 'x64'), coded('ERR_CHAIN_BINARY'))
      const error = await failure((async () => anvilPath('linux', 'riscv64'))())
      assert.equal(error.value, '@foundry-rs/anvil-linux-riscv64')
    })

    it('says so when the program is not there', async () => {
      const error = await failure(DevChain.start({ path: join(dir, 'nothing') }))
      assert.equal(error.code, 'ERR_CHAIN_BINARY')
    })

    it('asks for a newer system when the C library is too old', async () => {
      const path = await program(`echo "version 'GLIBC_2.35' not found" >&2; exit 1`)
      const error = await failure(DevChain.start({ path }))
      assert.equal(error.code, 'ERR_CHAIN_BINARY')
      assert.match(error.remedy!, /glibc 2\.35/)
    })

    it('leaves nothing behind when it never answers', async () => {
      const pidFile = join(dir, 'pid')
      const path = await program(`echo $$ > ${pidFile}; exec sleep 60`)
      const error = await failure(DevChain.start({ path, startTimeoutMs: 300 }))
      assert.equal(error.code, 'ERR_CHAIN_BINARY')
      assert.ok(!isAlive(Number(await readFile(pidFile, 'utf8'))))
    })
  })

  describe('whose owner dies', () => {
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
      it(`dies too, by ${signal}`, async function () {
        if (process.platform === 'win32') return this.skip() // no supervisor there, see spec/escrow.md
        const { owner, pid } = await ownedChain()
        assert.ok(isAlive(pid))
        owner.kill(signal)
        await once(owner, 'exit')
        for (let waitedMs = 0; isAlive(pid) && waitedMs < GONE_TIMEOUT_MS; waitedMs += 20) await delay(20)
        assert.ok(!isAlive(pid))
      })
    }
  })

  async function program(script: string): Promise<string> {
    const path = join(dir, `program-${id(script).slice(2, 10)}`)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
    return path
  }
})

/** A process of its own that has started a chain and waits. */
async function ownedChain(): Promise<{ owner: ChildProcess; pid: number }> {
  const code = `
    import { DevChain } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)}
    const dev = await DevChain.start()
    console.log(dev.pid)
  `
  const owner = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = await once(owner.stdout, 'data')
  return { owner, pid: Number(line) }
}

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { server, port: address.port }
}

async function timestampS(dev: DevChain): Promise<number> {
  const block = (await dev.request('eth_getBlockByNumber', ['latest', false])) as { timestamp: string }
  return Number(block.timestamp)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function coded(code: string): (error: unknown) => boolean {
  return error => isRayswarmError(error) && error.code === code
}

async function failure(call: Promise<unknown>): Promise<RayswarmError> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error
  )
  assert.ok(isRayswarmError(error), String(error))
  return error
}
