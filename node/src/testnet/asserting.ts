import { setTimeout as delay } from 'node:timers/promises'
import { askDigest } from '../status/ask.ts'
import type { PeerDigest } from '../status/peer-status.ts'
import type { Assertion, AssertionText } from './assertions.ts'
import { auditChain } from './chain-audit.ts'
import { check, type Verdict } from './checker.ts'
import { viewOf } from './fault-command.ts'
import { gatherHistory } from './gather.ts'
import type { Laboratory } from './laboratory.ts'
import { disconnection } from './live-view.ts'

const POLL_MS = 500

/** How an assertion came out. */
export interface Asserted {
  readonly assertion: string
  readonly held: boolean
  readonly found: string
}

/** Find out whether something is true, until it is or its time is up, and write it down. */
export async function assertThat(
  lab: Laboratory,
  { text, assertion, withinMs }: AssertionText,
  signal?: AbortSignal
): Promise<Asserted> {
  const untilMs = performance.now() + withinMs
  for (;;) {
    const { held, found } = await look(lab, assertion)
    if (held || performance.now() >= untilMs || signal?.aborted === true) {
      lab.history.write({ event: 'asserted', assertion: text, held, found })
      return { assertion: text, held, found }
    }
    await delay(Math.min(POLL_MS, Math.max(0, untilMs - performance.now())))
  }
}

async function look(lab: Laboratory, assertion: Assertion): Promise<{ held: boolean; found: string }> {
  switch (assertion.kind) {
    case 'connected': {
      const missing = await connection(lab)
      return { held: missing === undefined, found: missing ?? 'everybody is connected' }
    }
    case 'ledgers-equal':
      return await digests(lab, 'ledger')
    case 'offers-equal':
      return await digests(lab, 'offers')
    case 'settled':
    case 'fetched': {
      const jobs = [...viewOf(lab).jobs.values()].filter(({ subtaskCount }) => subtaskCount > 0)
      const done = jobs.filter(job => (assertion.kind === 'settled' ? job.isSettled : job.isFetched))
      return {
        held: jobs.length > 0 && done.length === jobs.length,
        found: `${done.length} of ${jobs.length} jobs are`
      }
    }
    case 'accepted-all': {
      const { accepted, subtasks } = check(await gatherHistory(lab))
      return { held: subtasks > 0 && accepted === subtasks, found: `${accepted} of ${subtasks} subtasks` }
    }
    case 'figure': {
      if (assertion.figure === 'paidTwice' || assertion.figure === 'violations') await auditChain(lab)
      const verdict = check(await gatherHistory(lab))
      const value = figureOf(verdict, assertion.figure)
      const { is, value: wanted } = assertion
      const held = is === '=' ? value === wanted : is === '<=' ? value <= wanted : value >= wanted
      // Of money that moved for nobody knows what, nothing is true.
      const unknown = verdict.violations.find(({ kind }) => kind === 'unaudited')
      if (assertion.figure === 'paidTwice' && unknown !== undefined)
        return { held: false, found: `${value}, but ${unknown.message}` }
      return { held, found: String(value) }
    }
  }
}

function figureOf(verdict: Verdict, figure: Extract<Assertion, { kind: 'figure' }>['figure']): number {
  switch (figure) {
    case 'offerReach.share':
      return verdict.offerReach.share
    case 'offerReach.p99Ms':
      return verdict.offerReach.p99Ms
    case 'recoveryMs':
      return Math.max(0, ...verdict.recoveryMs)
    case 'violations':
      return verdict.violations.length
    default:
      return verdict[figure]
  }
}

async function running(lab: Laboratory): Promise<Set<string>> {
  const candidates = await lab.candidates()
  return new Set(candidates.filter(({ isRunning }) => isRunning).map(({ name }) => name))
}

async function connection(lab: Laboratory): Promise<string | undefined> {
  const names = await running(lab)
  const members = lab.file.peers.filter(({ name }) => names.has(name))
  return disconnection(members, viewOf(lab).connected)
}

async function digests(
  lab: Laboratory,
  field: 'ledger' | 'offers'
): Promise<{ held: boolean; found: string }> {
  const names = await running(lab)
  const peers = lab.file.peers.filter(({ name, byzantine }) => names.has(name) && byzantine === undefined)
  const answers = await Promise.all(peers.map(({ home }) => askDigest(home)))
  const known = answers.filter((answer): answer is PeerDigest => answer !== undefined)
  const versions = new Map<string, number>()
  for (const digest of known) versions.set(digest[field], (versions.get(digest[field]) ?? 0) + 1)
  const counts = known.map(digest => (field === 'ledger' ? digest.ledgerCount : digest.offerCount))
  const held = known.length === peers.length && versions.size <= 1
  const sizes = counts.length === 0 ? 'none' : `${Math.min(...counts)} to ${Math.max(...counts)} items`
  return { held, found: `${versions.size} versions at ${known.length} of ${peers.length} peers, ${sizes}` }
}
