import { join } from 'node:path'
import type { PeerId } from '@rayswarm/interface'
import type { JobReport } from '@rayswarm/peer'
import { receiptsTree } from '@rayswarm/settlement'
import { toJson } from '../cli/command.ts'
import { writeWhole } from '../disk.ts'
import { present } from '../present.ts'

/** What one node did for a job, and got for it. */
export interface NodeShare {
  readonly peerId: PeerId
  readonly account: string
  readonly executions: number
  readonly accepted: number
  readonly rejected: number
  /** Accepted, but not needed for the quorum. */
  readonly surplus: number
  /** Net credit, base units. */
  readonly paid: bigint
}

/** A job's executions by node. Nodes that share an account share its credit: the first is named with it. */
export function sharesOf(report: JobReport): NodeShare[] {
  const credits = new Map(
    report.outcome.credits.map(({ account, amount }) => [account.toLowerCase(), amount])
  )
  const nodes = new Map<PeerId, (typeof report.executions)[number][]>()
  for (const execution of report.executions) {
    const own = nodes.get(execution.node) ?? []
    nodes.set(execution.node, [...own, execution])
  }
  return [...nodes].map(([peerId, executions]) => {
    const { account } = executions[0]!
    const paid = credits.get(account.toLowerCase()) ?? 0n
    credits.delete(account.toLowerCase())
    return {
      peerId,
      account,
      executions: executions.length,
      accepted: executions.filter(e => e.verdict === 'accepted' && e.reason === undefined).length,
      rejected: executions.filter(e => e.verdict === 'rejected').length,
      surplus: executions.filter(e => e.reason === 'surplus').length,
      paid
    }
  })
}

/** Why our receipts prove nothing, where others were settled. */
export function receiptsFault({ receiptsRoot, ownReceiptsRoot }: JobReport): string | undefined {
  if (ownReceiptsRoot === undefined) return undefined
  return `the receipts settled on the chain have the root ${receiptsRoot}, those known here ${ownReceiptsRoot}: they prove nothing`
}

/**
 * Everything a node needs to prove that it was paid what it earned; receipts that prove nothing are left out.
 * spec/cli.md#receipt
 */
export async function writeReceipt(outDir: string, report: JobReport): Promise<string> {
  const tree = receiptsTree(report.receipts)
  const { outcome, escrow, locked } = report
  const error = receiptsFault(report)
  const proven = error === undefined ? report.receipts : []
  const receipt = {
    job: report.job,
    ...present({ error }),
    escrow,
    receiptsRoot: report.receiptsRoot,
    settlement: { locked, ...outcome },
    receipts: proven.map((receipt, index) => ({ ...receipt, proof: tree.proof(index) }))
  }
  const path = join(outDir, 'receipt.json')
  await writeWhole(path, `${pretty(receipt)}\n`, { thing: 'receipt' })
  return path
}

/** Who did what. spec/cli.md#report */
export async function writeReport(
  outDir: string,
  report: JobReport,
  more: Readonly<Record<string, unknown>>
): Promise<string> {
  const path = join(outDir, 'report.json')
  const { receipts: _, ...rest } = report
  const error = receiptsFault(report)
  await writeWhole(
    path,
    `${pretty({ ...present({ error }), ...rest, nodes: sharesOf(report), ...more })}\n`,
    { thing: 'report' }
  )
  return path
}

function pretty(value: unknown): string {
  return JSON.stringify(JSON.parse(toJson(value)), undefined, 2)
}
