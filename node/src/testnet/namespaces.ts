import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { RayswarmError } from '@rayswarm/interface'
import type { FaultRule } from '@rayswarm/network'
import type { Namespaces, PeerRecord } from './testnet-file.ts'
import type { ActiveFault, PeerState } from './world-state.ts'

const exec = promisify(execFile)
/** At most this many commands of the system at once. */
const COMMANDS_MAX = 8
const TRIAL = 'rstry0'
/** A whole packet as the veth hands it over, several segments in one, must fit. */
const BURST_BYTES = 128 * 1024
/** No IPv6 address, so no announcements of it to everybody on the bridge. */
const NO_IPV6 = 'addrgenmode none'
/** 10.<this>.<n>.0/24, for n from 0. */
const NET_BASE = '10.207'

/**
 * Whether this machine lets us make namespaces with a bridge and filter its traffic; if not, why.
 *
 * Found out by doing it: permissions, modules and programs are all needed.
 */
export async function namespacesMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `${process.platform} has none`
  const bridge = `${TRIAL}b`
  try {
    await ip('link', 'add', bridge, 'type', 'bridge')
    await ip('netns', 'add', TRIAL)
    await ip('link', 'add', `${TRIAL}v`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', TRIAL)
    await nft(tableOf(TRIAL, ['ip saddr 192.0.2.1 numgen random mod 10000 < 1 drop']))
    await tc(
      'qdisc',
      'add',
      'dev',
      `${TRIAL}v`,
      'root',
      'tbf',
      'rate',
      '1mbit',
      'burst',
      '64kb',
      'latency',
      '50ms'
    )
    return undefined
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string }
    return (stderr || message).trim().split('\n')[0]
  } finally {
    await nft(`delete table bridge ${TRIAL}`).catch(() => {})
    await ip('netns', 'del', TRIAL).catch(() => {})
    await ip('link', 'del', bridge).catch(() => {})
  }
}

/** A network that no interface of this machine has, and a name nobody uses. */
export async function planNamespaces(id: string): Promise<Namespaces> {
  const { stdout } = await exec('ip', ['-o', '-4', 'addr'])
  for (let n = 0; n < 256; n++) {
    const net = `${NET_BASE}.${n}`
    if (!stdout.includes(` ${net}.`)) return { prefix: `rs${id}`, net }
  }
  throw new RayswarmError('ERR_USAGE', `all of ${NET_BASE}.0.0/16 is in use`, {
    thing: 'network',
    value: NET_BASE,
    remedy: 'End the testnets that run: `rayswarm testnet down`.'
  })
}

/** Where the `index`-th peer lives. The bridge has the first address. */
export function placeOf({ prefix, net }: Namespaces, index: number): NonNullable<PeerRecord['place']> {
  return { namespace: `${prefix}-${index}`, link: `${prefix}v${index}`, ip: `${net}.${index + 2}` }
}

/** The address of the machine in the peers' network: there is the chain. */
export function bridgeIp({ net }: Namespaces): string {
  return `${net}.1`
}

/**
 * Make a bridge, and a namespace on it for each peer.
 *
 * Who is where is written down and never asked: fifty peers on busy cores overflow the kernel's queue, and a lost question
 * would leave a peer out of reach for seconds ("no route to host"), where a lost packet of a connection is sent again.
 */
export async function makeNamespaces(spaces: Namespaces, peers: readonly PeerRecord[]): Promise<void> {
  const { prefix } = spaces
  const bridge = `${prefix}b`
  const places = peers.flatMap(({ place }) => place ?? [])
  const neighbours = [bridgeIp(spaces), ...places.map(place => place.ip)]
  await ipBatch(
    [],
    [
      `link add ${bridge} address ${macOf(bridgeIp(spaces))} type bridge`,
      `link set ${bridge} ${NO_IPV6}`,
      `addr add ${bridgeIp(spaces)}/24 dev ${bridge}`,
      `link set ${bridge} up`,
      ...places.map(place => knowing(place.ip, bridge))
    ]
  )
  await nft(tableOf(prefix, []))
  await each(places, async ({ namespace, link, ip: address }) => {
    await ipBatch(
      [],
      [
        `netns add ${namespace}`,
        `link add ${link} type veth peer name eth0 address ${macOf(address)} netns ${namespace}`,
        `link set ${link} ${NO_IPV6}`,
        `link set ${link} master ${bridge} up`
      ]
    )
    await ipBatch(
      ['-n', namespace],
      [
        `link set eth0 ${NO_IPV6}`,
        `addr add ${address}/24 dev eth0`,
        'link set eth0 up',
        'link set lo up',
        ...neighbours.filter(other => other !== address).map(other => knowing(other, 'eth0'))
      ]
    )
  })
}

