import type { Command } from 'commander'
import { perform } from './command.ts'

type AddOptions = (command: Command) => void

/** Commands to a peer that runs, and for one that was away. */
export function peerCommands(program: Command, network: AddOptions, common: AddOptions): void {
  const collect = program
    .command('collect')
    .description('Take up a job with drawn witnesses that its creator left, here or elsewhere.')
    .argument('[job]', 'job id (default: the only one there is)')
    .option('--data <dir>', 'data directory with the keys of the creator (default: ~/.rayswarm/creator)')
    .option('--out <dir>', 'where the pictures go (default: as published, or ./out/<name of the job>)')
    .option('--timeout <seconds>', 'stop waiting after this long; the job goes on')
    .addHelpText('after', COLLECT_HELP)
    .action(async (job, options) => {
      const { collect } = await import('./collect.ts')
      await perform(options, io => collect(job, options, io))
    })
  network(collect)
  common(collect)
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

const COLLECT_HELP = `
Examples:
  $ rayswarm collect
  $ mkdir fresh && cp peer.key account.json fresh/   # on another machine
  $ rayswarm collect bafyrei… --data fresh --swarm swarm.json --out renders

Its witnesses grant, judge and pay while the creator is away, and keep the results until the deadline. A job without
drawn witnesses (owner mode) can only be taken up where it was published: give the same publish command again.`

const DRAIN_HELP = `
Examples:
  $ rayswarm drain
  $ rayswarm drain --data /srv/node --grace 600 --wait && systemctl stop rayswarm`
