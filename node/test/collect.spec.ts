import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Receipt } from '@rayswarm/interface'
import { verifyReceipt } from '@rayswarm/settlement'
import { cidOf } from '@rayswarm/wire'
import type { PublishJson } from '../src/publish/deliver.ts'
import { askPeer, askPeers } from '../src/status/ask.ts'
import { type Ended, run, start, temporaryDir } from './support/program.ts'
import { writeJob } from './support/scene.ts'

const FRAME_COUNT = 6
const POLL_MS = 50
const LISTEN = ['--listen', '/ip4/127.0.0.1/tcp/0']

describe('collect', function () {
  this.timeout(180_000)
  const dir = temporaryDir()
  const at = (...parts: string[]): string => join(dir.path, ...parts)
  const place = (home: string): string[] => [
    '--swarm',
    at('net', 'swarm.json'),
    '--data',
    at(home),
    ...LISTEN
  ]
  let collected: PublishJson

  before(async () => {
    const up = await run('testnet', 'up', '--dir', at('net'), '--peers', '4', '--layer', 'process')
    assert.equal(up.exitCode, 0, up.stderr)
    // A creator that offers its job, gets one frame and dies.
    await publishAndDie('creator', 'drawn', '3/2', () => framesIn('lost').length > 0)
  })
  after(async () => {
    await run('testnet', 'down', '--dir', at('net'))
    dir.remove()
  })

  const framesIn = (out: string): string[] =>
    (existsSync(at(out, 'frames')) ? readdirSync(at(out, 'frames')) : []).filter(name =>
      /^[^.].*png$/.test(name)
    )

  async function publishAndDie(
    home: string,
    name: string,
    witnesses: string,
    isEnough: () => boolean | Promise<boolean>
  ): Promise<void> {
    mkdirSync(at(name))
    const job = writeJob(at(name), {
      frames: `1-${FRAME_COUNT}`,
      name,
      samplesPerPixel: 128,
      widthPx: 64,
      heightPx: 36
    })
    const { child, ended } = start([
      'publish',
      job,
      ...place(home),
      '--out',
      at('lost'),
      '--witnesses',
      witnesses
    ])
    while (!(await isEnough())) {
      if (child.exitCode !== null) assert.fail((await ended()).stderr)
      await delay(POLL_MS)
    }
    child.kill('SIGKILL')
    await ended()
  }

  /** What is left of the creator: two files, on another machine. */
  function onlyKeys(home: string): void {
    for (const file of ['peer.key', 'account.json']) cpSync(at('creator', file), at(home, file))
  }

  const collect = (home: string, ...args: string[]): Promise<Ended> =>
    run('collect', ...place(home), '--timeout', '45', '--json', ...args)

  function refuses({ json, exitCode, stderr }: Ended, code: string, value: string): void {
    assert.deepEqual([json?.error?.code, json?.error?.value], [code, value], stderr)
    assert.ok(json.error.remedy.length > 10 && json.error.thing.length > 2)
    assert.equal(exitCode, code === 'ERR_USAGE' ? 2 : 1)
  }

  it('finishes elsewhere, with nothing but the keys, what its creator left', async () => {
    onlyKeys('elsewhere')
    const ended = await collect('elsewhere', '--out', at('elsewhere', 'out'))
    assert.equal(ended.exitCode, 0, ended.stderr)
    assert.match(ended.stderr, /collecting drawn, job bafy/)
    collected = ended.json
    assert.deepEqual([collected.end, collected.accepted], ['complete', FRAME_COUNT])
    assert.equal(collected.frames.length, FRAME_COUNT)
    assert.ok(collected.frames.every(path => path.startsWith(at('elsewhere', 'out'))))
    const { locked, ...rest } = collected.escrow
    const sum = Object.values(rest).reduce((total, amount) => total + BigInt(amount), 0n)
    assert.equal(sum, BigInt(locked))
    assert.ok(BigInt(rest.paid) > 0n)
    for (const file of [collected.contactSheet, collected.film, collected.report])
      assert.ok(existsSync(file ?? ''), file)
  })

  it('gives the same pictures that the creator had begun to write', () => {
    const begun = framesIn('lost')
    assert.ok(begun.length > 0 && begun.length < FRAME_COUNT, `${begun.length} frames`)
    for (const name of begun)
      assert.ok(
        readFileSync(at('lost', 'frames', name)).equals(readFileSync(at('elsewhere', 'out', 'frames', name)))
      )
  })

  it('gives receipts that prove themselves against the settlement of the witnesses', () => {
    const { receipts, receiptsRoot, settlement } = JSON.parse(readFileSync(collected.receipt, 'utf8'))
    assert.equal(settlement.txHash, collected.chainTx)
    assert.equal(receipts.length, 2 * FRAME_COUNT)
    for (const { proof, ...receipt } of receipts)
      assert.ok(verifyReceipt(receiptsRoot, { ...receipt, gross: BigInt(receipt.gross) } as Receipt, proof))
  })

  it('still finds the job when it was settled long ago', async () => {
    onlyKeys('later')
    const nodes = await askPeers([at('net')])
    assert.equal(nodes.length, 4)
    // It is handed on, but nobody takes it for work.
    for (const { offers } of nodes) assert.deepEqual(offers, [])
    const ended = await collect('later', collected.job, '--out', at('later', 'out'))
    assert.equal(ended.exitCode, 0, ended.stderr)
    const later: PublishJson = ended.json
    assert.deepEqual([later.chainTx, later.escrow], [collected.chainTx, collected.escrow])
    assert.deepEqual(later.payouts, collected.payouts)
    assert.equal(readFileSync(later.receipt, 'utf8'), readFileSync(collected.receipt, 'utf8'))
    for (const [index, frame] of later.frames.entries())
      assert.ok(readFileSync(frame).equals(readFileSync(collected.frames[index]!)), frame)
  })

  it('cannot collect elsewhere what only its creator witnesses, but where it was published it can', async () => {
    let owned = ''
    await publishAndDie('creator', 'owned', 'owner', async () => {
      const [job] = (await askPeer(at('creator')))?.jobs.filter(({ name }) => name === 'owned') ?? []
      owned = job?.job ?? ''
      return (job?.accepted ?? 0) > 0
    })
    const elsewhere = await collect('later', owned)
    refuses(elsewhere, 'ERR_USAGE', owned)
    assert.match(elsewhere.json.error.message, /owner mode/)
    const here = await collect('creator', owned, '--out', at('owned-out'))
    assert.equal(here.exitCode, 0, here.stderr)
    assert.deepEqual([here.json.job, here.json.end], [owned, 'complete'])
    assert.equal(framesIn('owned-out').length, FRAME_COUNT)
  })

  it('needs to know which of several', async () => {
    await publishAndDie('creator', 'other', '3/2', async () => {
      const jobs = (await askPeer(at('creator')))?.jobs ?? []
      return jobs.some(({ name, accepted }) => name === 'other' && accepted > 0)
    })
    onlyKeys('several')
    const { json, exitCode } = await collect('several')
    assert.deepEqual([exitCode, json.error.code], [2, 'ERR_USAGE'])
    assert.match(
      json.error.message,
      /2 jobs of this creator are open: .*\((drawn|other)\), .*\((drawn|other)\)/
    )
    // Where one of the two was collected already, the other is the only one.
    const here = await collect('elsewhere', '--out', at('other-out'))
    assert.deepEqual([here.exitCode, here.json.name], [0, 'other'], here.stderr)
  })

  it('needs the keys, a job id, and a job that there is', async () => {
    refuses(await collect('nobody'), 'ERR_FILE_MISSING', at('nobody', 'peer.key'))
    refuses(await collect('later', 'nonsense'), 'ERR_USAGE', 'nonsense')
    const never = cidOf({ name: 'never' })
    refuses(await collect('later', never, '--timeout', '4'), 'ERR_NOT_FOUND', never)
  })
})
