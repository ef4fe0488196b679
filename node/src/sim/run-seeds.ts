import { createHash } from 'node:crypto'
import type { Scenario } from './scenarios.ts'
import { World } from './world.ts'

/** Failed worlds that are told in full; of others only the seed is. */
const FAILURE_COUNT_MAX = 20

/** What one world came to, in short. */
export interface SeedResult {
  readonly seed: number
  readonly traceHash: string
  readonly violations: readonly string[]
  readonly messageCount: number
  readonly crashCount: number
  readonly virtualMs: number
  /** Processor time of the thread that ran it. */
  readonly cpuMs: number
}

/** What many worlds came to. */
export interface SeedsReport {
  readonly worlds: number
  readonly violations: number
  readonly failingSeeds: readonly number[]
  /** The first of the failing worlds. */
  readonly failures: readonly { readonly seed: number; readonly violations: readonly string[] }[]
  /** Over the hashes of all worlds, in the order of their seeds. */
  readonly traceHash: string
  readonly messages: number
  readonly crashes: number
  readonly virtualSeconds: number
  readonly cpuSeconds: number
}

/** Let one world live. */
export async function runSeed({ world, untilMs }: Scenario, seed: number): Promise<SeedResult> {
  const before = process.cpuUsage()
  const { report: _, ...outcome } = await new World({ ...world, seed }).run(untilMs)
  const { user, system } = process.cpuUsage(before)
  return { ...outcome, cpuMs: (user + system) / 1_000 }
}

/** Put the results of many worlds together, in whatever order they came. */
export function summarize(results: readonly SeedResult[]): SeedsReport {
  const ordered = [...results].sort((a, b) => a.seed - b.seed)
  const failing = ordered.filter(({ violations }) => violations.length > 0)
  const hash = createHash('sha256')
  for (const { seed, traceHash } of ordered) hash.update(`${seed} ${traceHash}\n`)
  const sum = (of: (result: SeedResult) => number): number => ordered.reduce((total, r) => total + of(r), 0)
  return {
    worlds: ordered.length,
    violations: sum(({ violations }) => violations.length),
    failingSeeds: failing.map(({ seed }) => seed),
    failures: failing.slice(0, FAILURE_COUNT_MAX).map(({ seed, violations }) => ({ seed, violations })),
    traceHash: hash.digest('hex'),
    messages: sum(({ messageCount }) => messageCount),
    crashes: sum(({ crashCount }) => crashCount),
    virtualSeconds: Math.round(sum(({ virtualMs }) => virtualMs) / 1_000),
    cpuSeconds: sum(({ cpuMs }) => cpuMs) / 1_000
  }
}
