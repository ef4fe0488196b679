import { RayswarmError } from '@rayswarm/interface'
import type { RefundJson } from '../account/refund.ts'
import { present } from '../present.ts'
import { formatTokens } from '../tokens.ts'
import { type AccountOptions, withAccount } from './account.ts'
import type { CommandIo, Outcome } from './command.ts'
import { shortJob } from './screen.ts'

export interface RefundOptions extends AccountOptions {
  readonly all?: boolean
}

/** `rayswarm refund`: take back what is locked for jobs that nobody settled in time. */
export async function refund(
  job: string | undefined,
  options: RefundOptions,
  io: CommandIo
): Promise<Outcome> {
  if ((job === undefined) !== (options.all === true))
    throw new RayswarmError('ERR_USAGE', 'name one job, or say --all', {
      thing: 'job',
      value: job ?? 'none',
      remedy: 'Give the id that publishing printed, or --all for every overdue job of this account.'
    })
  const json = await withAccount<RefundJson>({ do: 'refund', ...present({ job }) }, 'creator', options, io)
  const { refunded, waiting, amount } = json
  const lines = [
    ...refunded.map(escrow => `${shortJob(escrow.job)}  refunded ${tokens(escrow.amount)}`),
    ...waiting.map(
      escrow => `${shortJob(escrow.job)}  ${tokens(escrow.amount)} locked until ${escrow.refundableAt}`
    ),
    `refunded ${tokens(amount)} tokens of ${refunded.length} jobs to ${json.account}`
  ]
  return { json, text: lines.join('\n') }
}

function tokens(baseUnits: string): string {
  return formatTokens(BigInt(baseUnits))
}
