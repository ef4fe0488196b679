import { readFileSync } from 'node:fs'
import type { PeerId } from '@rayswarm/interface'
import pc from 'picocolors'
import { shortPeer } from '../cli/screen.ts'
import { tableOf } from '../cli/table.ts'
import { present } from '../present.ts'
import { type EscrowJson, escrowJson, type PublishJson } from '../publish/deliver.ts'
import { formatTokens } from '../tokens.ts'
import type { Audit } from './audit.ts'
import type { DemoNode } from './world.ts'

/** Last line of `npm run demo -- --json`. Amounts are base units as decimal text. spec/cli.md#demo */
export interface DemoJson {
  readonly job: string
  readonly subtasks: number
  readonly accepted: number
  readonly executions: number
  /** Nodes that were told to lie, by name. */
  readonly liars: readonly string[]
  /** Nodes that had a result rejected, by name. */
  readonly caught: readonly string[]
  /** What the chain credited, one per node that got anything. */
  readonly payouts: readonly {
    readonly node: string
    readonly peerId: PeerId
    readonly account: string
    readonly amount: string
  }[]
  readonly escrow: EscrowJson
  readonly frames: readonly string[]
  readonly contactSheet?: string
  readonly film?: string
  readonly receipt: string
  readonly report: string
  readonly wallSeconds: number
  readonly chainTx: string
}

export function demoJson(
  nodes: readonly DemoNode[],
  published: PublishJson,
  { locked, outcome, credits }: Audit,
  wallSeconds: number
): DemoJson {
  const { job, subtasks, accepted, executions, frames, receipt, report, contactSheet, film } = published
  return {
    job,
    subtasks,
    accepted,
    executions,
    liars: nodes.filter(({ liar }) => liar).map(({ name }) => name),
    caught: nodes.filter(({ peerId }) => published.caught.includes(peerId)).map(({ name }) => name),
    payouts: nodes.flatMap(({ name, peerId, account }, index) => {
      const amount = credits[index]!
      return amount > 0n ? [{ node: name, peerId, account, amount: String(amount) }] : []
    }),
    escrow: escrowJson(locked, outcome),
    frames,
    ...present({ contactSheet, film }),
    receipt,
    report,
    wallSeconds,
    chainTx: outcome.txHash
  }
}

/** What a person reads at the end: who did what, who lied, where the money and the pictures are. */
export function summaryOf(
  nodes: readonly DemoNode[],
  published: PublishJson,
  { locked, outcome, credits, faults }: Audit,
  wallSeconds: number
): string {
  const { subtasks, accepted, executions, contactSheet, film } = published
  const { paid, burned, treasury, refunded } = outcome
  const money = [
    ['locked by the creator', locked],
    ['paid to nodes', paid],
    ['burned', burned],
    ['treasury', treasury],
    ['back to the creator', refunded]
  ] as const
  return [
    '',
    `${pc.bold(`${accepted}/${subtasks} subtasks accepted`)} in ${wallSeconds.toFixed(1)} s, ${executions} executions`,
    '',
    nodesTable(nodes, published, credits),
    '',
    ...lieLines(nodes, published),
    ...money.map(([what, amount]) => `${what.padEnd(22)} ${formatTokens(amount).padStart(12)}`),
    pc.dim(`as the chain says, in transaction ${outcome.txHash}`),
    ...faults.map(fault => pc.red(`the books do not balance: ${fault}`)),
    '',
    ...(film === undefined ? [] : [`film      ${film}`]),
    ...(contactSheet === undefined ? [] : [`sheet     ${contactSheet}`]),
    `receipt   ${published.receipt}`,
    `report    ${published.report}`
  ].join('\n')
}

/** One entry of `nodes` in `report.json`. */
interface ReportedNode {
  readonly peerId: PeerId
  readonly executions: number
  readonly accepted: number
  readonly rejected: number
}

function nodesTable(nodes: readonly DemoNode[], { report }: PublishJson, credits: readonly bigint[]): string {
  const reported = JSON.parse(readFileSync(report, 'utf8')).nodes as readonly ReportedNode[]
  const rows = nodes.map(({ name, peerId, liar }, index) => {
    const own = reported.find(node => node.peerId === peerId)
    const counts = [own?.executions ?? 0, own?.accepted ?? 0, own?.rejected ?? 0]
    return [liar ? `${name} (liar)` : name, shortPeer(peerId), ...counts, formatTokens(credits[index]!)]
  })
  return tableOf(['node', 'peer', 'executions', 'accepted', 'rejected', 'paid'], rows)
}

function lieLines(nodes: readonly DemoNode[], { caught }: PublishJson): string[] {
  const liars = nodes.filter(({ liar }) => liar)
  if (liars.length === 0) return []
  const escaped = liars.filter(({ peerId }) => !caught.includes(peerId))
  const names = (list: readonly DemoNode[]): string => list.map(({ name }) => name).join(', ')
  return escaped.length === 0
    ? [pc.green(`lied: ${names(liars)}; caught: all of them`), '']
    : [pc.yellow(`lied: ${names(liars)}; ${names(escaped)} got no work to lie about`), '']
}
