import { ensureFunds } from '../publish/money.ts'
import type { AccountWorld } from './orders.ts'

/** What `rayswarm withdraw --json` prints. spec/cli.md#withdraw */
export interface WithdrawJson {
  readonly account: string
  /** What was paid out, base units as decimal text. */
  readonly amount: string
  /** What the account holds now. */
  readonly balance: string
  /** Absent when there was nothing. */
  readonly txHash?: string
}

/** Pay the account what it earned. */
export async function withdrawCredit(world: AccountWorld): Promise<WithdrawJson> {
  const { chain, account } = world.home
  const own = account.account
  const balance = async (): Promise<string> => String(await chain.balanceOf(own))
  if ((await chain.creditOf(own)) === 0n) return { account: own, amount: '0', balance: await balance() }
  // On a test network an account that never sent anything has nothing to pay the transaction with.
  await ensureFunds(world.home, 0n, world)
  const { amount, txHash } = await chain.withdraw(own)
  return { account: own, amount: String(amount), balance: await balance(), txHash }
}
