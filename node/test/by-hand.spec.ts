import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Receipt } from '@rayswarm/interface'
import { verifyReceipt } from '@rayswarm/settlement'
import sharp from 'sharp'
import type { PublishJson } from '../src/publish/deliver.ts'
import type { PeerStatus } from '../src/status/peer-status.ts'
import { run, start, temporaryDir } from './support/program.ts'
import { writeJob } from './support/scene.ts'

/** Chain and nodes live on one loopback address, the creator on another: two hosts, one bootstrap address. */
const HOST = '127.0.0.2'
const CREATOR_LISTEN = '/ip4/127.0.0.3/tcp/0'
const FRAME_COUNT = 6

describe('a swarm by hand', function () {
  this.timeout(240_000)
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  const net = at('net')
  const swarm = join(net, 'swarm.json')
  let job: string
  let liar: string
  let pids: readonly number[] = []
  let published: PublishJson

  before(() => {
    mkdirSync(at('job'))
    job = writeJob(at('job'), { frames: `1-${FRAME_COUNT}`, name: 'by hand' })
  })
  after(async () => {
    await run('testnet', 'down', '--dir', net)
    dir.remove()
  })

  const publishArgs = (...more: string[]): string[] => {
    const place = ['--swarm', swarm, '--data', at('creator'), '--out', at('out')]
    return ['publish', job, ...place, '--listen', CREATOR_LISTEN, '--timeout', '110', '--json', ...more]
  }
  const filesOf = (path: string): string[] =>
    (existsSync(path) ? readdirSync(path, { recursive: true }) : []).map(String)

  it('comes up', async () => {
    const args = ['--peers', '3', '--liars', '1', '--host', HOST, '--json']
    const { exitCode, json, stderr } = await run('testnet', 'up', '--dir', net, ...args)
    assert.equal(exitCode, 0, stderr)
    assert.deepEqual(
      json.nodes.map((node: { node: string; liar: boolean }) => [node.node, node.liar]),
      [
        ['node-1', false],
        ['node-2', false],
        ['node-3', true]
      ]
    )
    assert.ok(json.rpcUrl.startsWith(`http://${HOST}:`))
    const { bootstrap } = JSON.parse(readFileSync(swarm, 'utf8'))
    assert.ok(bootstrap.every((address: string) => address.startsWith(`/ip4/${HOST}/tcp/`)))
    liar = json.nodes[2].peerId
    pids = json.nodes.map((node: { pid: number }) => node.pid)
    assert.ok(pids.every(isAlive))
  })

  it('is not started twice', async () => {
    const { exitCode, json } = await run('testnet', 'up', '--dir', net, '--json')
    assert.equal(exitCode, 2)
    assert.equal(json.error.code, 'ERR_USAGE')
    assert.ok(pids.every(isAlive))
  })

  it('keeps a job open when its creator presses Ctrl+C', async () => {
    mkdirSync(at('out', 'frames'), { recursive: true })
    const watcher = watch(at('out', 'frames'))
    const { child, ended } = start(publishArgs())
    // The first frame is on its way to the disk: the worst moment.
    await Promise.race([once(watcher, 'change'), ended()])
    watcher.close()
    child.kill('SIGINT')
    const { exitCode, json, stderr } = await ended()
    assert.equal(exitCode, 130, stderr)
    assert.equal(json.error.code, 'ERR_ABORTED')
    assert.deepEqual(
      filesOf(at('out')).filter(name => name.endsWith('.partial')),
      []
    )
    for (const name of filesOf(at('out')).filter(name => name.endsWith('.png')))
      await sharp(at('out', name)).stats()
  })

  it('takes it up where it was left, pays the honest and catches the liar', async () => {
    const { exitCode, json, stderr } = await run(...publishArgs())
    assert.equal(exitCode, 0, stderr)
    published = json
    assert.match(stderr, /taking up job/)
    assert.doesNotMatch(stderr, /faucet/)
    assert.equal(published.end, 'complete')
    assert.deepEqual([published.subtasks, published.accepted], [FRAME_COUNT, FRAME_COUNT])
    assert.deepEqual(published.caught, [liar])
    assert.ok(published.payouts.every(({ peerId }) => peerId !== liar))
    const { locked, ...rest } = published.escrow
    assert.equal(
      Object.values(rest).reduce((sum, amount) => sum + BigInt(amount), 0n),
      BigInt(locked)
    )
    assert.equal(published.frames.length, FRAME_COUNT)
    for (const frame of published.frames) {
      const { width, height, format } = await sharp(frame).metadata()
      assert.deepEqual([width, height, format], [32, 18, 'png'])
    }
  })

  it('hands out receipts that prove themselves', () => {
    const { receipts, receiptsRoot } = JSON.parse(readFileSync(published.receipt, 'utf8'))
    assert.equal(receipts.length, 2 * FRAME_COUNT)
    for (const { proof, ...receipt } of receipts) {
      const whole = { ...receipt, gross: BigInt(receipt.gross) } as Receipt
      assert.equal(verifyReceipt(receiptsRoot, whole, proof), true)
      assert.equal(verifyReceipt(receiptsRoot, { ...whole, gross: whole.gross + 1n }, proof), false)
    }
  })

  it('publishes a settled job once more only when told to', async () => {
    const { exitCode, json } = await run(...publishArgs())
    assert.equal(exitCode, 2)
    assert.match(json.error.remedy, /--again/)
    const again = await run(...publishArgs('--again', '--out', at('again')))
    assert.equal(again.exitCode, 0, again.stderr)
    assert.notEqual(again.json.job, published.job)
    assert.deepEqual(again.json.frames.map(bytesOf), published.frames.map(bytesOf))
  })

  it('renders the same bits however the job is cut', async () => {
    mkdirSync(at('tiled'))
    const split = { framesPerSubtask: 1, tileColumns: 2, tileRows: 2, sampleRanges: 2 }
    job = writeJob(at('tiled'), { frames: '2,5', name: 'by hand', split })
    const { exitCode, json, stderr } = await run(...publishArgs('--out', at('tiles')))
    assert.equal(exitCode, 0, stderr)
    assert.equal(json.subtasks, 2 * 8)
    assert.deepEqual(
      json.frames.map(bytesOf),
      [1, 4].map(index => bytesOf(published.frames[index]!))
    )
  })

  it('says what its peers do, and what they earned', async () => {
    // More than one job was published: what a node got for the first is at least there.
    const { json } = await run('status', '--data', net, '--json')
    const peers = json.peers as PeerStatus[]
    assert.equal(peers.length, 3)
    for (const peer of peers) {
      assert.equal(peer.role, 'node')
      assert.ok(peer.connected.length >= 2, `${peer.peerId} has ${peer.connected.length} peers`)
      assert.ok(peer.scores.some(({ node, rejectedCount }) => node === liar && rejectedCount > 0))
      const paid = published.payouts.find(({ peerId }) => peerId === peer.peerId)?.amount ?? '0'
      assert.ok(BigInt(peer.account.credit ?? -1) >= BigInt(paid))
    }
    assert.equal(peers.find(({ peerId }) => peerId === liar)?.account.credit, '0')
  })

  it('says it to nobody who does not hold the key', async () => {
    const { url, token } = JSON.parse(readFileSync(join(net, 'node-1', 'api.json'), 'utf8'))
    const statusOf = async (path: string, authorization?: string): Promise<number> =>
      (await fetch(`${url}${path}`, authorization === undefined ? {} : { headers: { authorization } })).status
    assert.equal(await statusOf('/status'), 401)
    assert.equal(await statusOf('/status', `Bearer ${token}0`), 401)
    assert.equal(await statusOf('/other', `Bearer ${token}`), 404)
    assert.equal(await statusOf('/status', `Bearer ${token}`), 200)
  })

  it('goes down, and leaves nothing running', async () => {
    const { json } = await run('testnet', 'down', '--dir', net, '--json')
    const names = json.ended.map((own: { name: string }) => own.name)
    assert.deepEqual(names.toSorted(), ['chain', 'node-1', 'node-2', 'node-3'])
    assert.equal(names.at(-1), 'chain')
    await delay(50)
    assert.deepEqual(pids.filter(isAlive), [])
    const { exitCode } = await run('status', '--data', net, '--json')
    assert.equal(exitCode, 1)
  })

  it('comes up again with the money it had', async () => {
    const args = ['--peers', '1', '--host', HOST, '--json']
    const { json, stderr, exitCode } = await run('testnet', 'up', '--dir', net, ...args)
    assert.equal(exitCode, 0, stderr)
    const status = await run('status', '--data', net, '--json')
    const [peer] = status.json.peers as PeerStatus[]
    assert.equal(peer?.peerId, json.nodes[0].peerId)
    const paid = published.payouts.find(({ peerId }) => peerId === peer?.peerId)?.amount ?? '0'
    assert.ok(BigInt(peer?.account.credit ?? -1) >= BigInt(paid))
  })
})

function bytesOf(path: string): string {
  return readFileSync(path, 'base64')
}

/** Whether a process runs; its remains, which wait for whoever started it, do not count. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : ''
    return !/^State:\s+Z/m.test(status)
  } catch {
    return false
  }
}
