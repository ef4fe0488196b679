import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { RayswarmError, type WitnessRule } from '@rayswarm/interface'
import { WITNESS_COUNT_MAX } from '@rayswarm/params'
import { diskFailure } from '../disk.ts'
import type { LogLevel } from '../host/log.ts'
import { absolute, readSwarmFile, type SwarmFile } from '../swarm-file.ts'

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40
}

/** Options of every command that joins a swarm, as commander hands them over. */
export interface NetworkOptions {
  readonly swarm?: string
  readonly data?: string
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  readonly bootstrap?: readonly string[]
  readonly mdns?: boolean
  readonly quota: string
  readonly passphraseFile?: string
  readonly logLevel: LogLevel
}

/** Where peers of this user live. */
export function homeDir(): string {
  return join(homedir(), '.rayswarm')
}

/** The swarm file that the options or the environment name. */
export async function swarmOf(options: Pick<NetworkOptions, 'swarm'>): Promise<SwarmFile> {
  return await readSwarmFile(absolute(options.swarm ?? process.env.RAYSWARM_SWARM ?? 'swarm.json'))
}

/** First line of the passphrase file, if there is one. */
export async function passphraseOf(
  options: Pick<NetworkOptions, 'passphraseFile'>
): Promise<string | undefined> {
  if (options.passphraseFile === undefined) return undefined
  const text = await readFile(options.passphraseFile, 'utf8').catch(error => {
    throw diskFailure(error, 'passphrase file', options.passphraseFile!)
  })
  return text.split(/\r?\n/, 1)[0]
}

/** A whole number of at least `min`. */
export function wholeNumber(text: string, option: string, min = 1): number {
  const value = Number(text)
  if (/^\d{1,15}$/.test(text) && value >= min) return value
  throw new RayswarmError('ERR_USAGE', `${option} "${text}" is not a whole number of at least ${min}`, {
    thing: option,
    value: text,
    remedy: `Give a whole number, like ${option} ${Math.max(min, 4)}.`
  })
}

/** A size like `512MiB` or `2G`, in bytes. */
export function sizeBytes(text: string, option: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?$/i.exec(text) ?? []
  const factor = SIZE_UNITS[unit.toLowerCase()]
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN))
  if (number !== '' && Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new RayswarmError('ERR_USAGE', `${option} "${text}" is not a size`, {
    thing: option,
    value: text,
    remedy: `Write it like ${option} 512MiB or ${option} 4GiB.`
  })
}

/**
 * Who grants and closes a job's replicas: `owner`, or `m/q` as in `7/5`.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function witnessRuleOf(text: string): WitnessRule {
  if (text === 'owner') return { witnessCount: 1, quorum: 1 }
  const [, count, of] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? []
  const rule = { witnessCount: Number(count), quorum: Number(of) }
  const isSound = rule.witnessCount <= WITNESS_COUNT_MAX && rule.quorum <= rule.witnessCount
  if (count !== undefined && rule.witnessCount > 0 && isSound && 2 * rule.quorum > rule.witnessCount)
    return rule
  throw new RayswarmError('ERR_USAGE', `witnesses "${text}": not a rule`, {
    thing: 'witnesses',
    value: text,
    remedy: `Say owner, or m/q with q a majority of m witnesses, at most ${WITNESS_COUNT_MAX}: 7/5.`
  })
}
