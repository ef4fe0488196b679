import { Command, CommanderError, Option } from 'commander'
import { accountCommands } from './account-commands.ts'
import { perform } from './command.ts'
import { peerCommands } from './peer-commands.ts'
import { refuse } from './refuse.ts'
import { simCommands } from './sim-commands.ts'
import { testnetCommands } from './testnet-commands.ts'

const LOG_LEVELS = ['silent', 'warn', 'info', 'debug']
const BYZANTINE_KINDS = ['garbage', 'sometimes']

/** Run the command line. Never returns: it ends the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = commands()
  // Whoever read along has seen enough: no reason for a peer to lose its work.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    const command = argv[2] !== undefined && !argv[2].startsWith('-') ? ` ${argv[2]}` : ''
    await refuse(error, argv, `rayswarm${command} --help`)
  }
}

/** The commands and their options. Actions load what they need when they run, so that `--help` is quick. */
function commands(): Command {
  const program = new Command('rayswarm')
    .description('A render farm with no farmer.')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError()
    .addHelpText('after', PROGRAM_HELP)
  joinCommand(program)
  publishCommand(program)
  statusCommand(program)
  peerCommands(program, networkOptions, commonOptions)
  accountCommands(program, commonOptions)
  testnetCommands(program, commonOptions)
  simCommands(program, commonOptions)
  return program
}

function joinCommand(program: Command): void {
  const command = program
    .command('join')
    .description('Execute other peers’ work and earn: be a node.')
    .option('--data <dir>', 'data directory of this peer (default: ~/.rayswarm/node)')
    .option('--concurrency <n>', 'executions side by side (default: what the engine says)')
    .option('--price <tokens>', 'least price per million work units', '0.02')
    .option('--memory <size>', 'memory that all executions together may use (default: half of it)')
    .addOption(
      new Option('--byzantine <kind>', 'misbehave on purpose; test networks only').choices(BYZANTINE_KINDS)
    )
    .option('--stake <tokens>', 'put this much at stake at start, unless it is: be drawn as a witness')
    .option('--ready-file <file>', 'write peer id and addresses to this file once ready')
    .addOption(
      new Option('--engine <name>', 'engine instead of the built-in ones; test networks only').choices([
        'noop'
      ])
    )
    .option('--noop-ms <ms>', 'how long the noop engine sleeps over each execution', '1000')
    .addOption(new Option('--lab <file>').hideHelp())
    .addHelpText('after', JOIN_HELP)
    .action(async options => {
      const { join } = await import('./join.ts')
      await perform(options, io => join(options, io))
    })
  networkOptions(command)
  commonOptions(command)
}

function publishCommand(program: Command): void {
  const command = program
    .command('publish')
    .description('Have a scene rendered by the swarm: be a creator.')
    .argument('<file>', 'scene (.gltf, .glb) or job file (.json)')
    .option('--data <dir>', 'data directory of this peer (default: ~/.rayswarm/creator)')
    .option('--out <dir>', 'where the pictures go (default: ./out/<name of the job>)')
    .option('--frames <list>', 'frames, like 1-24,30')
    .option('--width <px>', 'width of the pictures')
    .option('--height <px>', 'height of the pictures')
    .option('--samples <n>', 'samples per pixel')
    .option('--memory <size>', 'memory that one execution may need')
    .option('--budget <tokens>', 'most that may be locked (default: the quote)')
    .option('--witnesses <m/q>', 'who grants and closes: owner, 7/5 or 13/9 (default: by what is locked)')
    .option('--again', 'publish a job once more that was settled already')
    .option('--timeout <seconds>', 'stop waiting after this long; the job goes on when published again')
    .option('-y, --yes', 'lock the quote without asking')
    .addHelpText('after', PUBLISH_HELP)
    .action(async (file, options) => {
      const { publish } = await import('./publish.ts')
      await perform(options, io => publish(file, options, io))
    })
  networkOptions(command)
  commonOptions(command)
}

function statusCommand(program: Command): void {
  const command = program
    .command('status')
    .description('What the peers running on this machine do, and why they do not.')
    .option('--data <dir...>', 'data directories, or directories of them (default: ~/.rayswarm)')
    .addHelpText('after', STATUS_HELP)
    .action(async options => {
      const { status } = await import('./status.ts')
      await perform(options, () => status(options))
    })
  commonOptions(command)
}

function networkOptions(command: Command): void {
  command
    .option('--swarm <file>', 'swarm file (default: $RAYSWARM_SWARM or ./swarm.json)')
    .option('--listen <multiaddr...>', 'where to listen (default: every interface, free ports)')
    .option('--announce <multiaddr...>', 'addresses to tell others instead')
    .option('--bootstrap <multiaddr...>', 'peers to start from, besides those of the swarm file')
    .option('--mdns', 'find peers of the local network by multicast')
    .option('--quota <size>', 'most disk that scenes and results may take', '10GiB')
    .option('--passphrase-file <file>', 'file whose first line encrypts the account (keystore v3)')
    .addOption(new Option('--log-level <level>').choices(LOG_LEVELS).default('warn'))
}

function commonOptions(command: Command): void {
  command
    .option('--json', 'print one JSON object as the last line of standard output')
    .addOption(new Option('--exit-with-parent').hideHelp())
    .addOption(new Option('--events-fd <fd>').hideHelp())
}

const PROGRAM_HELP = `
Try it on one machine:
  $ rayswarm testnet up --peers 5 --liars 1
  $ rayswarm publish examples/orrery/job.json --swarm .rayswarm/testnet/swarm.json
  $ rayswarm status --data .rayswarm/testnet
  $ rayswarm testnet down`

const JOIN_HELP = `
Examples:
  $ rayswarm join --swarm swarm.json
  $ rayswarm join --swarm swarm.json --price 0.03 --memory 4GiB --concurrency 1 --stake 100
  $ rayswarm join --swarm swarm.json --listen /ip4/0.0.0.0/tcp/4001 --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…`

const PUBLISH_HELP = `
Examples:
  $ rayswarm publish scene.glb --frames 1-24 --width 1280 --height 720 --samples 256
  $ rayswarm publish job.json --budget 2.5 --out renders --yes --json | jq .frames

Ctrl+C leaves the job open: the same command with the same data directory takes it up again.`

const STATUS_HELP = `
Examples:
  $ rayswarm status
  $ rayswarm status --data .rayswarm/testnet --json | jq '.peers[].declined'`
