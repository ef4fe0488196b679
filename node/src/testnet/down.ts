import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import type { CommonOptions, Outcome } from '../cli/command.ts'
import { readJson } from '../disk.ts'
import { absolute } from '../swarm-file.ts'
import { endProcesses } from './processes.ts'
import { TESTNET_FILE, type TestnetFile } from './up.ts'

export interface TestnetDownOptions extends CommonOptions {
  readonly dir: string
  readonly remove?: boolean
}

/** `rayswarm testnet down`: end what `testnet up` started, and nothing else. */
export async function testnetDown(options: TestnetDownOptions): Promise<Outcome> {
  const dir = absolute(options.dir)
  const path = join(dir, TESTNET_FILE)
  const file = (await readJson(path, 'testnet file').catch(error => {
    if (!isRayswarmError(error) || error.code !== 'ERR_FILE_MISSING') throw error
    throw new RayswarmError('ERR_FILE_MISSING', `there is no testnet in ${dir}`, {
      thing: '--dir',
      value: dir,
      remedy: 'Name the directory that `rayswarm testnet up` was given.'
    })
  })) as TestnetFile
  // The chain goes last: nodes hand back their leases and read their credit first.
  const nodes = file.processes.filter(({ name }) => name !== 'chain')
  const chain = file.processes.filter(({ name }) => name === 'chain')
  const ended = [...(await endProcesses(nodes)), ...(await endProcesses(chain))]
  await rm(path, { force: true })
  if (options.remove === true) await rm(dir, { recursive: true, force: true })
  return {
    json: { dir, ended: ended.map(({ name, pid }) => ({ name, pid })) },
    text: `ended ${ended.length} of ${file.processes.length} processes`
  }
}
