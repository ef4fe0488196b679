import { closeSync, openSync, writeSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { RayswarmError } from '@rayswarm/interface'
import { z } from 'zod'
import { diskFailure } from '../disk.ts'

/** Longest history that is read: below what a text can hold. A run of 64 peers and 500 subtasks writes about 30 MB. */
const HISTORY_SIZE_BYTES_MAX = 256 * 1024 * 1024

/** Where a peer process writes what happened to it, and what the merged history of a run is called. */
export const HISTORY_FILE = 'history.jsonl'
/** Who writes what was done to the peers. */
export const LAB = 'lab'

const name = z.string().min(1).max(128)
const count = z.int().nonnegative()
const ms = z.number().nonnegative()
const amount = z.string().regex(/^\d{1,30}$/)
const hash = z.string().regex(/^0x[\da-f]{64}$/)
const replica = { job: name, subtask: count, replica: count, generation: count }
const said = { atMs: z.number(), peer: name }

const peerRecord = z.object({
  name,
  peerId: name,
  account: name,
  role: z.enum(['node', 'creator']),
  byzantine: z.string().optional()
})

/** A receipt of a job, which is named beside it. */
const receipt = z.object({
  subtask: count,
  replica: count,
  generation: count,
  node: name,
  account: name,
  gross: amount,
  digest: hash
})

/** One settlement, as the chain recorded it. */
const settlement = z.object({
  txHash: hash,
  receiptsRoot: hash,
  paid: amount,
  burned: amount,
  treasury: amount,
  refunded: amount,
  credits: z.array(z.object({ account: name, amount }))
})

const schema = z.discriminatedUnion('event', [
  // What was done to the peers, and what was asked of them.
  z.object({
    ...said,
    event: z.literal('testnet'),
    layer: z.enum(['process', 'namespace']),
    seed: z.string(),
    leaseTermMs: ms,
    peers: z.array(peerRecord)
  }),
  z.object({ ...said, event: z.literal('scenario'), scenario: z.string() }),
  z.object({ ...said, event: z.literal('ready'), seconds: z.number() }),
  z.object({
    ...said,
    event: z.literal('fault'),
    id: count,
    fault: z.string(),
    targets: z.array(name),
    against: z.array(name).optional(),
    forMs: ms.optional(),
    detail: z.string().optional()
  }),
  z.object({ ...said, event: z.literal('fault-ended'), id: count }),
  z.object({
    ...said,
    event: z.literal('asserted'),
    assertion: z.string(),
    held: z.boolean(),
    found: z.string()
  }),
  z.object({ ...said, event: z.literal('died'), target: name }),
  z.object({
    ...said,
    event: z.literal('chain'),
    job: name,
    escrows: z.array(
      z.object({
        id: name,
        locked: amount,
        isRefunded: z.boolean(),
        settlements: z.array(settlement)
      })
    )
  }),
  z.object({ ...said, event: z.literal('ended') }),
  // What a peer process says of itself.
  z.object({ ...said, event: z.literal('started'), peerId: name, pid: count, cpuMs: ms }),
  z.object({ ...said, event: z.literal('stopped') }),
  z.object({ ...said, event: z.literal('connected'), with: name }),
  z.object({ ...said, event: z.literal('disconnected'), with: name }),
  z.object({ ...said, event: z.literal('heard'), from: name }),
  z.object({ ...said, event: z.literal('offer'), job: name }),
  z.object({ ...said, event: z.literal('published'), job: name, subtaskCount: count, locked: amount }),
  z.object({
    ...said,
    event: z.literal('drawn'),
    job: name,
    view: count,
    witnessCount: count,
    quorum: count
  }),
  z.object({ ...said, event: z.literal('equivocated'), job: name, witness: name }),
  z.object({ ...said, event: z.literal('granted'), ...replica, node: name }),
  z.object({ ...said, event: z.literal('lapsed'), ...replica, node: name }),
  z.object({ ...said, event: z.literal('committed'), ...replica, node: name, price: amount, seal: hash }),
  z.object({
    ...said,
    event: z.literal('signed'),
    job: name,
    receiptsRoot: hash,
    receipts: z.array(receipt)
  }),
  z.object({
    ...said,
    event: z.literal('judged'),
    ...replica,
    node: name,
    verdict: z.string(),
    reason: z.string().optional()
  }),
  z.object({ ...said, event: z.literal('accepted'), job: name, subtask: count }),
  z.object({ ...said, event: z.literal('settled'), job: name, txHash: z.string(), paid: amount }),
  z.object({ ...said, event: z.literal('expired'), job: name, acceptedCount: count, subtaskCount: count }),
  z.object({ ...said, event: z.literal('failed'), job: name, message: z.string() }),
  z.object({ ...said, event: z.literal('fetched'), job: name, frameCount: count }),
  z.object({ ...said, event: z.literal('lease'), ...replica, fence: count, waitedMs: count.exactOptional() }),
  z.object({ ...said, event: z.literal('lease-lost'), ...replica, fence: count }),
  z.object({ ...said, event: z.literal('executed'), ...replica, elapsedMs: ms }),
  z.object({ ...said, event: z.literal('execution-failed'), ...replica, message: z.string() }),
  z.object({ ...said, event: z.literal('paid'), job: name, credit: amount }),
  z.object({ ...said, event: z.literal('faults-applied'), detail: z.string() })
])

/** One line of a history: who says what happened, and when by the machine's clock. spec/testnet.md#history */
export type HistoryEvent = z.infer<typeof schema>
/** A receipt as a line of a history holds it. */
export type HistoryReceipt = z.infer<typeof receipt>
/** One settlement, as the chain recorded it. */
export type HistorySettlement = z.infer<typeof settlement>
/** What happened, by name. */
export type EventName = HistoryEvent['event']
/** One kind of event. */
export type EventOf<Name extends EventName> = Extract<HistoryEvent, { event: Name }>
type WithoutFrame<T> = T extends unknown ? Omit<T, 'atMs' | 'peer'> : never
/** An event before time and author are put to it. */
export type Happening = WithoutFrame<HistoryEvent>

/** Appends events to a file, a line each, at once: a process that is killed has said what it knew. */
export class HistoryFile {
  readonly #fd: number
  readonly #peer: string
  #open = true

  constructor(path: string, peer: string) {
    this.#fd = openSync(path, 'a', 0o600)
    this.#peer = peer
  }

  write(happening: Happening, atMs = Date.now()): HistoryEvent {
    const { event, ...rest } = happening
    const line = { atMs, peer: this.#peer, event, ...rest } as HistoryEvent
    if (this.#open) writeSync(this.#fd, `${JSON.stringify(line)}\n`)
    return line
  }

  close(): void {
    if (this.#open) closeSync(this.#fd)
    this.#open = false
  }
}

/** A line of a history, or undefined when it is none. */
export function parseEvent(line: string): HistoryEvent | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/**
 * Read a history.
 *
 * @throws {RayswarmError} `ERR_FILE_MISSING`; `ERR_OVERSIZED`; `ERR_USAGE` naming the line that is none
 */
export async function readHistory(path: string): Promise<HistoryEvent[]> {
  const failed = (error: unknown): never => {
    throw diskFailure(error, 'history file', path)
  }
  const { size } = await stat(path).catch(failed)
  if (size > HISTORY_SIZE_BYTES_MAX)
    throw new RayswarmError('ERR_OVERSIZED', `history file ${path} is too long`, {
      thing: 'history file',
      value: path,
      remedy: `Histories of at most ${HISTORY_SIZE_BYTES_MAX} bytes are read.`
    })
  return parseHistory(await readFile(path, 'utf8').catch(failed), path)
}

/** The events of a text, in the order of time. A killed process leaves a last line unfinished: that one may be missing. */
export function parseHistory(text: string, path: string): HistoryEvent[] {
  const lines = text.split('\n')
  const events: HistoryEvent[] = []
  lines.forEach((line, index) => {
    if (line.trim() === '') return
    const event = parseEvent(line)
    if (event !== undefined) events.push(event)
    else if (index < lines.length - 1)
      throw new RayswarmError('ERR_USAGE', `history file ${path}, line ${index + 1} is not an event`, {
        thing: 'history file',
        value: line.slice(0, 120),
        remedy: 'Give the history.jsonl of a testnet; spec/testnet.md#history lists the events.'
      })
  })
  return inOrder(events)
}

/** Events of many peers as one history. Stable, so that what one peer says stays in its order. */
export function inOrder(events: readonly HistoryEvent[]): HistoryEvent[] {
  return events.toSorted((a, b) => a.atMs - b.atMs)
}
