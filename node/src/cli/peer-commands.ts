import type { Command } from 'commander'
import { perform } from './command.ts'

type AddOptions = (command: Command) => void

/** Commands to a peer that runs. */
export function peerCommands(program: Command, common: AddOptions): void {
  const drain = program
    .command('drain')
    .description('Let the running node finish or hand back its work, and take no more.')
    .option('--data <dir>', 'data directory of the node (default: ~/.rayswarm/node)')
    .option('--grace <seconds>', 'what is not finished by then is handed back', '60')
    .option('--wait', 'wait also until its sealed results were opened: then everything can be paid')
    .addHelpText('after', DRAIN_HELP)
    .action(async options => {
      const { drain } = await import('./drain.ts')
      await perform(options, io => drain(options, io))
    })
  common(drain)
}

const DRAIN_HELP = `
Examples:
  $ rayswarm drain
  $ rayswarm drain --data /srv/node --grace 600 --wait && systemctl stop rayswarm`
