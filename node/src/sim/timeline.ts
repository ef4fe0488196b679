import type { PeerId } from '@rayswarm/interface'
import type { TraceRecord } from '@rayswarm/simulation'
import { decodeRaw } from '@rayswarm/wire'

const WHO_WIDTH = 20

/** Writes what happened in a world as lines for people. */
export class Timeline {
  readonly #startedAtMs: number
  readonly #nameOf: (peer: PeerId) => string
  readonly #isFull: boolean
  /** Copies of one message to several peers: one line. */
  #copies: { readonly record: TraceRecord; count: number } | undefined

  /** `full`: also arrivals and writes, which double and treble what is to be read. */
  constructor(init: { startedAtMs: number; nameOf: (peer: PeerId) => string; full: boolean }) {
    this.#startedAtMs = init.startedAtMs
    this.#nameOf = init.nameOf
    this.#isFull = init.full
  }

  /** The lines that can be written once this has happened too. */
  add(record: TraceRecord): string[] {
    const copies = this.#copies
    if (copies !== undefined && isCopy(record, copies.record)) {
      copies.count++
      return []
    }
    const lines = this.end()
    if (record.kind === 'send') this.#copies = { record, count: 1 }
    else lines.push(...this.#line(record, record.to))
    return lines
  }

  /** What is left to be written. */
  end(): string[] {
    if (this.#copies === undefined) return []
    const { record, count } = this.#copies
    this.#copies = undefined
    return this.#line(record, count === 1 ? record.to : `${count} peers`)
  }

  #line(record: TraceRecord, to: string | undefined): string[] {
    const what = this.#what(record, to === undefined ? '' : this.#nameOf(to))
    if (what === undefined) return []
    const seconds = ((record.atMs - this.#startedAtMs) / 1_000).toFixed(3).padStart(9)
    return [`${seconds}s  ${this.#nameOf(record.who).padEnd(WHO_WIDTH)} ${what}`]
  }

  #what({ kind, about, bytes }: TraceRecord, other: string): string | undefined {
    switch (kind) {
      case 'send':
        return `-> ${other}: ${about} ${bytes === undefined ? '' : wordsOf(bytes)}`
      case 'drop':
        return `-x ${other}: ${about} lost`
      case 'deliver':
        return this.#isFull ? `=> ${other}: ${about} arrived` : undefined
      case 'write':
      case 'delete':
        return this.#isFull ? `${kind} ${about}` : undefined
      case 'event':
        return `* ${about}`
      case 'cut':
      case 'heal':
        return `${kind} ${about} ${other}`.trimEnd()
      default:
        return `${kind.toUpperCase()}`
    }
  }
}

function isCopy(a: TraceRecord, b: TraceRecord): boolean {
  return a.kind === 'send' && a.bytes === b.bytes && a.who === b.who && a.atMs === b.atMs
}

/** A message in a few words: type, size, and which replica it is about. */
function wordsOf(bytes: Uint8Array): string {
  const value = decodeRaw(bytes)?.value
  if (!isRecord(value) || typeof value.t !== 'string') return `${bytes.length} B of nonsense`
  const words = [value.t]
  const body = isRecord(value.b) ? value.b : {}
  const carrier = isRecord(body.cert) ? body.cert : body
  if (isRecord(carrier.replica))
    words.push(`${carrier.replica.subtask}/${carrier.replica.replica}/${carrier.replica.generation}`)
  for (const field of ['fence', 'reason', 'open', 'received', 'about', 'progressBps'])
    if (field in body) words.push(`${field} ${String(body[field])}`)
  return `${words.join(' ')} (${bytes.length} B)`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}
