import type { CommonOptions, Outcome } from '../cli/command.ts'
import { tableOf } from '../cli/table.ts'
import { absolute } from '../swarm-file.ts'
import { viewOf } from './fault-command.ts'
import { faultLine } from './faults.ts'
import { Laboratory } from './laboratory.ts'

export interface TestnetStatusOptions extends CommonOptions {
  readonly dir: string
}

/** `rayswarm testnet status`: what the laboratory knows of its peers. What they know themselves: `rayswarm status`. */
export async function testnetStatus(options: TestnetStatusOptions): Promise<Outcome> {
  const lab = await Laboratory.open(absolute(options.dir))
  try {
    const view = viewOf(lab)
    const candidates = await lab.candidates()
    const peers = candidates.map(({ name, role, isRunning, isByzantine }) => ({
      name,
      role,
      running: isRunning,
      byzantine: isByzantine,
      witness: view.witnesses.has(name),
      connections: isRunning ? (view.connected.get(name)?.size ?? 0) : 0,
      leases: [...view.leases.values()].filter(holder => holder === name).length
    }))
    const jobs = [...view.jobs.values()]
      .filter(({ subtaskCount }) => subtaskCount > 0)
      .map(({ job, subtaskCount, accepted, isSettled }) => ({
        job,
        subtasks: subtaskCount,
        accepted: accepted.size,
        settled: isSettled
      }))
    const faults = lab.file.faults.map(({ id, fault, targets }) => ({ id, fault: faultLine(fault), targets }))
    const { layer, readySeconds, seed } = lab.file
    const rows = peers.map(peer => [
      peer.name,
      peer.running ? 'up' : 'down',
      peer.connections,
      peer.leases,
      [peer.byzantine ? 'byzantine' : '', peer.witness ? 'witness' : ''].join(' ').trim()
    ])
    return {
      json: { dir: lab.dir, layer, seed, readySeconds, peers, jobs, faults },
      text: [
        tableOf(['peer', 'process', 'connections', 'leases', 'role'], rows),
        ...jobs.map(
          ({ job, subtasks, accepted, settled }) =>
            `${job}: ${accepted} of ${subtasks} accepted${settled ? ', settled' : ''}`
        ),
        ...faults.map(({ id, fault, targets }) => `fault ${id}: ${fault}: ${targets.join(', ')}`)
      ].join('\n')
    }
  } finally {
    lab.close()
  }
}
