import type { Amount, EscrowRef, Hex } from '@rayswarm/interface'
import { zeroPadValue } from 'ethers'
import { ESCROW } from './artifacts.ts'
import type { EthersChain } from './ethers-chain.ts'
import { LOG_PAGE_BLOCKS, LOG_PAGES_MAX } from './rpc.ts'

/** An escrow as it was opened. */
export interface OpenedEscrow {
  readonly ref: EscrowRef
  /** sha2-256 digest of the job id. */
  readonly jobHash: Hex
  readonly locked: Amount
}

/** Every escrow that the account of this chain ever opened, newest first: the chain remembers what a lost disk forgot. */
export async function openedEscrows(chain: EthersChain): Promise<OpenedEscrow[]> {
  const { link, chainId, contract, account } = chain
  const { rpc, deployedAtBlock } = link
  const topics = [ESCROW.getEvent('JobOpened')!.topicHash, null, zeroPadValue(account, 32)]
  const found: OpenedEscrow[] = []
  let toBlock = await rpc.ask(() => rpc.connection.getBlockNumber())
  for (let page = 0; page < LOG_PAGES_MAX && toBlock >= deployedAtBlock; page += 1) {
    const fromBlock = Math.max(deployedAtBlock, toBlock - LOG_PAGE_BLOCKS + 1)
    const filter = { address: contract, topics, fromBlock, toBlock }
    const logs = await rpc.ask(() => rpc.connection.getLogs(filter))
    for (const log of logs.toReversed()) {
      const { id, jobHash, amount } = ESCROW.parseLog(log)!.args
      found.push({ ref: { chainId, contract, id }, jobHash, locked: amount })
    }
    toBlock = fromBlock - 1
  }
  return found
}
