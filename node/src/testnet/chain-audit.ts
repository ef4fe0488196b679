import { join } from 'node:path'
import type { JobId } from '@rayswarm/interface'
import { jobOfHash } from '@rayswarm/wire'
import type { LogDescription } from 'ethers'
import { readJson } from '../disk.ts'
import { CHAIN_FILE, type ChainFile } from './chain-file.ts'
import { gatherHistory } from './gather.ts'
import type { EventOf, HistorySettlement } from './history.ts'
import type { Laboratory } from './laboratory.ts'

type EscrowRecord = EventOf<'chain'>['escrows'][number]

/** What the escrow contract once said, and in which transaction. */
export interface EscrowLog {
  readonly txHash: string
  readonly log: LogDescription
}

/**
 * Write down what the chain says about every job that anybody speaks of: its escrows, and to whom each of their settlements gave
 * what. What is known already is not written again.
 */
export async function auditChain(lab: Laboratory): Promise<void> {
  const { rpcUrl, deployment } = (await readJson(join(lab.dir, CHAIN_FILE), 'chain file')) as ChainFile
  const [{ ESCROW }, { JsonRpcProvider }] = await Promise.all([import('@rayswarm/chain'), import('ethers')])
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { staticNetwork: true })
  try {
    const logs = await provider.getLogs({
      address: deployment.contract,
      fromBlock: deployment.deployedAtBlock,
      toBlock: 'latest'
    })
    const said = logs.flatMap(log => {
      const parsed = ESCROW.parseLog(log)
      return parsed === null ? [] : [{ txHash: log.transactionHash, log: parsed }]
    })
    const onChain = escrowsOf(said)
    const known = new Map<JobId, string>()
    for (const event of await gatherHistory(lab))
      if ('job' in event)
        known.set(
          event.job,
          event.event === 'chain' ? JSON.stringify(event.escrows) : (known.get(event.job) ?? '')
        )
    for (const [job, before] of known) {
      const escrows = onChain.get(job) ?? []
      if (JSON.stringify(escrows) !== before) lab.history.write({ event: 'chain', job, escrows })
    }
  } finally {
    provider.destroy()
  }
}

/** The escrows of each job, with all that became of them. A job that was published again has several. */
export function escrowsOf(said: readonly EscrowLog[]): Map<JobId, EscrowRecord[]> {
  const escrows = new Map<JobId, EscrowRecord[]>()
  for (const { log } of said) {
    if (log.name !== 'JobOpened') continue
    const { id, jobHash, amount } = log.args
    const job = jobOfHash(jobHash)
    const about = said.filter(other => other.log.args.id === id)
    const record: EscrowRecord = {
      id,
      locked: String(amount),
      isRefunded: about.some(other => other.log.name === 'JobRefunded'),
      settlements: about.filter(other => other.log.name === 'JobSettled').map(settlementOf)
    }
    escrows.set(job, [...(escrows.get(job) ?? []), record])
  }
  return escrows
}

function settlementOf({ txHash, log }: EscrowLog): HistorySettlement {
  const { receiptsRoot, paid, burned, treasury, refunded, credits } = log.args
  return {
    txHash,
    receiptsRoot,
    paid: String(paid),
    burned: String(burned),
    treasury: String(treasury),
    refunded: String(refunded),
    credits: [...credits].map(({ account, amount }) => ({ account, amount: String(amount) }))
  }
}
