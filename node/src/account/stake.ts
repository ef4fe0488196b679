import { type ChainRegistry, openRegistry, REGISTRY } from '@rayswarm/chain'
import { type Amount, RayswarmError } from '@rayswarm/interface'
import { REGISTRATION_DELAY_EPOCHS } from '@rayswarm/params'
import type { Home } from '../compose.ts'
import { present } from '../present.ts'
import { ensureFunds } from '../publish/money.ts'
import { formatTokens } from '../tokens.ts'
import type { AccountOrder, AccountWorld } from './orders.ts'
import { instantOf, type Refusal, refusalOf } from './refusal.ts'
import { requireRegistry } from './registry.ts'

/** What `rayswarm stake … --json` prints. Amounts are base units as decimal text. spec/cli.md#stake */
export interface StakeJson {
  readonly account: string
  readonly peerId: string
  readonly registry: string
  readonly state: 'none' | 'bonded' | 'leaving' | 'slashed'
  readonly stake: string
  /** Least stake of the registry. */
  readonly stakeMin: string
  readonly epoch: number
  readonly epochS: number
  /** Whether witnesses are drawn from this registration now. */
  readonly counted: boolean
  /** Right after registering: from which epoch on it counts. */
  readonly countsFromEpoch?: number
  readonly classes?: readonly string[]
  readonly operatorTag?: string
  /** When an account that left gets its stake, ISO 8601. */
  readonly withdrawableAt?: string
  /** What was paid back. */
  readonly withdrawn?: string
  readonly txHash?: string
}

type StakeOrder = Exclude<AccountOrder, { readonly do: 'withdraw' | 'refund' }>

/** @throws {RayswarmError} `ERR_USAGE` when the swarm has no registry on its chain, and what the registry refuses */
export async function carryOutStake(order: StakeOrder, world: AccountWorld): Promise<StakeJson> {
  const registry = await registryOf(world.home)
  if (order.do === 'stake-register')
    return await register(registry, world, BigInt(order.amount), order.operator)
  if (order.do === 'stake-leave') return await leave(registry, world)
  if (order.do === 'stake-withdraw') return await withdraw(registry, world)
  return await stakeOf(registry, world.home)
}

/** Register this peer unless it is. Answers what is at stake, and undefined if it was registered before. */
export async function ensureStake(world: AccountWorld, amount: Amount): Promise<StakeJson | undefined> {
  const registry = await registryOf(world.home)
  const { state } = await stakeOf(registry, world.home)
  return state === 'bonded' ? undefined : await register(registry, world, amount, undefined)
}

async function registryOf({ swarm, chain, context }: Home): Promise<ChainRegistry> {
  return await openRegistry(chain, { registry: requireRegistry(swarm), identity: context.identity })
}

async function stakeOf(registry: ChainRegistry, home: Home): Promise<StakeJson> {
  const { account } = home.account
  const { peerId } = home.context.identity
  const [{ stake, withdrawableAtS, slashed }, stakeMin, epoch] = await Promise.all([
    registry.stakeOf(account),
    stakeMinOf(registry, home),
    registry.epoch()
  ])
  const { entries } = await registry.snapshot(epoch)
  const entry = entries.find(({ peer }) => peer === peerId)
  const state = slashed ? 'slashed' : withdrawableAtS > 0 ? 'leaving' : stake > 0n ? 'bonded' : 'none'
  return {
    account,
    peerId,
    registry: registry.registry,
    state,
    stake: String(stake),
    stakeMin: String(stakeMin),
    epoch,
    epochS: registry.epochS,
    counted: entry !== undefined,
    ...present({
      classes: entry?.classes,
      operatorTag: entry?.operatorTag === '' ? undefined : entry?.operatorTag,
      withdrawableAt: state === 'leaving' ? instantOf(withdrawableAtS) : undefined
    })
  }
}

async function register(
  registry: ChainRegistry,
  world: AccountWorld,
  amount: Amount,
  operator: string | undefined
): Promise<StakeJson> {
  const { home, screen } = world
  const before = await stakeOf(registry, home)
  const least = BigInt(before.stakeMin) - BigInt(before.stake)
  if (amount < least)
    throw new RayswarmError(
      'ERR_USAGE',
      `${formatTokens(amount)} tokens are too little: the registry asks for ${formatTokens(BigInt(before.stakeMin))}`,
      { thing: 'stake', value: formatTokens(amount), remedy: `Stake at least ${formatTokens(least)}.` }
    )
  const classes = await world.classes()
  await ensureFunds(home, amount, { screen, use: 'are to be staked' })
  try {
    const { txHash } = await registry.register({ stake: amount, classes, ...present({ operator }) })
    const epoch = await presentEpoch(registry, home)
    const after = await stakeOf(registry, home)
    const countsFromEpoch = after.counted ? undefined : epoch + REGISTRATION_DELAY_EPOCHS
    return { ...after, ...present({ countsFromEpoch }), txHash }
  } catch (error) {
    throw refusalOf(error, {
      AlreadySlashed: () => ({
        message: `account ${before.account} lost its stake: it voted twice as a witness`,
        thing: 'account',
        value: before.account,
        remedy: 'Take another account, in a data directory of its own.'
      }),
      Unbonding: () => ({
        message: `account ${before.account} is leaving, until ${before.withdrawableAt}`,
        thing: 'account',
        value: before.account,
        remedy: 'Then `rayswarm stake withdraw`, and register again.'
      })
    })
  }
}

async function leave(registry: ChainRegistry, { home, screen }: AccountWorld): Promise<StakeJson> {
  await ensureFunds(home, 0n, { screen })
  try {
    const { txHash } = await registry.leave()
    return { ...(await stakeOf(registry, home)), txHash }
  } catch (error) {
    throw refusalOf(error, { NotRegistered: () => notStaked(home, 'has no stake, or has left already') })
  }
}

async function withdraw(registry: ChainRegistry, { home, screen }: AccountWorld): Promise<StakeJson> {
  const before = await stakeOf(registry, home)
  await ensureFunds(home, 0n, { screen })
  try {
    const { txHash } = await registry.withdrawStake(before.account)
    return { ...(await stakeOf(registry, home)), withdrawn: before.stake, txHash }
  } catch (error) {
    throw refusalOf(error, {
      NotLeaving: () => notStaked(home, 'has not left'),
      StillBonded: () => ({
        message: `the stake of ${formatTokens(BigInt(before.stake))} tokens stays until ${before.withdrawableAt}`,
        thing: 'stake',
        value: formatTokens(BigInt(before.stake)),
        remedy: 'Ask again then: until that time it answers for what the peer signed.'
      })
    })
  }
}

function notStaked({ account }: Home, why: string): Refusal {
  return {
    message: `account ${account.account} ${why}`,
    thing: 'account',
    value: account.account,
    remedy: 'See `rayswarm stake status`; `rayswarm stake leave` comes before `rayswarm stake withdraw`.'
  }
}

async function stakeMinOf({ registry }: ChainRegistry, { chain }: Home): Promise<Amount> {
  return (await chain.link.rpc.read(registry, REGISTRY, 'stakeMin', []))[0] as Amount
}

/** Of the newest block, final or not. */
async function presentEpoch({ registry }: ChainRegistry, { chain }: Home): Promise<number> {
  return Number((await chain.link.rpc.read(registry, REGISTRY, 'epoch', []))[0])
}
