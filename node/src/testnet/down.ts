import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommonOptions, Outcome } from '../cli/command.ts'
import { absolute } from '../swarm-file.ts'
import { removeNamespaces } from './namespaces.ts'
import { endProcesses, killProcess, type OwnProcess, processesWith } from './processes.ts'
import { readTestnet, TESTNET_ENV, TESTNET_FILE } from './testnet-file.ts'

export interface TestnetDownOptions extends CommonOptions {
  readonly dir: string
  readonly remove?: boolean
}

/** `rayswarm testnet down`: end what `testnet up` started, and nothing else. */
export async function testnetDown(options: TestnetDownOptions): Promise<Outcome> {
  const dir = absolute(options.dir)
  const { ended, count } = await endTestnet(dir)
  if (options.remove === true) await rm(dir, { recursive: true, force: true })
  return {
    json: { dir, ended: ended.map(({ name, pid }) => ({ name, pid })) },
    text: `ended ${ended.length} of ${count} processes`
  }
}

/**
 * End every process of a testnet, and remove its namespaces.
 *
 * @param isHasty kill them: somebody waits for the terminal, and nothing here is worth keeping
 * @throws {RayswarmError} `ERR_FILE_MISSING`; `ERR_INTERNAL` naming a process that does not end
 */
export async function endTestnet(
  dir: string,
  isHasty = false
): Promise<{ ended: OwnProcess[]; count: number }> {
  const file = await readTestnet(dir)
  if (isHasty) await Promise.all(file.processes.map(killProcess))
  // The chain goes last: nodes hand back their leases and read their credit first.
  const nodes = file.processes.filter(({ name }) => name !== 'chain')
  const chain = file.processes.filter(({ name }) => name === 'chain')
  const ended = [...(await endProcesses(nodes)), ...(await endProcesses(chain))]
  // What a killed command had started and not yet written down.
  if (file.id !== undefined) {
    const strays = await processesWith(TESTNET_ENV, file.id)
    await Promise.all(strays.map(killProcess))
    ended.push(...strays)
  }
  if (file.namespaces !== undefined) await removeNamespaces(file.namespaces)
  if (file.sockets !== undefined) await rm(file.sockets, { recursive: true, force: true })
  await rm(join(dir, TESTNET_FILE), { force: true })
  return { ended, count: Math.max(file.processes.length, ended.length) }
}
