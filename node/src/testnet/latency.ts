import { RayswarmError } from '@rayswarm/interface'
import { z } from 'zod'
import { readJson } from '../disk.ts'
import { absolute } from '../swarm-file.ts'
import type { Latency } from './testnet-file.ts'

const REGION_COUNT_MAX = 64
const LATENCY_MS_MAX = 10_000

const schema = z
  .strictObject({
    regions: z.array(z.string().min(1).max(64)).min(1).max(REGION_COUNT_MAX),
    oneWayMs: z.array(z.array(z.number().min(0).max(LATENCY_MS_MAX)))
  })
  .refine(
    ({ regions, oneWayMs }) =>
      oneWayMs.length === regions.length && oneWayMs.every(row => row.length === regions.length),
    { path: ['oneWayMs'], message: 'must have a row and a column per region' }
  )

/**
 * Read the file of `--latency`. spec/testnet.md#latency
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`, `ERR_USAGE`
 */
export async function readLatency(path: string): Promise<Latency> {
  const parsed = schema.safeParse(await readJson(absolute(path), 'latency file'))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new RayswarmError(
    'ERR_USAGE',
    `latency file ${path}: ${issue.path.join('.') || 'file'}: ${issue.message}`,
    {
      thing: '--latency',
      value: path,
      remedy: 'Like { "regions": ["eu", "us"], "oneWayMs": [[2, 45], [45, 3]] }.'
    }
  )
}
