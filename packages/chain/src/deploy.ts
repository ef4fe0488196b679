import { type Account, type Amount, type Hex, type PayoutSplit, RayswarmError } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { AbiCoder, concat } from 'ethers'
import { ESCROW_BYTECODE, REGISTRY_BYTECODE, TOKEN, TOKEN_BYTECODE } from './artifacts.ts'
import { Rpc, type RpcInit } from './rpc.ts'
import { Sender } from './sender.ts'

/** An account gets coins for gas when it holds less than this, and then this much. In wei. */
const GAS_WEI = 10n ** 18n
const RECIPIENT_COUNT_MAX = 1_000
/** Short, so that a new test network need not wait long for its first witnesses. */
const REGISTRY_TERMS: RegistryTerms = { epochS: 10, unbondingS: 3_600, stakeMin: 1_000_000n }

/** Who deploys, and for whom. */
export interface DeployInit extends RpcInit {
  /** Key that deploys. It becomes the minter of the test token. */
  readonly key: Hex
  /** Account that gets the treasury's share. */
  readonly treasury: Account
  readonly split?: PayoutSplit
  readonly registry?: RegistryTerms
}

/** What a registry asks of those who register. */
export interface RegistryTerms {
  /** Length of an epoch in seconds. */
  readonly epochS: number
  /** Stakes stay this long after their account has left: longer than any job takes. */
  readonly unbondingS: number
  readonly stakeMin: Amount
}

/** A token, an escrow and a registry, ready for {@link openChain} and {@link openRegistry}. */
export interface Deployment {
  readonly chainId: number
  readonly contract: Account
  readonly token: Account
  readonly registry: Account
  readonly deployedAtBlock: number
}

/** Put a work token, an escrow and a registry on a chain. For test networks: the deployer may mint. */
export async function deploy(init: DeployInit): Promise<Deployment> {
  const rpc = await Rpc.open(init)
  try {
    const sender = new Sender(rpc, init.key)
    const token = (await sender.send({ data: TOKEN_BYTECODE })).contractAddress!
    const { nodeBps, burnBps, treasuryBps } = init.split ?? PAYOUT_SPLIT
    const args = AbiCoder.defaultAbiCoder().encode(
      ['address', 'address', 'uint256', 'uint256', 'uint256'],
      [token, init.treasury, nodeBps, burnBps, treasuryBps]
    )
    const receipt = await sender.send({ data: concat([ESCROW_BYTECODE, args]) })
    const { contractAddress, blockNumber } = receipt
    const registry = await deployRegistry(sender, token, init.registry ?? REGISTRY_TERMS)
    return {
      chainId: init.chainId,
      contract: contractAddress!,
      token,
      registry,
      deployedAtBlock: blockNumber
    }
  } finally {
    rpc.close()
  }
}

async function deployRegistry(sender: Sender, token: Account, terms: RegistryTerms): Promise<Account> {
  const args = AbiCoder.defaultAbiCoder().encode(
    ['address', 'uint256', 'uint256', 'uint64'],
    [token, terms.epochS, terms.unbondingS, terms.stakeMin]
  )
  return (await sender.send({ data: concat([REGISTRY_BYTECODE, args]) })).contractAddress!
}

/** Which token, and who may mint it. */
export interface FundInit extends RpcInit {
  readonly token: Account
  /** The minter's key; it also pays the coins for gas. */
  readonly key: Hex
}

/** Give accounts of a test network work tokens, and coins for gas where they have none. */
export async function fund(
  init: FundInit,
  recipients: readonly { readonly account: Account; readonly amount: Amount }[]
): Promise<void> {
  if (recipients.length > RECIPIENT_COUNT_MAX)
    throw new RayswarmError('ERR_QUOTA', `more than ${RECIPIENT_COUNT_MAX} accounts at once`, {
      thing: 'accounts',
      value: recipients.length,
      remedy: 'Fund them in several calls.'
    })
  const rpc = await Rpc.open(init)
  try {
    const sender = new Sender(rpc, init.key)
    const give = async (account: Account, amount: Amount): Promise<void> => {
      const gasWei = await rpc.ask(() => rpc.connection.getBalance(account))
      if (gasWei < GAS_WEI) await sender.send({ to: account, value: GAS_WEI })
      const data = TOKEN.encodeFunctionData('mint', [account, amount])
      if (amount > 0n) await sender.send({ to: init.token, data })
    }
    await Promise.all(recipients.map(({ account, amount }) => give(account, amount)))
  } finally {
    rpc.close()
  }
}
