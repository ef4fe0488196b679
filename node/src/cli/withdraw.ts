import type { WithdrawJson } from '../account/withdraw.ts'
import { formatTokens } from '../tokens.ts'
import { type AccountOptions, withAccount } from './account.ts'
import type { CommandIo, Outcome } from './command.ts'

/** `rayswarm withdraw`: pay the account what it earned. */
export async function withdraw(options: AccountOptions, io: CommandIo): Promise<Outcome> {
  const json = await withAccount<WithdrawJson>({ do: 'withdraw' }, 'node', options, io)
  const { account, amount, balance } = json
  const paid = amount === '0' ? 'there was nothing to withdraw' : `withdrew ${tokens(amount)} tokens`
  return { json, text: `${paid}; ${account} holds ${tokens(balance)}` }
}

function tokens(baseUnits: string): string {
  return formatTokens(BigInt(baseUnits))
}
