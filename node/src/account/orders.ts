import type { EquivalenceClass } from '@rayswarm/interface'
import { z } from 'zod'
import type { Screen } from '../cli/screen.ts'
import type { Home } from '../compose.ts'

/** What may be done with a peer's account, by whoever may read its directory. Amounts are base units as decimal text. */
export type AccountOrder =
  | { readonly do: 'withdraw' }
  /** Without a job: of all. */
  | { readonly do: 'refund'; readonly job?: string }
  | { readonly do: 'stake-status' | 'stake-leave' | 'stake-withdraw' }
  | { readonly do: 'stake-register'; readonly amount: string; readonly operator?: string }

/** Who carries out an order: the running peer, or a command where none runs. */
export interface AccountWorld {
  readonly home: Home
  /** Equivalence classes this machine executes in. */
  readonly classes: () => Promise<readonly EquivalenceClass[]>
  /** Lines for whoever gave the order. */
  readonly screen: Pick<Screen, 'say'>
}

const TEXT_CHARS_MAX = 256

/** Orders as they come over the peer's endpoint. */
export const accountOrderSchema: z.ZodType<AccountOrder> = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('withdraw') }),
  z.strictObject({ do: z.literal('refund'), job: z.string().max(TEXT_CHARS_MAX).exactOptional() }),
  z.strictObject({ do: z.enum(['stake-status', 'stake-leave', 'stake-withdraw']) }),
  z.strictObject({
    do: z.literal('stake-register'),
    amount: z.string().regex(/^\d{1,20}$/),
    operator: z.string().max(TEXT_CHARS_MAX).exactOptional()
  })
])

/**
 * Carry out an order. The answer is what `--json` prints.
 *
 * @throws {RayswarmError} `ERR_USAGE` and what the chain throws
 */
export async function carryOut(order: AccountOrder, world: AccountWorld): Promise<object> {
  switch (order.do) {
    case 'withdraw':
      return await (await import('./withdraw.ts')).withdrawCredit(world)
    case 'refund':
      return await (await import('./refund.ts')).refundEscrows(world, order.job)
    default:
      return await (await import('./stake.ts')).carryOutStake(order, world)
  }
}