function knowing(address: string, device: string): string {
  return `neigh replace ${address} lladdr ${macOf(address)} nud permanent dev ${device}`
}

/** A locally administered address that says the IP address. */
function macOf(address: string): string {
  return ['02', '00', ...address.split('.').map(byte => Number(byte).toString(16).padStart(2, '0'))].join(':')
}

/** Remove whatever carries the prefix, also what a killed command left half made. */
export async function removeNamespaces({ prefix }: Namespaces): Promise<void> {
  const names = (await readdir('/run/netns').catch(() => [])).filter(name => name.startsWith(`${prefix}-`))
  await each(names, async name => void (await ip('netns', 'del', name).catch(() => {})))
  const { stdout } = await exec('ip', ['-o', 'link']).catch(() => ({ stdout: '' }))
  const links = [...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name = '']) => name)
  await each(
    links.filter(name => name.startsWith(`${prefix}v`) || name === `${prefix}b`),
    async name => void (await ip('link', 'del', name).catch(() => {}))
  )
  await nft(`delete table bridge ${prefix}`).catch(() => {})
}

/**
 * Let the kernel cut, lose and throttle. Answers what is left for the processes: delays.
 *
 * Lost packets are sent again by TCP, so a loss here is a slow link, where a loss in the process is a lost message. A rate
 * is that of a target's whole link, both ways.
 */
export async function applyToKernel(
  { prefix }: Namespaces,
  peers: readonly PeerRecord[],
  states: ReadonlyMap<string, PeerState>,
  faults: readonly ActiveFault[]
): Promise<Map<string, PeerState>> {
  const ipOf = new Map(peers.map(({ peerId, place }) => [peerId, place?.ip]))
  const rules: string[] = []
  const left = new Map<string, PeerState>()
  for (const { name, place } of peers) {
    const state = states.get(name)
    if (state === undefined || place === undefined) continue
    const links: Record<string, FaultRule> = {}
    for (const [peer, rule] of Object.entries(state.links)) {
      const { cut, lossBps = 0, bytesPerS: _, ...delays } = rule
      const pair = `ip saddr ${place.ip} ip daddr ${ipOf.get(peer)}`
      // Each end has its own rule; a peer's covers what it sends, so that none is counted twice.
      if (cut === 'out' || cut === 'both') rules.push(`${pair} drop`)
      else if (lossBps > 0) rules.push(`${pair} numgen random mod 10000 < ${lossBps} drop`)
      if (Object.keys(delays).length > 0) links[peer] = delays
    }
    left.set(name, { ...state, links })
  }
  await nft(`flush chain bridge ${prefix} cuts\n${tableOf(prefix, rules)}`)
  await each(peers, async ({ name, place }) => {
    if (place === undefined) return
    const rates = faults
      .filter(({ targets, fault }) => targets.includes(name) && fault.bytesPerS !== undefined)
      .map(({ fault }) => fault.bytesPerS!)
    await throttle(place, rates.length === 0 ? undefined : Math.min(...rates))
  })
  return left
}

async function throttle(
  { namespace, link }: NonNullable<PeerRecord['place']>,
  bytesPerS: number | undefined
): Promise<void> {
  for (const device of [
    ['dev', link],
    ['dev', 'eth0']
  ]) {
    const at = device[1] === link ? [] : ['-n', namespace]
    if (bytesPerS === undefined) await tc(...at, 'qdisc', 'del', ...device, 'root').catch(() => {})
    else {
      const shape = ['tbf', 'rate', `${bytesPerS * 8}bit`, 'burst', `${BURST_BYTES}b`, 'latency', '200ms']
      await tc(...at, 'qdisc', 'replace', ...device, 'root', ...shape)
    }
  }
}

async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const line = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: COMMANDS_MAX }, line))
}

/** What crosses the bridge goes through these rules; the machine itself, where the chain is, does not. */
function tableOf(name: string, rules: readonly string[]): string {
  const lines = ['type filter hook forward priority 0; policy accept;', ...rules]
  return `table bridge ${name} {\nchain cuts {\n${lines.join('\n')}\n}\n}\n`
}

async function ip(...args: string[]): Promise<void> {
  await exec('ip', args)
}

/** Many commands in one process: it ends at the first that fails. */
async function ipBatch(options: readonly string[], lines: readonly string[]): Promise<void> {
  await feed('ip', [...options, '-batch', '-'], `${lines.join('\n')}\n`)
}

async function tc(...args: string[]): Promise<void> {
  await exec('tc', args)
}

async function nft(rules: string): Promise<void> {
  await feed('nft', ['-f', '-'], rules)
}

async function feed(program: string, args: readonly string[], text: string): Promise<void> {
  const running = exec(program, args)
  running.child.stdin?.on('error', () => {}).end(text)
  await running
}
