import { openedEscrows } from '@rayswarm/chain'
import { type EscrowRef, isRayswarmError, type JobId, RayswarmError } from '@rayswarm/interface'
import { escrowSaltOf, jobHashOf, jobOfHash } from '@rayswarm/wire'
import { ensureFunds } from '../publish/money.ts'
import { formatTokens } from '../tokens.ts'
import type { AccountWorld } from './orders.ts'
import { instantOf } from './refusal.ts'

/** What `rayswarm refund --json` prints. Amounts are base units as decimal text. spec/cli.md#refund */
export interface RefundJson {
  readonly account: string
  readonly refunded: readonly {
    readonly job: JobId
    readonly escrow: string
    readonly amount: string
    readonly txHash: string
  }[]
  /** Still locked, and not to be had yet. */
  readonly waiting: readonly {
    readonly job: JobId
    readonly escrow: string
    readonly amount: string
    readonly refundableAt: string
  }[]
  /** Sum of what was refunded. */
  readonly amount: string
}

/** Take back what is locked for jobs whose time is over: for one, or for all that this account ever opened. */
export async function refundEscrows(world: AccountWorld, job: string | undefined): Promise<RefundJson> {
  const { chain, account } = world.home
  const found = job === undefined ? await everyJob(world) : [{ job, ref: escrowOf(world, job) }]
  const refunded: RefundJson['refunded'][number][] = []
  const waiting: RefundJson['waiting'][number][] = []
  for (const { job: id, ref } of found) {
    const { state, locked, refundableAtS } = await chain.escrow(ref)
    if (job !== undefined && state !== 'locked') throw notLocked(job, state)
    if (state !== 'locked') continue
    if (refunded.length + waiting.length === 0) await ensureFunds(world.home, 0n, world)
    const txHash = await tryRefund(world, ref)
    const escrow = { job: id, escrow: ref.id, amount: String(locked) }
    if (txHash === undefined) waiting.push({ ...escrow, refundableAt: instantOf(refundableAtS) })
    else refunded.push({ ...escrow, txHash })
  }
  const [first] = waiting
  if (job !== undefined && first !== undefined)
    throw new RayswarmError(
      'ERR_CHAIN_REVERTED',
      `the ${formatTokens(BigInt(first.amount))} tokens of job ${job} are locked until ${first.refundableAt}`,
      { thing: 'job', value: job, remedy: 'Ask again then, unless the job was settled by that time.' }
    )
  const amount = refunded.reduce((sum, escrow) => sum + BigInt(escrow.amount), 0n)
  return { account: account.account, refunded, waiting, amount: String(amount) }
}

/** Undefined when its time has not come. */
async function tryRefund({ home }: AccountWorld, ref: EscrowRef): Promise<string | undefined> {
  try {
    return (await home.chain.refund(ref)).txHash
  } catch (error) {
    if (isRayswarmError(error) && error.code === 'ERR_CHAIN_REVERTED' && error.value === 'NotRefundableYet')
      return undefined
    throw error
  }
}

async function everyJob({ home }: AccountWorld): Promise<{ job: JobId; ref: EscrowRef }[]> {
  const opened = await openedEscrows(home.chain)
  return opened.map(({ ref, jobHash }) => ({ job: jobOfHash(jobHash), ref }))
}

/** The escrow of a job follows from its id and its creator's account. */
function escrowOf({ home }: AccountWorld, job: string): EscrowRef {
  try {
    const terms = { jobHash: jobHashOf(job), salt: escrowSaltOf(job), amount: 0n, refundAfterS: 0 }
    return home.chain.escrowRef(terms)
  } catch (cause) {
    throw new RayswarmError('ERR_USAGE', `${job} is no job id`, {
      thing: 'job',
      value: job,
      remedy: 'Give the id that publishing printed, or --all.',
      cause
    })
  }
}

function notLocked(job: string, state: string): RayswarmError {
  const why = state === 'none' ? 'this account locked nothing for it' : `its escrow is ${state}`
  return new RayswarmError('ERR_NOT_FOUND', `there is nothing to refund for job ${job}: ${why}`, {
    thing: 'job',
    value: job,
    remedy: 'Name the data directory of its creator with --data; --all refunds whatever is overdue.'
  })
}
