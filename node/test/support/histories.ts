import type { Hex } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { payoutsOf, receiptsTree, settle } from '@rayswarm/settlement'
import { jobIdOf, peerIdOf } from '@rayswarm/wire'
import type {
  EventName,
  EventOf,
  HistoryEvent,
  HistoryReceipt,
  HistorySettlement
} from '../../src/testnet/history.ts'

export const JOB = jobIdOf({ name: 'a job' } as never)
export const NODES = ['node-1', 'node-2', 'node-3', 'node-4']
export const slot = { job: JOB, subtask: 0, replica: 0, generation: 0 }
const LOCKED = 100n

/** Peer id of `node-1` to `node-9`. */
export function id(name: string): string {
  return peerIdOf(new Uint8Array(32).fill(Number(name.slice(-1))))
}

/** Account of `node-1` to `node-9`. */
export function account(name: string): string {
  return `0x${name.slice(-1).repeat(40)}`
}

/** 32 bytes that are all the same. */
export function hash(byte: number): Hex {
  return `0x${byte.toString(16).padStart(2, '0').repeat(32)}`
}

export const CAST: HistoryEvent = {
  atMs: 0,
  peer: 'lab',
  event: 'testnet',
  layer: 'process',
  seed: '7',
  leaseTermMs: 5_000,
  peers: [
    ...NODES.map(name => ({
      name,
      peerId: id(name),
      account: account(name),
      role: 'node' as const,
      ...(name === 'node-4' ? { byzantine: 'garbage' } : {})
    })),
    { name: 'creator', peerId: id('creator-9'), account: account('creator-9'), role: 'creator' }
  ]
}

export function say<Name extends EventName>(
  atMs: number,
  peer: string,
  event: Name,
  rest: Omit<EventOf<Name>, 'atMs' | 'peer' | 'event'>
): HistoryEvent {
  return { atMs, peer, event, ...rest } as unknown as HistoryEvent
}

export const judged = (
  atMs: number,
  peer: string,
  node: string,
  more: Partial<EventOf<'judged'>> = {}
): HistoryEvent => say(atMs, peer, 'judged', { ...slot, node, verdict: 'accepted', ...more })

/** A certificate, as the judge that saw it tells. */
export const committed = (
  atMs: number,
  peer: string,
  node: string,
  more: Partial<EventOf<'committed'>> = {}
): HistoryEvent => say(atMs, peer, 'committed', { ...slot, node, price: '40', seal: hash(5), ...more })

/** A receipt for subtask 0. */
export function receipt(node: string, more: Partial<HistoryReceipt> = {}): HistoryReceipt {
  const { job: _, ...replica } = slot
  return { ...replica, node: id(node), account: account(node), gross: '40', digest: hash(6), ...more }
}

/** What a witness writes down when it signs. */
export function signed(receipts: readonly HistoryReceipt[], peer = 'node-3', job = JOB): HistoryEvent {
  return say(65, peer, 'signed', { job, receiptsRoot: rootOf(receipts, job), receipts: [...receipts] })
}

export function rootOf(receipts: readonly HistoryReceipt[], job = JOB): Hex {
  return receiptsTree(receipts.map(each => wholeOf(each, job))).root
}

function wholeOf({ subtask, replica, generation, gross, ...rest }: HistoryReceipt, job: string) {
  return { ...rest, replica: { job, subtask, replica, generation }, gross: BigInt(gross) }
}

/** What the contract does with these receipts. */
export function settlement(
  receipts: readonly HistoryReceipt[],
  more: Partial<HistorySettlement> = {},
  job = JOB
): HistorySettlement {
  // Whoever pays one replica twice does so whatever our rules say: each receipt counts as another replica here.
  const apart = receipts.map((each, replica) => wholeOf({ ...each, replica }, job))
  const { paid, burned, treasury, refunded, credits } = settle(LOCKED, payoutsOf(apart), PAYOUT_SPLIT)
  return {
    txHash: hash(1),
    receiptsRoot: rootOf(receipts, job),
    paid: String(paid),
    burned: String(burned),
    treasury: String(treasury),
    refunded: String(refunded),
    credits: credits.map(({ account: who, amount }) => ({ account: who, amount: String(amount) })),
    ...more
  }
}

/** What the chain says of a job with one escrow. */
export function chain(
  settlements: readonly HistorySettlement[],
  more: Partial<EventOf<'chain'>['escrows'][number]> = {},
  job = JOB
): HistoryEvent {
  const escrow = { id: hash(8), locked: String(LOCKED), isRefunded: false, settlements: [...settlements] }
  return say(80, 'lab', 'chain', { job, escrows: [{ ...escrow, ...more }] })
}

/** What is due in a run in which everything went well. */
export const PAID = [receipt('node-1'), receipt('node-2', { subtask: 1 })]

/** A run in which everything went well: two subtasks, one replica each. */
export function goodRun(): HistoryEvent[] {
  return [
    CAST,
    ...NODES.map(name => say(1, name, 'started', { peerId: id(name), pid: 1, cpuMs: 500 })),
    say(5, 'lab', 'ready', { seconds: 4.5 }),
    say(10, 'creator', 'published', { job: JOB, subtaskCount: 2, locked: '100' }),
    ...NODES.map((name, index) => say(20 + index, name, 'offer', { job: JOB })),
    say(30, 'node-1', 'lease', { ...slot, fence: 1 }),
    say(40, 'node-1', 'executed', { ...slot, elapsedMs: 10 }),
    committed(50, 'node-3', id('node-1')),
    committed(50, 'node-2', id('node-1')),
    committed(50, 'node-3', id('node-2'), { subtask: 1 }),
    judged(60, 'creator', id('node-1')),
    say(61, 'creator', 'accepted', { job: JOB, subtask: 0 }),
    say(61, 'creator', 'accepted', { job: JOB, subtask: 1 }),
    signed(PAID),
    signed(PAID, 'node-2'),
    say(70, 'node-3', 'settled', { job: JOB, txHash: hash(1), paid: '72' }),
    chain([settlement(PAID)])
  ]
}

/** The same run, with other receipts settled: signed by two witnesses, and on the chain. */
export function paying(
  receipts: readonly HistoryReceipt[],
  more: Partial<HistorySettlement> = {}
): HistoryEvent[] {
  const others = goodRun().filter(({ event }) => event !== 'signed' && event !== 'chain')
  return [...others, signed(receipts), signed(receipts, 'node-2'), chain([settlement(receipts, more)])]
}
