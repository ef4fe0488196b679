import type { AccountOrder } from '../account/orders.ts'
import { ensureStake, type StakeJson } from '../account/stake.ts'
import type { Host } from '../compose.ts'
import { present } from '../present.ts'
import { formatTokens, parseTokens } from '../tokens.ts'
import { type AccountOptions, withAccount } from './account.ts'
import type { CommandIo, Outcome } from './command.ts'

export interface StakeRegisterOptions extends AccountOptions {
  readonly amount: string
  readonly operator?: string
}

/** `rayswarm stake register`: put tokens at stake, so that this peer may be drawn as a witness. */
export async function stakeRegister(options: StakeRegisterOptions, io: CommandIo): Promise<Outcome> {
  const amount = String(parseTokens(options.amount, '--amount'))
  const { operator } = options
  return await outcomeOf({ do: 'stake-register', amount, ...present({ operator }) }, options, io)
}

/** `rayswarm stake leave`, `withdraw` and `status`. */
export async function stake(
  what: 'leave' | 'withdraw' | 'status',
  options: AccountOptions,
  io: CommandIo
): Promise<Outcome> {
  return await outcomeOf({ do: `stake-${what}` }, options, io)
}

/** `rayswarm join --stake`: register at start, unless this peer is registered. */
export async function stakeAtStart(host: Host, text: string, { screen }: CommandIo): Promise<void> {
  const classes = async (): Promise<string[]> => host.probes.map(probe => probe.equivalenceClass)
  const json = await ensureStake({ home: host.home, classes, screen }, parseTokens(text, '--stake'))
  screen.say(`stake    ${json === undefined ? 'registered before' : stakeText(json)}`)
}

async function outcomeOf(order: AccountOrder, options: AccountOptions, io: CommandIo): Promise<Outcome> {
  const json = await withAccount<StakeJson>(order, 'node', options, io)
  return { json, text: stakeText(json) }
}

/** Where a registration stands, for people. */
export function stakeText(json: StakeJson): string {
  const { account, state, stake, stakeMin, epoch, epochS, counted, countsFromEpoch } = json
  const staked = `${formatTokens(BigInt(stake))} tokens`
  const waitS = countsFromEpoch === undefined ? 0 : Math.max(0, countsFromEpoch - epoch) * epochS
  const says = {
    none: `nothing at stake; at least ${formatTokens(BigInt(stakeMin))} tokens make a witness`,
    bonded: counted
      ? `${staked} at stake; it counts: this peer may be drawn`
      : `${staked} at stake; it does not count yet${waitS > 0 ? `, but in about ${waitS} s` : ''}`,
    leaving: `${staked} at stake until ${json.withdrawableAt}; then \`rayswarm stake withdraw\``,
    slashed: 'lost its stake: it voted twice as a witness'
  }[state]
  const withdrawn =
    json.withdrawn === undefined ? [] : [`withdrew ${formatTokens(BigInt(json.withdrawn))} tokens`]
  const more = [
    ...(json.classes === undefined ? [] : [`classes   ${json.classes.join(', ')}`]),
    ...(json.operatorTag === undefined ? [] : [`operator  ${json.operatorTag}`])
  ]
  return [...withdrawn, `${account}: ${says}`, ...more].join('\n')
}
