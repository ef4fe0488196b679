import { type Account, type Amount, type Hex, type PayoutSplit, RayswarmError } from '@rayswarm/interface'
import { PAYOUT_SPLIT } from '@rayswarm/params'
import { AbiCoder, concat } from 'ethers'
import { ESCROW_BYTECODE, TOKEN, TOKEN_BYTECODE } from './artifacts.ts'
import { Rpc, type RpcInit } from './rpc.ts'
import { Sender } from './sender.ts'

/** An account gets coins for gas when it holds less than this, and then this much. In wei. */
const GAS_WEI = 10n ** 18n
const RECIPIENT_COUNT_MAX = 1_000

/** Who deploys, and for whom. */
export interface DeployInit extends RpcInit {
  /** Key that deploys. It becomes the minter of the test token. */
  readonly key: Hex
  /** Account that gets the treasury's share. */
  readonly treasury: Account
  readonly split?: PayoutSplit
}

/** A token and an escrow, ready for {@link openChain}. */
export interface Deployment {
  readonly chainId: number
  readonly contract: Account
  readonly token: Account
  readonly deployedAtBlock: number
}

/** Put a work token and an escrow on a chain. For test networks: the deployer may mint. */
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
    return { chainId: init.chainId, contract: contractAddress!, token, deployedAtBlock: blockNumber }
  } finally {
    rpc.close()
  }
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
