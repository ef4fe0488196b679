import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { eventually, Swarms } from './swarms.ts'

interface Host {
  readonly child: ChildProcess
  readonly peer: string
  readonly addresses: readonly string[]
  tell(command: Record<string, unknown>): Promise<{ ok?: unknown; failed?: string }>
}

async function start(name: string, host: string, dir: string, bootstrap: readonly string[]): Promise<Host> {
  const script = new URL('./process.js', import.meta.url).pathname
  const child = spawn(process.execPath, [script, name, host, dir, ...bootstrap], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<never> => {
    const { done, value } = await lines.next()
    assert.ok(!done, `${name} ended early`)
    return JSON.parse(value) as never
  }
  const { peer, addresses } = (await next()) as { peer: string; addresses: string[] }
  return {
    child,
    peer,
    addresses,
    tell: async command => {
      child.stdin!.write(`${JSON.stringify(command)}\n`)
      return next()
    }
  }
}

describe('two processes with data directories of their own on different loopback addresses', () => {
  const swarms = new Swarms()
  const hosts: Host[] = []

  afterEach(async () => {
    for (const { child } of hosts.splice(0)) {
      const gone = new Promise(resolve => child.once('exit', resolve))
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await gone
    }
    await swarms.close()
  })

  it('form one swarm from one bootstrap address, and form it again after a crash', async () => {
    const first = await start('first', '127.0.0.1', await swarms.dir(), [])
    hosts.push(first)
    const dir = await swarms.dir()
    const second = await start('second', '127.0.0.2', dir, [first.addresses[0]!])
    hosts.push(second)
    assert.match(first.addresses[0]!, /127\.0\.0\.1/)
    assert.match(second.addresses[0]!, /127\.0\.0\.2/)

    await eventually(
      async () => ((await second.tell({ do: 'peers' })).ok as { peers: string[] }).peers.length === 1
    )
    assert.deepEqual(await second.tell({ do: 'request', to: first.peer }), { ok: 'first got second' })
    assert.deepEqual(await first.tell({ do: 'request', to: second.peer }), { ok: 'second got first' })

    await eventually(async () => ((await first.tell({ do: 'publish' })).ok as number) > 0)
    await eventually(async () => ((await second.tell({ do: 'peers' })).ok as { heard: number }).heard > 0)

    await eventually(
      async () => ((await second.tell({ do: 'put', key: '/rayswarm/cert/x' })).ok as number) > 0
    )
    assert.deepEqual(await first.tell({ do: 'get', key: '/rayswarm/cert/x' }), { ok: 'second' })

    await eventually(() => existsSync(join(dir, 'peers.json')))
    // The second process dies without a word and comes back without a bootstrap address.
    second.child.kill('SIGKILL')
    await eventually(
      async () => ((await first.tell({ do: 'peers' })).ok as { peers: string[] }).peers.length === 0
    )
    const again = await start('second', '127.0.0.2', dir, [])
    hosts.push(again)
    assert.equal(again.peer, second.peer)
    await eventually(
      async () => ((await again.tell({ do: 'peers' })).ok as { peers: string[] }).peers.length === 1
    )
    assert.deepEqual(await first.tell({ do: 'request', to: again.peer }), { ok: 'second got first' })

    // And both end by themselves when told to.
    for (const host of [first, again]) {
      const gone = new Promise(resolve => host.child.once('exit', resolve))
      await host.tell({ do: 'stop' })
      assert.equal(await gone, 0)
    }
  })

  it('do not wait for a frozen peer longer than they are told to', async () => {
    const first = await start('first', '127.0.0.1', await swarms.dir(), [])
    const second = await start('second', '127.0.0.2', await swarms.dir(), [first.addresses[0]!])
    hosts.push(first, second)
    await eventually(async () => 'ok' in (await first.tell({ do: 'request', to: second.peer })))
    second.child.kill('SIGSTOP')
    const { failed } = await first.tell({ do: 'request', to: second.peer })
    assert.ok(failed === 'ERR_TIMEOUT' || failed === 'ERR_REMOTE' || failed === 'ERR_UNREACHABLE', failed)
    second.child.kill('SIGCONT')
    await eventually(async () => 'ok' in (await first.tell({ do: 'request', to: second.peer })))
  })
})
