import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const DEMO = join(import.meta.dirname, '../../node/bin/demo.js')
const PNG_MAGIC = '89504e470d0a1a0a'

describe('the demo', function () {
  this.timeout(180_000)
  const dir = mkdtempSync(join(tmpdir(), 'rayswarm-test-'))
  const out = join(dir, 'out')
  const children: ChildProcess[] = []
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))

  after(async () => {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })

  /** Every process of the demo inherits its own TMPDIR: so it and all its children can be found. */
  function startDemo(name: string, ...args: string[]): { child: ChildProcess; tmp: string } {
    const tmp = mkdtempSync(join(dir, `${name}-`))
    const size = ['--samples', '2', '--width', '96', '--height', '54']
    const child = spawn(process.execPath, [DEMO, '--nodes', '3', ...size, ...args], {
      env: { ...process.env, TMPDIR: tmp, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 150_000,
      killSignal: 'SIGKILL'
    })
    children.push(child)
    return { child, tmp }
  }

  async function collect(
    child: ChildProcess
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const text = { stdout: '', stderr: '' }
    child.stdout!.setEncoding('utf8').on('data', chunk => {
      text.stdout += chunk
    })
    child.stderr!.setEncoding('utf8').on('data', chunk => {
      text.stderr += chunk
    })
    const [code] = await once(child, 'close')
    return { code, ...text }
  }

  it('renders, catches the liar, pays the honest, and says so in one line of JSON', async () => {
    const { child, tmp } = startDemo('whole', '--liars', '1', '--frames', '1-3', '--out', out, '--json')
    const { code, stdout, stderr } = await collect(child)
    assert.equal(code, 0, stderr)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 1)
    const said = JSON.parse(lines[0]!)

    assert.match(said.job, /^bafy/)
    assert.equal(said.subtasks, 3)
    assert.equal(said.accepted, 3)
    assert.ok(said.executions >= 2 * 3, `${said.executions} executions`)
    assert.deepEqual(said.liars, ['node-3'])
    assert.deepEqual(said.caught, said.liars)
    checkMoney(said)
    assert.equal(said.frames.length, 3)
    for (const frame of said.frames)
      assert.equal(readFileSync(frame).subarray(0, 8).toString('hex'), PNG_MAGIC)
    for (const file of [said.contactSheet, said.film, said.receipt, said.report])
      assert.ok(existsSync(file), file)
    assert.ok(said.wallSeconds > 0)
    assert.match(said.chainTx, /^0x[\da-f]{64}$/)
    assert.deepEqual(readdirSync(tmp), [], 'data directories are left')
    assert.deepEqual(await whenGone(tmp), [], 'processes are left')
  })

  function checkMoney(said: {
    payouts: { node: string; peerId: string; account: string; amount: string }[]
    escrow: Record<string, string>
  }): void {
    const { locked, ...rest } = said.escrow
    assert.deepEqual(Object.keys(rest).sort(), ['burned', 'paid', 'refunded', 'treasury'])
    const sum = (amounts: string[]): bigint => amounts.reduce((total, amount) => total + BigInt(amount), 0n)
    assert.equal(String(sum(Object.values(rest))), locked)
    assert.equal(String(sum(said.payouts.map(({ amount }) => amount))), said.escrow.paid)
    for (const { node, peerId, account, amount } of said.payouts) {
      assert.match(node, /^node-[12]$/, 'a liar was paid')
      assert.match(peerId, /^12D3KooW/)
      assert.match(account, /^0x[\dA-Fa-f]{40}$/)
      assert.ok(BigInt(amount) > 0n)
    }
  }

  for (const signal of ['SIGINT', 'SIGKILL'] as const)
    it(`leaves no process and nothing half-written after ${signal}`, async () => {
      const to = join(dir, signal)
      const { child, tmp } = startDemo(signal, '--liars', '0', '--frames', '1-60', '--out', to, '--json')
      const ended = collect(child)
      // In the middle of the job: some frames are there, others are not.
      // Not just any file: the demo tries first whether the directory can be written to.
      const framesIn = (): string[] => filesIn(to).filter(name => name.includes('frame_'))
      for (let waits = 0; framesIn().length === 0 && child.exitCode === null && waits < 1_000; waits++)
        await delay(50)
      assert.ok(framesIn().length > 0, 'the job began')
      const processes = processesWith(tmp)
      child.kill(signal)
      const { code, stderr } = await ended
      assert.ok(processes.length >= 5, `${processes.length} processes were found\n${stderr}`)
      if (signal === 'SIGINT') assert.equal(code, 130)
      assert.deepEqual(await whenGone(tmp), [])
      assert.deepEqual(
        filesIn(to).filter(name => name.endsWith('.partial')),
        []
      )
      for (const name of filesIn(to).filter(name => name.endsWith('.png')))
        assert.equal(readFileSync(join(to, name)).subarray(-8, -4).toString('latin1'), 'IEND', name)
    })

  for (const [args, remedy] of [
    [['--nodes', '2', '--liars', '1'], /honest/],
    [['--scene', 'nowhere.glb'], /path/],
    [['--frames', ''], /frame/]
  ] as const)
    it(`fails with a remedy: ${args.join(' ')}`, async () => {
      const { child, tmp } = startDemo('bad', '--out', join(dir, 'bad'), '--json', ...args)
      const { code, stdout } = await collect(child)
      assert.ok(code === 1 || code === 2)
      assert.match(JSON.parse(stdout).error.remedy, remedy)
      assert.deepEqual(await whenGone(tmp), [])
    })
})

function filesIn(dir: string): string[] {
  return existsSync(dir)
    ? readdirSync(dir, { recursive: true })
        .map(String)
        .filter(name => name.includes('.'))
    : []
}

/** Processes that were started with this TMPDIR. Where there is no /proc, nothing is known. */
function processesWith(tmp: string): string[] {
  if (!existsSync('/proc/self/environ')) return []
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${tmp}\0`)
    } catch {
      return false
    }
  })
}

/** What is left of them once they have had time to end. */
async function whenGone(tmp: string): Promise<string[]> {
  for (let waits = 0; processesWith(tmp).length > 0 && waits < 200; waits++) await delay(50)
  return processesWith(tmp)
}
