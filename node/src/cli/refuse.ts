import { RayswarmError } from '@rayswarm/interface'
import type { CommanderError } from 'commander'
import { end, toJson } from './command.ts'
import { EXIT, failureJson, sayFailure } from './failure.ts'
import { Screen } from './screen.ts'

/** End the process because its command line was not understood. */
export async function refuse(error: CommanderError, argv: readonly string[], help: string): Promise<never> {
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
  const failure = new RayswarmError(
    'ERR_USAGE',
    error.code === 'commander.help' ? 'no command given' : message,
    {
      thing: 'command line',
      value: /'([^']*)'/.exec(message)?.[1] ?? argv.slice(2).join(' '),
      remedy: `See \`${help}\`.`
    }
  )
  sayFailure(failure, new Screen())
  return await end(argv.includes('--json') ? toJson(failureJson(failure)) : '', EXIT.usage)
}
