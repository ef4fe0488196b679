import { RayswarmError } from '@rayswarm/interface'
import { parseSpanMs } from './units.ts'

/** What can be compared with a number: fields of the verdict. spec/testnet.md#verdict */
export const FIGURES = [
  'accepted',
  'executions',
  'paidTwice',
  'readySeconds',
  'offerReach.share',
  'offerReach.p99Ms',
  'reLeaseP95Ms',
  'reLeaseMaxMs',
  'recoveryMs',
  'violations'
] as const
export type Figure = (typeof FIGURES)[number]

/** Something that must be true. */
export type Assertion =
  | {
      readonly kind: 'figure'
      readonly figure: Figure
      readonly is: '<=' | '>=' | '='
      readonly value: number
    }
  | { readonly kind: 'accepted-all' | 'settled' | 'fetched' }
  | { readonly kind: 'connected' | 'ledgers-equal' | 'offers-equal' }

/** An assertion, how long it may take to come true, and how it was written. */
export interface AssertionText {
  readonly text: string
  readonly assertion: Assertion
  readonly withinMs: number
}

const PLAIN = ['settled', 'fetched', 'connected', 'ledgers-equal', 'offers-equal'] as const
const KNOWN = [
  'accepted all',
  'paid-twice 0',
  'violations 0',
  ...PLAIN,
  '<figure> <= <number>, where the figure is one of',
  FIGURES.join(', ')
].join(', ')

/**
 * Understand an assertion like `accepted all`, `ledgers-equal within 30s`, `reLeaseP95Ms <= 10000`.
 *
 * @throws {RayswarmError} `ERR_USAGE` that lists what is known
 */
export function parseAssertion(text: string): AssertionText {
  const [, body = '', within] = /^(.*?)(?:\s+within\s+(\S+))?$/.exec(text.trim().replace(/\s+/g, ' ')) ?? []
  const withinMs = within === undefined ? 0 : parseSpanMs(within, 'within')
  if (withinMs < 0) throw unknown(text)
  const assertion = assertionOf(body)
  if (assertion === undefined) throw unknown(text)
  return { text, assertion, withinMs }
}

function assertionOf(body: string): Assertion | undefined {
  if (body === 'accepted all') return { kind: 'accepted-all' }
  const plain = PLAIN.find(kind => kind === body)
  if (plain !== undefined) return { kind: plain }
  const [, word = '', operator = '=', number = ''] =
    /^([\w.-]+) (?:(<=|>=|=) )?(\d+(?:\.\d+)?)$/.exec(body) ?? []
  const figure = word === 'paid-twice' ? 'paidTwice' : FIGURES.find(name => name === word)
  if (figure === undefined) return undefined
  return { kind: 'figure', figure, is: operator as '<=', value: Number(number) }
}

function unknown(text: string): RayswarmError {
  return new RayswarmError('ERR_USAGE', `unknown assertion "${text}"`, {
    thing: 'assertion',
    value: text,
    remedy: `Known are: ${KNOWN}.`
  })
}
