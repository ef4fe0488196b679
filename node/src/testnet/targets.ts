import { createHash } from 'node:crypto'
import { RayswarmError } from '@rayswarm/interface'

/** A peer of the testnet, as far as choosing one goes. */
export interface Candidate {
  readonly name: string
  readonly role: 'node' | 'creator'
  readonly isRunning: boolean
  readonly isByzantine: boolean
}

/** Whom selectors choose from. */
export interface Field {
  readonly peers: readonly Candidate[]
  readonly bootstrap: string
  /** Names of peers that hold a lease right now. */
  readonly holders: readonly string[]
  /** Names of peers that were drawn as witnesses. */
  readonly witnesses: readonly string[]
}

/** Which of the chosen must be in what state. */
export type Condition = 'running' | 'ended' | 'any'

const GROUPS = ['all', 'nodes', 'half', 'byzantine', 'witnesses', 'holders'] as const

/**
 * The peers that selectors name, each once, names first. What is left to chance follows from `seed` alone.
 *
 * @throws {RayswarmError} `ERR_USAGE` for an unknown name, a peer that is gone, or a group that is empty
 */
export function choose(
  selectors: readonly string[],
  field: Field,
  options: { readonly seed: string; readonly condition: Condition }
): string[] {
  const { condition } = options
  const fits = ({ isRunning }: Candidate): boolean =>
    condition === 'any' || isRunning === (condition === 'running')
  const chosen = new Set<string>()
  const groups: string[] = []
  for (const selector of selectors) {
    const name = selector === 'bootstrap' ? field.bootstrap : selector
    const peer = field.peers.find(candidate => candidate.name === name)
    if (peer === undefined) groups.push(selector)
    else if (fits(peer)) chosen.add(peer.name)
    else throw inWrongState(peer, condition)
  }
  for (const selector of groups) {
    const { pool, count } = groupOf(selector, field, fits)
    const left = shuffled(
      pool.filter(name => !chosen.has(name)),
      `${options.seed} ${selector}`
    )
    if (left.length === 0)
      throw usage(selector, `${selector} names nobody`, 'See `rayswarm testnet status` for who is there.')
    for (const name of left.slice(0, count(pool.length))) chosen.add(name)
  }
  return field.peers.filter(({ name }) => chosen.has(name)).map(({ name }) => name)
}

/** Whom a selector draws from, and how many of how many. */
function groupOf(
  selector: string,
  field: Field,
  fits: (peer: Candidate) => boolean
): { pool: readonly string[]; count: (of: number) => number } {
  const named = (peers: readonly Candidate[]): string[] => peers.filter(fits).map(({ name }) => name)
  const nodes = named(field.peers.filter(({ role }) => role === 'node'))
  const known = new Set(named(field.peers))
  const [, percent] = /^(\d{1,3})%$/.exec(selector) ?? []
  if (percent !== undefined && Number(percent) <= 100) {
    // A share of all nodes, dead or alive: a third of thirty is ten, also when five are gone.
    const all = field.peers.filter(({ role }) => role === 'node').length
    return { pool: nodes, count: () => Math.max(1, Math.round((all * Number(percent)) / 100)) }
  }
  const [, group = '', number] = /^([a-z]+)(?::(\d{1,4}))?$/.exec(selector) ?? []
  const some = (of: number): number => (number === undefined ? of : Math.min(of, Number(number)))
  switch (group as (typeof GROUPS)[number]) {
    case 'all':
      return { pool: [...known], count: some }
    case 'nodes':
      return { pool: nodes, count: some }
    case 'half':
      return { pool: nodes, count: of => Math.max(1, Math.floor(of / 2)) }
    case 'byzantine':
      return { pool: named(field.peers.filter(({ isByzantine }) => isByzantine)), count: some }
    case 'witnesses':
      return { pool: field.witnesses.filter(name => known.has(name)), count: some }
    case 'holders':
      return { pool: field.holders.filter(name => known.has(name)), count: some }
  }
  throw usage(
    selector,
    `there is no peer ${selector}`,
    `Name one of ${rangeOf(field)}, bootstrap, ${GROUPS.join(', ')}, or a share like 30%.`
  )
}

/**
 * Make sure that a selector can be understood, before there is a testnet to look at.
 *
 * @throws {RayswarmError} `ERR_USAGE`
 */
export function requireSelector(selector: string): void {
  if (/^(node-[1-9]\d{0,3}|creator|bootstrap|(100|[1-9]?\d)%)$/.test(selector)) return
  const [, group = ''] = /^([a-z]+)(:[1-9]\d{0,3})?$/.exec(selector) ?? []
  if ((GROUPS as readonly string[]).includes(group)) return
  throw usage(
    selector,
    `there is no target ${selector}`,
    `Name node-<n>, creator, bootstrap, ${GROUPS.join(', ')} (witnesses:2), or a share like 30%.`
  )
}

/** The same order for the same seed, on every machine. */
export function shuffled(names: readonly string[], seed: string): string[] {
  const rank = (name: string): string => createHash('sha256').update(`${seed} ${name}`).digest('hex')
  return names
    .map(name => ({ name, rank: rank(name) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ name }) => name)
}

function rangeOf({ peers }: Field): string {
  const names = peers.map(({ name }) => name)
  return names.length < 4 ? names.join(', ') : `${names[0]} … ${names.at(-1)}`
}

function inWrongState({ name, isRunning }: Candidate, condition: Condition): RayswarmError {
  const remedy = isRunning
    ? `Crash it first, or leave it alone.`
    : `Start it again with \`rayswarm testnet fault restart ${name}\`.`
  return usage(name, condition === 'running' ? `${name} is gone` : `${name} is running`, remedy)
}

function usage(value: string, message: string, remedy: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', message, { thing: 'target', value, remedy })
}
