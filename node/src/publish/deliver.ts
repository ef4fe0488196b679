import type { Amount, JobSpec, SettlementOutcome } from '@rayswarm/interface'
import type { JobReport } from '@rayswarm/peer'
import { shortPeer } from '../cli/screen.ts'
import { present } from '../present.ts'
import { formatTokens } from '../tokens.ts'
import { writeContactSheet } from './contact-sheet.ts'
import { writeFilm } from './film.ts'
import { type PictureDir, pngsOf } from './pictures.ts'
import { type NodeShare, receiptsFault, sharesOf, writeReceipt, writeReport } from './settlement-files.ts'

/** A settled job, ready to be handed over. */
export interface Delivery {
  readonly report: JobReport
  readonly spec: JobSpec
  readonly dir: PictureDir
  readonly wallSeconds: number
  readonly signal: AbortSignal
}

/** What `rayswarm publish --json` prints. Amounts are base units as decimal text. spec/cli.md#publish */
export interface PublishJson {
  readonly job: string
  readonly name: string
  readonly end: JobReport['end']
  readonly subtasks: number
  readonly accepted: number
  readonly executions: number
  /** Peer ids of nodes that had a result rejected. */
  readonly caught: readonly string[]
  readonly payouts: readonly { readonly peerId: string; readonly account: string; readonly amount: string }[]
  readonly escrow: EscrowJson
  readonly frames: readonly string[]
  readonly contactSheet?: string
  readonly film?: string
  readonly receipt: string
  readonly report: string
  readonly wallSeconds: number
  readonly chainTx: string
}

/** What became of the locked amount: it equals the sum of the rest. */
export interface EscrowJson {
  readonly locked: string
  readonly paid: string
  readonly burned: string
  readonly treasury: string
  readonly refunded: string
}

export function escrowJson(locked: Amount, outcome: SettlementOutcome): EscrowJson {
  const { paid, burned, treasury, refunded } = outcome
  return {
    locked: String(locked),
    paid: String(paid),
    burned: String(burned),
    treasury: String(treasury),
    refunded: String(refunded)
  }
}

export interface Delivered {
  readonly json: PublishJson
  readonly text: string
}

/** Write contact sheet, film, receipt and report, and say how it went. */
export async function deliver({ report, spec, dir, wallSeconds, signal }: Delivery): Promise<Delivered> {
  const pictures = pngsOf(dir)
  const contactSheet = await writeContactSheet(dir.outDir, pictures)
  const film = await writeFilm(dir.outDir, pictures, spec.work.framesPerSecond, signal)
  const shares = sharesOf(report)
  const { locked, outcome } = report
  const json: PublishJson = {
    job: report.job,
    name: spec.name,
    end: report.end,
    subtasks: report.subtaskCount,
    accepted: report.acceptedCount,
    executions: report.executions.length,
    caught: shares.filter(share => share.rejected > 0).map(share => share.peerId),
    payouts: shares
      .filter(share => share.paid > 0n)
      .map(({ peerId, account, paid }) => ({ peerId, account, amount: String(paid) })),
    escrow: escrowJson(locked, outcome),
    frames: pictures,
    ...present({ contactSheet, film }),
    receipt: await writeReceipt(dir.outDir, report),
    report: await writeReport(dir.outDir, report, { name: spec.name, wallSeconds }),
    wallSeconds: Math.round(wallSeconds * 100) / 100,
    chainTx: outcome.txHash
  }
  return { json, text: [...linesOf(json, report, shares), `pictures: ${dir.outDir}`].join('\n') }
}

function linesOf(json: PublishJson, report: JobReport, shares: readonly NodeShare[]): string[] {
  const { paid, burned, treasury, refunded } = report.outcome
  const fault = receiptsFault(report)
  return [
    `${report.end}: ${json.accepted}/${json.subtasks} subtasks in ${json.wallSeconds.toFixed(1)} s, ${json.executions} executions`,
    ...shares.map(
      share =>
        `  ${shortPeer(share.peerId)}  ${share.accepted} accepted, ${share.rejected} rejected, paid ${formatTokens(share.paid)}`
    ),
    `locked ${formatTokens(report.locked)} = paid ${formatTokens(paid)} + burned ${formatTokens(burned)} + treasury ${formatTokens(treasury)} + refunded ${formatTokens(refunded)}`,
    ...(fault === undefined ? [] : [`ERROR: ${fault}`])
  ]
}
