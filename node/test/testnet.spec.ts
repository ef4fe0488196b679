import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { check } from '../src/testnet/checker.ts'
import { readHistory } from '../src/testnet/history.ts'
import type { TestnetFile } from '../src/testnet/testnet-file.ts'
import { run, start, temporaryDir } from './support/program.ts'

const PEERS = 4

describe('a testnet', function () {
  this.timeout(120_000)
  const dir = temporaryDir()
  const net = join(dir.path, 'net')
  const scenario = join(dir.path, 'small.json')
  const fileOf = (): TestnetFile => JSON.parse(readFileSync(join(net, 'testnet.json'), 'utf8'))
  const on = (...args: string[]) => run('testnet', ...args, '--dir', net, '--json')
  after(async () => {
    if (existsSync(join(net, 'testnet.json'))) await on('down')
    dir.remove()
  })

  it('runs a scenario with a crash and a partition, and finds nothing wrong', async () => {
    writeFileSync(
      scenario,
      JSON.stringify({
        peers: PEERS,
        noopMs: 500,
        job: { subtasks: 24, witnesses: '1/1' },
        steps: [
          { at: 'leases 2', fault: 'crash', targets: 'holders:1', for: '4s' },
          { at: '+1s', fault: 'partition', targets: 'nodes:1', for: '3s' },
          { at: '+0s', fault: 'link', targets: 'nodes:1', latency: '20ms', for: '3s' }
        ],
        assertions: [
          'accepted all',
          'paid-twice 0',
          'settled',
          'fetched within 10s',
          'connected within 15s',
          'violations 0'
        ],
        limits: { wall: '60s', ready: '60s' }
      })
    )
    const ended = await run(
      'testnet',
      'run',
      scenario,
      '--dir',
      net,
      '--seed',
      '7',
      '--layer',
      'process',
      '--json'
    )
    const { json } = ended
    assert.equal(ended.exitCode, 0, `${ended.stderr}\n${ended.stdout}`)
    assert.deepEqual(
      [json.scenario, json.layer, json.peers, json.subtasks, json.accepted, json.paidTwice, json.faults],
      ['small', 'process', PEERS, 24, 24, 0, 3]
    )
    assert.deepEqual(json.violations, [])
    assert.equal(json.assertions.length, 6)
    assert.equal(json.offerReach.share, 1)
    assert.equal(json.recoveryMs.length, 1)
    assert.ok(json.readySeconds > 0)
  })

  it('has taken everything down, and left a history that gives the same verdict', async () => {
    assert.equal(existsSync(join(net, 'testnet.json')), false)
    assert.deepEqual(
      readdirSync(net).filter(name => /^(node-\d+|creator)$/.test(name)),
      []
    )
    const { json, exitCode } = await on('report', '--history', join(net, 'history.jsonl'))
    assert.equal(exitCode, 0)
    const { history, report, ...verdict } = json
    assert.deepEqual(verdict, JSON.parse(JSON.stringify(check(await readHistory(history)))))
    assert.match(readFileSync(report, 'utf8'), /<svg[\s\S]*class="crash"/)
  })

  it('can be driven by hand, and says no to what makes no sense', async () => {
    const up = await on(
      'up',
      '--peers',
      '2',
      '--seed',
      '7',
      '--engine',
      'noop',
      '--noop-ms',
      '50',
      '--layer',
      'process'
    )
    assert.equal(up.exitCode, 0, up.stderr)
    assert.equal(up.json.layer, 'process')
    assert.deepEqual(
      up.json.nodes.map(({ node }: { node: string }) => node),
      ['node-1', 'node-2']
    )

    assert.deepEqual((await on('fault', 'crash', 'node-2')).json.targets, ['node-2'])
    for (const [args, thing] of [
      [['fault', 'crash', 'node-2'], /node-2 is gone/],
      [['fault', 'crash', 'node-9'], /no peer node-9/],
      [['fault', 'meteor', 'node-1'], /unknown fault "meteor"/],
      [['assert', 'all', 'is', 'well'], /unknown assertion/]
    ] as const) {
      const { exitCode, json } = await on(...args)
      assert.equal(exitCode, 2, args.join(' '))
      assert.equal(json.error.code, 'ERR_USAGE')
      assert.match(json.error.message, thing)
    }
    assert.equal((await on('fault', 'restart', 'node-2')).exitCode, 0)
    assert.equal((await on('fault', 'clock', 'node-2', '--skew', '3s')).exitCode, 0)
    assert.equal((await on('assert', 'connected', 'within', '15s')).json.held, true)

    const published = await on('publish', '--subtasks', '4')
    assert.equal(published.exitCode, 0, published.stderr)
    assert.equal((await on('assert', 'accepted', 'all', 'within', '20s')).exitCode, 0)
    const untrue = await on('assert', 'accepted >= 5')
    assert.equal(untrue.exitCode, 1)
    assert.deepEqual([untrue.json.held, untrue.json.found], [false, '4'])
    const { json } = await on('status')
    assert.deepEqual(
      json.peers.map(({ name, running }: { name: string; running: boolean }) => [name, running]),
      [
        ['node-1', true],
        ['node-2', true],
        ['creator', true]
      ]
    )
    assert.equal(json.faults.length, 1)
    assert.equal((await on('fault', 'heal')).exitCode, 0)
    assert.deepEqual(fileOf().faults, [])
  })

  it('takes commands from nobody without the key, and only those that are some', async () => {
    const { url, token } = JSON.parse(readFileSync(join(net, 'node-1', 'api.json'), 'utf8'))
    const post = (body: string, key = token): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request(
          `${url}/lab`,
          { method: 'POST', agent: false, headers: { authorization: `Bearer ${key}` } },
          response => {
            response.on('error', () => {}).resume()
            resolve(response.statusCode ?? 0)
          }
        )
        sent.on('error', reject).on('socket', socket => socket.on('error', () => {}))
        sent.end(body)
      })
    assert.equal(await post('{}', 'x'), 401)
    const calm = { links: {}, skewMs: 0, driftBps: 0 }
    for (const body of [
      '',
      '[]',
      '{}',
      JSON.stringify({ ...calm, links: { nobody: { cut: 'up' } } }),
      'x'.repeat(2 << 20)
    ])
      assert.ok([400, 500].includes(await post(body).catch(() => 400)), body.slice(0, 40))
    assert.equal(await post(JSON.stringify(calm)), 200)
    assert.equal((await on('assert', 'connected')).json.held, true)
  })

  it('goes down with everything, also what a killed command left behind', async () => {
    const { child, ended } = start(['testnet', 'fault', 'partition', 'node-1', '--for', '60s', '--dir', net])
    while (fileOf().faults.length === 0) await new Promise(resolve => setTimeout(resolve, 50))
    child.kill('SIGKILL')
    await ended()
    // As if the command that started a node had died before it could write that down.
    const file = fileOf()
    writeFileSync(
      join(net, 'testnet.json'),
      JSON.stringify({ ...file, processes: file.processes.filter(({ name }) => name !== 'node-2') })
    )
    const pids = file.processes.map(({ pid }) => pid)
    const { exitCode, json } = await on('down')
    assert.equal(exitCode, 0)
    assert.deepEqual(
      json.ended
        .map(({ pid }: { pid: number }) => pid)
        .filter((pid: number) => pids.includes(pid))
        .toSorted(),
      pids.toSorted()
    )
    assert.deepEqual(pids.filter(isAlive), [])
    assert.equal(existsSync(join(net, 'testnet.json')), false)
  })

  it('is not begun for a scenario that cannot be understood', async () => {
    writeFileSync(scenario, JSON.stringify({ steps: [{ at: '1s', fault: 'meteor', targets: 'all' }] }))
    const { exitCode, json } = await run(
      'testnet',
      'run',
      scenario,
      '--dir',
      join(dir.path, 'never'),
      '--json'
    )
    assert.equal(exitCode, 2)
    assert.match(json.error.message, /step 1, line 1: unknown fault "meteor"/)
    assert.equal(existsSync(join(dir.path, 'never')), false)
  })
})

/** Whether a process runs; its remains, which wait for whoever started it, do not count. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z'
  } catch {
    return false
  }
}
