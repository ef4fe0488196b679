/**
 * What leases cost: a creator, eight nodes as processes, subtasks that take no time. Subtasks per second and the time from a claim
 * to its certificate, in owner mode and with 7 witnesses, beside the bare request rate of libp2p on the same machine in the same run.
 *
 *     node dist/bench/lease.js [--json]
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { percentile } from '../src/testnet/figures.ts'

const ROOT = join(import.meta.dirname, '../../..')
const RAYSWARM = join(ROOT, 'node/bin/rayswarm.js')
const RATE = join(ROOT, 'packages/network/dist/bench/rate.js')
const SCENARIO = join(ROOT, 'node/bench/lease.json')
const OUTPUT_BYTES_MAX = 64 << 20

const run = promisify(execFile)

interface Lines {
  readonly event: string
  readonly atMs: number
  readonly waitedMs?: number
}

interface Figures {
  readonly witnesses: string
  readonly subtasksPerSecond: number
  readonly leases: number
  readonly grantP50Ms: number
  readonly grantP99Ms: number
}

async function lease(witnesses: string): Promise<Figures> {
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-bench-'))
  try {
    const args = ['testnet', 'run', SCENARIO, '--witnesses', witnesses, '--dir', dir, '--json']
    await run(process.execPath, [RAYSWARM, ...args], { maxBuffer: OUTPUT_BYTES_MAX })
    const text = await readFile(join(dir, 'history.jsonl'), 'utf8')
    const events = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Lines)
    const waitedMs = events.flatMap(({ event, waitedMs }) => (event === 'lease' ? (waitedMs ?? []) : []))
    const accepted = events.filter(({ event }) => event === 'accepted').map(({ atMs }) => atMs)
    const publishedMs = events.find(({ event }) => event === 'published')?.atMs ?? 0
    const subtaskCount = JSON.parse(await readFile(SCENARIO, 'utf8')).job.subtasks as number
    return {
      witnesses,
      subtasksPerSecond: (subtaskCount * 1_000) / (Math.max(...accepted) - publishedMs),
      leases: waitedMs.length,
      grantP50Ms: percentile(waitedMs, 0.5),
      grantP99Ms: percentile(waitedMs, 0.99)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Bare libp2p requests per second, 8 in flight. */
async function barePerSecond(): Promise<number> {
  const { stdout } = await run(process.execPath, [RATE, '--seconds', '1', '--rounds', '3', '--json'])
  const rows = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  return rows.find(({ inFlight }) => inFlight === 8).bare.perSecond as number
}

const json = process.argv.includes('--json')
const bare = await barePerSecond()
for (const witnesses of ['1/1', '7/5']) {
  const figures = await lease(witnesses)
  const { subtasksPerSecond, grantP50Ms, grantP99Ms } = figures
  // Two replicas of each subtask.
  const requestsPerLease = bare / (2 * subtasksPerSecond)
  if (json) console.log(JSON.stringify({ ...figures, barePerSecond: bare, requestsPerLease }))
  else
    console.log(
      `${witnesses}: ${subtasksPerSecond.toFixed(1)} subtasks/s, grant p50 ${grantP50Ms} ms, p99 ${grantP99Ms} ms; ` +
        `one lease costs as much as ${requestsPerLease.toFixed(0)} bare requests (${bare.toFixed(0)}/s)`
    )
}
