import { join } from 'node:path'
import { type Home, type HostInit, openHome } from '../compose.ts'
import { openLog } from '../host/log.ts'
import { present } from '../present.ts'
import type { SwarmFile } from '../swarm-file.ts'
import type { CommandIo } from './command.ts'
import { type NetworkOptions, passphraseOf, sizeBytes } from './options.ts'

/** Open the peer's directory, and say where the key of a new account lies. */
export async function homeOf(
  dir: string,
  swarm: SwarmFile,
  options: Pick<NetworkOptions, 'passphraseFile'>,
  { screen }: CommandIo
): Promise<Home> {
  const passphrase = await passphraseOf(options)
  const home = await openHome({ dir, swarm, ...present({ passphrase }) })
  const { account, created, encrypted } = home.account
  if (created && !encrypted)
    screen.say(`new account ${account}; its key lies unencrypted in ${join(dir, 'account.json')}`)
  return home
}

/** The part of a host's settings that every command takes from its options. */
export function hostInitOf(
  options: NetworkOptions,
  { screen }: CommandIo
): Pick<HostInit, 'log' | 'quotaBytes' | 'listen' | 'announce' | 'bootstrap' | 'mdns'> {
  const { listen, announce, bootstrap, mdns } = options
  return {
    log: openLog(options.logLevel, line => screen.say(line.trimEnd())),
    quotaBytes: sizeBytes(options.quota, '--quota'),
    ...present({ listen, announce, bootstrap, mdns })
  }
}
