import type { Command } from 'commander'
import { perform } from './command.ts'

type AddOptions = (command: Command) => void

/** Commands that move a peer's money. */
export function accountCommands(program: Command, common: AddOptions): void {
  const withdraw = program
    .command('withdraw')
    .description('Have everything paid out that this account earned.')
    .addHelpText('after', WITHDRAW_HELP)
    .action(async options => {
      const { withdraw } = await import('./withdraw.ts')
      await perform(options, io => withdraw(options, io))
    })
  accountOptions(withdraw, 'node')
  common(withdraw)
  const refund = program
    .command('refund')
    .description('Take back what is locked for jobs that nobody settled in time.')
    .argument('[job]', 'job id')
    .option('--all', 'every overdue job that this account ever published')
    .addHelpText('after', REFUND_HELP)
    .action(async (job, options) => {
      const { refund } = await import('./refund.ts')
      await perform(options, io => refund(job, options, io))
    })
  accountOptions(refund, 'creator')
  common(refund)
  stakeCommands(program, common)
}

function stakeCommands(program: Command, common: AddOptions): void {
  const stake = program.command('stake').description('Put tokens at stake, and be drawn as a witness.')
  const register = stake
    .command('register')
    .description('Stake tokens for this peer; again: more of them, or with other classes.')
    .requiredOption('--amount <tokens>', 'what is added to the stake')
    .option('--operator <tag>', 'who runs this peer, the same for all peers of one operator')
    .addHelpText('after', STAKE_HELP)
    .action(async options => {
      const { stakeRegister } = await import('./stake.ts')
      await perform(options, io => stakeRegister(options, io))
    })
  accountOptions(register, 'node')
  common(register)
  for (const [what, about] of Object.entries(STAKE_COMMANDS) as [keyof typeof STAKE_COMMANDS, string][]) {
    const command = stake
      .command(what)
      .description(about)
      .addHelpText('after', STAKE_HELP)
      .action(async options => {
        const { stake } = await import('./stake.ts')
        await perform(options, io => stake(what, options, io))
      })
    accountOptions(command, 'node')
    common(command)
  }
}

const STAKE_COMMANDS = {
  leave: 'Stop being drawn; the stake can be withdrawn after the unbonding time.',
  withdraw: 'Have the stake paid back, after leaving.',
  status: 'What is at stake, and whether it counts already.'
} as const

function accountOptions(command: Command, role: 'node' | 'creator'): void {
  command
    .option('--data <dir>', `data directory of the peer (default: ~/.rayswarm/${role})`)
    .option(
      '--swarm <file>',
      'swarm file, where the peer is not running (default: $RAYSWARM_SWARM or ./swarm.json)'
    )
    .option('--passphrase-file <file>', 'file whose first line decrypts the account')
}

const WITHDRAW_HELP = `
Examples:
  $ rayswarm withdraw
  $ rayswarm withdraw --data /srv/node --json | jq -r .amount

Works beside a running peer, and without one.`

const REFUND_HELP = `
Examples:
  $ rayswarm refund bafyrei…
  $ rayswarm refund --all --data /srv/creator --swarm swarm.json`

const STAKE_HELP = `
Examples:
  $ rayswarm stake register --amount 100 --operator example.org
  $ rayswarm stake status
  $ rayswarm stake leave      # and, after the unbonding time:
  $ rayswarm stake withdraw`
