import { join } from 'node:path'
import { type ErrorCode, RayswarmError } from '@rayswarm/interface'
import { type AccountOrder, carryOut } from '../account/orders.ts'
import { postTo } from '../status/ask.ts'
import type { AccountReply } from '../status/endpoint.ts'
import { absolute } from '../swarm-file.ts'
import type { CommandIo, CommonOptions } from './command.ts'
import type { FailureJson } from './failure.ts'
import { homeOf } from './host-init.ts'
import { homeDir, swarmOf } from './options.ts'

/** A transaction may wait for its block for two minutes; a refund of many is many. */
const ANSWER_TIMEOUT_MS = 600_000

/** Options of every command that does something with a peer's account. */
export interface AccountOptions extends CommonOptions {
  readonly data?: string
  readonly swarm?: string
  readonly passphraseFile?: string
}

/**
 * Have something done with the account of a directory: by the peer that runs there, since two that use one key get in each
 * other's way; else by ourselves.
 */
export async function withAccount<Result extends object>(
  order: AccountOrder,
  role: 'node' | 'creator',
  options: AccountOptions,
  io: CommandIo
): Promise<Result> {
  const dir = absolute(options.data ?? join(homeDir(), role))
  const answer = await postTo(dir, '/account', order, ANSWER_TIMEOUT_MS)
  if (answer?.code === 200) {
    const { result, said } = answer.value as AccountReply
    for (const line of said) io.screen.say(line)
    return result as Result
  }
  if (answer !== undefined) throw failureOf(answer.value)
  const home = await homeOf(dir, await swarmOf(options), options, io)
  try {
    const world = { home, classes: ownClasses, screen: io.screen }
    return (await carryOut(order, world)) as Result
  } finally {
    await home.close()
  }
}

/** What the engines of this machine are. */
async function ownClasses(): Promise<string[]> {
  const { openEngines } = await import('../host/engines.ts')
  const probes = await Promise.all(openEngines().map(engine => engine.probe()))
  return probes.flatMap(probe => ('unavailable' in probe ? [] : [probe.equivalenceClass]))
}

/** The peer's failure, as if it were ours. */
function failureOf(value: unknown): RayswarmError {
  const { error } = value as FailureJson
  if (typeof error !== 'object')
    return new RayswarmError('ERR_INTERNAL', `the running peer answered: ${String(error)}`, {
      thing: 'running peer',
      remedy: 'Stop it and try again; report it if that does not help.'
    })
  const { code, message, ...context } = error
  return new RayswarmError(code as ErrorCode, message, context)
}
