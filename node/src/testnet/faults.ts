import { RayswarmError } from '@rayswarm/interface'
import { sizeBytes } from '../cli/options.ts'
import { present } from '../present.ts'
import { parseShareBps, parseSpanMs } from './units.ts'

/** What can be done to a testnet's peers. spec/testnet.md#faults */
export const FAULT_KINDS = [
  'crash', // SIGKILL
  'restart', // a crashed process is started again, with what it had on disk
  'pause', // SIGSTOP
  'resume',
  'partition', // nothing gets across
  'link', // loss, latency, rate
  'byzantine', // misbehaves on purpose
  'clock', // is wrong, or runs too fast or too slow
  'heal' // ends faults
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Ways in which a peer may misbehave. spec/testnet.md#byzantine */
export const BYZANTINE_KINDS = [
  'garbage', // every result is wrong
  'sometimes', // every other result is
  'squat', // takes leases and never finishes
  'deadbeat', // commits and never opens what it committed
  'mute', // answers no request about leases and results
  'flood' // sends its neighbours rubbish, and what they said before
] as const
export type ByzantineKind = (typeof BYZANTINE_KINDS)[number]

/** One thing to be done to some peers. */
export interface Fault {
  readonly kind: FaultKind
  /** Selectors: names, `creator`, `bootstrap`, `30%`, … spec/testnet.md#targets */
  readonly targets: readonly string[]
  /** The other side of a partition or link; everybody else when absent. */
  readonly against?: readonly string[]
  /** Seen from the targets. */
  readonly direction?: 'both' | 'in' | 'out'
  readonly lossBps?: number
  readonly latencyMs?: number
  readonly jitterMs?: number
  readonly bytesPerS?: number
  readonly as?: ByzantineKind
  readonly skewMs?: number
  readonly driftBps?: number
  /** A restarted peer finds nothing but its keys. */
  readonly fresh?: boolean
  /** The fault ends by itself after this long. */
  readonly forMs?: number
}

/** A fault as written by a person: everything is text. */
export interface FaultText {
  readonly fault: string
  readonly targets?: string | readonly string[]
  readonly against?: string | readonly string[]
  readonly direction?: string
  readonly loss?: string
  readonly latency?: string
  readonly jitter?: string
  readonly rate?: string
  readonly as?: string
  readonly skew?: string
  readonly drift?: string
  readonly fresh?: boolean
  readonly for?: string
}

/** What each kind takes beyond its targets. */
const FIELDS: Readonly<Record<FaultKind, readonly (keyof FaultText)[]>> = {
  crash: ['for'],
  restart: ['fresh'],
  pause: ['for'],
  resume: [],
  partition: ['against', 'direction', 'for'],
  link: ['against', 'loss', 'latency', 'jitter', 'rate', 'for'],
  byzantine: ['as', 'for'],
  clock: ['skew', 'drift', 'for'],
  heal: []
}
const LINK_FIELDS = ['loss', 'latency', 'jitter', 'rate'] as const
const DIRECTIONS = ['both', 'in', 'out'] as const

/**
 * Understand a fault.
 *
 * @throws {RayswarmError} `ERR_USAGE` naming what is wrong and what is known
 */
export function parseFault(text: FaultText): Fault {
  const kind = oneOf(text.fault, FAULT_KINDS, 'fault')
  for (const [field, value] of Object.entries(text))
    if (value !== undefined && field !== 'fault' && field !== 'targets' && !takes(kind, field))
      throw usage(`fault ${kind}`, field, `a ${kind} takes no ${field}`, `It takes: ${fieldsOf(kind)}.`)
  const targets = listOf(text.targets)
  if (targets.length === 0 && kind !== 'heal')
    throw usage('targets', '', `${kind} whom?`, 'Name peers: node-3, creator, 30%, all, …')
  const against = text.against === undefined ? undefined : listOf(text.against)
  const span = (value: string | undefined, field: string): number | undefined =>
    value === undefined ? undefined : parseSpanMs(value, field)
  const fault: Fault = {
    kind,
    targets,
    ...present({
      against,
      direction: text.direction === undefined ? undefined : oneOf(text.direction, DIRECTIONS, 'direction'),
      lossBps: text.loss === undefined ? undefined : parseShareBps(text.loss, 'loss'),
      latencyMs: span(text.latency, 'latency'),
      jitterMs: span(text.jitter, 'jitter'),
      bytesPerS: text.rate === undefined ? undefined : sizeBytes(text.rate, 'rate'),
      as: text.as === undefined ? undefined : oneOf(text.as, BYZANTINE_KINDS, 'kind of misbehaviour'),
      skewMs: span(text.skew, 'skew'),
      driftBps: text.drift === undefined ? undefined : driftOf(text.drift),
      fresh: text.fresh,
      forMs: span(text.for, 'for')
    })
  }
  requireSense(fault, text)
  return fault
}

function requireSense(fault: Fault, text: FaultText): void {
  const { kind } = fault
  if (kind === 'link' && LINK_FIELDS.every(field => text[field] === undefined))
    throw usage('link', '', 'a link fault needs a loss, latency, jitter or rate', 'Like --loss 10%.')
  if (kind === 'byzantine' && fault.as === undefined)
    throw usage('byzantine', '', 'misbehave how?', `One of: ${BYZANTINE_KINDS.join(', ')}.`)
  if (kind === 'clock' && fault.skewMs === undefined && fault.driftBps === undefined)
    throw usage('clock', '', 'a clock fault needs a skew or a drift', 'Like --skew 5s or --drift 10%.')
  for (const [field, value] of Object.entries({
    for: fault.forMs,
    latency: fault.latencyMs,
    jitter: fault.jitterMs
  }))
    if (value !== undefined && value < 0)
      throw usage(field, text[field as keyof FaultText], `${field} is negative`, 'Give a positive time span.')
}

/** A drift like `10%` or `-10%`: how much faster or slower a clock runs. */
function driftOf(text: string): number {
  const bps = parseShareBps(text.replace(/^[+-]/, ''), 'drift')
  const signed = text.startsWith('-') ? -bps : bps
  if (signed > -10_000) return signed
  throw usage('drift', text, 'a clock that stands still', 'Give a drift above -100%; pause stops a peer.')
}

/** A choice out of a closed list. */
export function oneOf<T extends string>(value: string, known: readonly T[], thing: string): T {
  if ((known as readonly string[]).includes(value)) return value as T
  throw usage(thing, value, `unknown ${thing} "${value}"`, `Known are: ${known.join(', ')}.`)
}

/** `a,b` or a list, as a list. */
export function listOf(value: string | readonly string[] | undefined): string[] {
  const texts = value === undefined ? [] : typeof value === 'string' ? [value] : value
  return texts
    .flatMap(text => text.split(','))
    .map(text => text.trim())
    .filter(text => text !== '')
}

/** How a fault is told in one line. */
export function faultLine(fault: Fault): string {
  const { kind, targets: _, against, direction, forMs, ...rest } = fault
  const details = Object.entries({ ...rest, direction: direction === 'both' ? undefined : direction })
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${field} ${value}`)
  const other = against === undefined ? [] : [`against ${against.join(',')}`]
  const time = forMs === undefined ? [] : [`for ${forMs / 1_000} s`]
  return [kind, ...details, ...other, ...time].join(', ')
}

function takes(kind: FaultKind, field: string): boolean {
  return (FIELDS[kind] as readonly string[]).includes(field)
}

function fieldsOf(kind: FaultKind): string {
  return ['targets', ...FIELDS[kind]].join(', ')
}

function usage(thing: string, value: unknown, message: string, remedy: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', message, { thing, value, remedy })
}
