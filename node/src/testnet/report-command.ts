import { dirname, join } from 'node:path'
import type { CommonOptions, Outcome } from '../cli/command.ts'
import { EXIT } from '../cli/failure.ts'
import { writeWhole } from '../disk.ts'
import { absolute } from '../swarm-file.ts'
import { auditChain } from './chain-audit.ts'
import { check, type Verdict } from './checker.ts'
import { writeHistory } from './gather.ts'
import { type HistoryEvent, readHistory } from './history.ts'
import { Laboratory } from './laboratory.ts'
import { reportPage } from './report-page.ts'

export interface TestnetReportOptions extends CommonOptions {
  readonly dir: string
  readonly history?: string
  readonly out?: string
}

/** `rayswarm testnet report`: the verdict on what happened, and a page that shows it. Exit 1 on violations. */
export async function testnetReport(options: TestnetReportOptions): Promise<Outcome> {
  const { path, events } =
    options.history === undefined
      ? await gathered(absolute(options.dir))
      : await given(absolute(options.history))
  const verdict = check(events)
  const report = options.out === undefined ? join(dirname(path), 'report.html') : absolute(options.out)
  await writeWhole(report, reportPage(events, verdict), { thing: 'report' })
  return { ...outcomeOf(verdict, { history: path, report }) }
}

/** A verdict as the end of a command. */
export function outcomeOf(verdict: Verdict, files: { history: string; report: string }): Outcome {
  const { violations } = verdict
  return {
    json: { ...verdict, ...files },
    text: [...linesOf(verdict), `history  ${files.history}`, `report   ${files.report}`].join('\n'),
    exitCode: violations.length === 0 ? EXIT.ok : EXIT.failure
  }
}

async function gathered(dir: string): Promise<{ path: string; events: HistoryEvent[] }> {
  const lab = await Laboratory.open(dir)
  try {
    await auditChain(lab).catch(() => {})
    return await writeHistory(lab)
  } finally {
    lab.close()
  }
}

async function given(path: string): Promise<{ path: string; events: HistoryEvent[] }> {
  return { path, events: await readHistory(path) }
}

function linesOf(verdict: Verdict): string[] {
  const { audit, offerReach, recoveryMs, violations, assertions } = verdict
  return [
    `${verdict.scenario || 'testnet'}: ${verdict.accepted} of ${verdict.subtasks} subtasks accepted, ${verdict.paidTwice} paid twice, ${verdict.peers} peers, layer ${verdict.layer}`,
    `${audit.audited} of ${audit.settlements} settlements audited, ${audit.payouts} payouts held against certificates`,
    `ready after ${verdict.readySeconds} s; the offer reached ${(offerReach.share * 100).toFixed(1)} %, p99 ${offerReach.p99Ms} ms`,
    `${verdict.reLeases} leases taken over after crashes: p95 ${verdict.reLeaseP95Ms} ms, longest ${verdict.reLeaseMaxMs} ms`,
    ...(recoveryMs.length > 0 ? [`heard again after partitions: ${recoveryMs.join(', ')} ms`] : []),
    ...assertions.map(
      ({ assertion, held, found }) => `${held ? 'true' : 'NOT TRUE'}: ${assertion} (${found})`
    ),
    violations.length === 0 ? 'no violations' : `${violations.length} VIOLATIONS`,
    ...violations.slice(0, 20).map(({ kind, message }) => `  ${kind}: ${message}`)
  ]
}
