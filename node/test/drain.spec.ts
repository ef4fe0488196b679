import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { askPeer, postTo } from '../src/status/ask.ts'
import { run, temporaryDir } from './support/program.ts'

const POLL_MS = 100

describe('drain', function () {
  this.timeout(120_000)
  const dir = temporaryDir()
  const net = join(dir.path, 'net')
  const home = (name: string): string => join(net, name)

  before(async () => {
    const noop = ['--engine', 'noop', '--noop-ms', '20000']
    const up = await run('testnet', 'up', '--dir', net, '--peers', '2', '--layer', 'process', ...noop)
    assert.equal(up.exitCode, 0, up.stderr)
    const published = await run('testnet', 'publish', '--dir', net, '--subtasks', '4')
    assert.equal(published.exitCode, 0, published.stderr)
  })
  after(async () => {
    await run('testnet', 'down', '--dir', net)
    dir.remove()
  })

  it('hands back what does not end in time, and takes nothing new', async () => {
    while ((await askPeer(home('node-1')))?.running.length !== 1) await delay(POLL_MS)
    const { exitCode, json, stderr } = await run('drain', '--data', home('node-1'), '--grace', '1', '--json')
    assert.equal(exitCode, 0, stderr)
    assert.match(stderr, /draining: 1 executing/)
    const { peerId, ...counts } = json
    assert.deepEqual(counts, { released: 1, running: 0, sealed: 0 })
    // Somebody else gets it; the one that drained bids no more, though there is work.
    await delay(3_000)
    const status = await askPeer(home('node-1'))
    assert.equal(status?.peerId, peerId)
    assert.deepEqual(status?.draining, { released: 1, done: true })
    assert.deepEqual(status?.running, [])
    assert.equal(status?.offers.length, 1)
    assert.deepEqual(status?.executions, { finished: 0, failed: 0 })
  })

  it('says so in the status, beside whom the peer reaches', async () => {
    const { stdout } = await run('status', '--data', home('node-1'))
    assert.match(stdout, /has drained: 1 executions handed back, 0 sealed results wait/)
    const status = await askPeer(home('node-1'))
    assert.ok(
      status?.reach.connected === 2 && status.reach.reachableShare === 1,
      JSON.stringify(status?.reach)
    )
    assert.equal(status.reach.unreachableSince, undefined)
  })

  it('is for nodes', async () => {
    const creator = await run('drain', '--data', home('creator'), '--json')
    assert.deepEqual([creator.exitCode, creator.json.error.code], [2, 'ERR_USAGE'])
    assert.equal(creator.json.error.value, home('creator'))
    assert.equal((await askPeer(home('creator')))?.draining, undefined)
  })

  it('needs somebody who runs, and a time', async () => {
    const nobody = await run('drain', '--data', home('nobody'), '--json')
    assert.deepEqual([nobody.exitCode, nobody.json.error.code], [1, 'ERR_NOT_FOUND'])
    assert.match(nobody.stderr, /fix: /)
    for (const grace of ['soon', '999999999']) {
      const { exitCode, json } = await run('drain', '--data', home('node-2'), '--grace', grace, '--json')
      assert.deepEqual([exitCode, json.error.code, json.error.value], [2, 'ERR_USAGE', grace])
    }
    assert.equal((await postTo(home('node-2'), '/drain', { graceMs: -1 }))?.code, 400)
    assert.equal((await askPeer(home('node-2')))?.draining, undefined)
  })
})
