import { join } from 'node:path'
import { jobHashOf } from '@rayswarm/wire'
import { readJson } from '../disk.ts'
import { CHAIN_FILE, type ChainFile } from './chain-file.ts'
import { viewOf } from './fault-command.ts'
import type { EventOf } from './history.ts'
import type { Laboratory } from './laboratory.ts'

type ChainEvent = Omit<EventOf<'chain'>, 'atMs' | 'peer'>

/** Write down what the chain says about every job: what was locked, and how often and how it was settled. */
export async function auditChain(lab: Laboratory): Promise<void> {
  const jobs = [...viewOf(lab).jobs.values()].filter(({ subtaskCount }) => subtaskCount > 0)
  const { rpcUrl, deployment } = (await readJson(join(lab.dir, CHAIN_FILE), 'chain file')) as ChainFile
  const [{ ESCROW }, { JsonRpcProvider }] = await Promise.all([import('@rayswarm/chain'), import('ethers')])
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { staticNetwork: true })
  try {
    const logs = await provider.getLogs({
      address: deployment.contract,
      fromBlock: deployment.deployedAtBlock,
      toBlock: 'latest'
    })
    const parsed = logs.map(log => ESCROW.parseLog(log)).filter(log => log !== null)
    for (const { job } of jobs) {
      const hash = jobHashOf(job).toLowerCase()
      const opened = parsed.find(({ name, args }) => name === 'JobOpened' && args.jobHash === hash)
      const about = parsed.filter(({ args }) => opened !== undefined && args.id === opened.args.id)
      const settled = about.filter(({ name }) => name === 'JobSettled')
      const refund = about.find(({ name }) => name === 'JobRefunded')
      const [first] = settled
      const part = (name: string): string => String(first?.args[name] ?? 0n)
      const event: ChainEvent = {
        event: 'chain',
        job,
        state:
          opened === undefined
            ? 'none'
            : first !== undefined
              ? 'settled'
              : refund !== undefined
                ? 'refunded'
                : 'locked',
        locked: String(opened?.args.amount ?? 0n),
        settlementCount: settled.length,
        paid: part('paid'),
        burned: part('burned'),
        treasury: part('treasury'),
        refunded: first === undefined ? String(refund?.args.refunded ?? 0n) : part('refunded')
      }
      lab.history.write(event)
    }
  } finally {
    provider.destroy()
  }
}
