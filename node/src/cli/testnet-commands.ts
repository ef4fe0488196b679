import { type Command, Option } from 'commander'
import { perform } from './command.ts'

const LAYERS = ['auto', 'process', 'namespace']
const DEFAULT_DIR = '.rayswarm/testnet'

type CommonOptions = (command: Command) => void

/** The laboratory: a whole swarm of real processes on this machine, and everything that can be done to it. */
export function testnetCommands(program: Command, common: CommonOptions): void {
  const testnet = program.command('testnet').description('A whole swarm on this machine, with play money.')
  upCommand(testnet, common)
  downCommand(testnet, common)
  publishCommand(testnet, common)
  faultCommand(testnet, common)
  lookCommands(testnet, common)
  runCommand(testnet, common)
  hiddenCommands(testnet, common)
}

function upCommand(testnet: Command, common: CommonOptions): void {
  const up = testnet
    .command('up')
    .description('Start a chain and nodes; they run on when the command returns.')
    .option('--dir <dir>', 'where everything of the testnet lives', DEFAULT_DIR)
    .option('--peers <n>', 'nodes', '5')
    .option('--seed <text>', 'makes keys and choices repeatable (default: a new one)')
    .option('--liars <n>', 'how many of them lie: short for --byzantine garbage:<n>', '0')
    .option('--byzantine <kinds>', 'how many misbehave how, like garbage:1,squat:2')
    .option('--latency <file>', 'one-way delays between regions')
    .addOption(new Option('--layer <layer>', 'where faults are made').choices(LAYERS).default('process'))
    .addOption(
      new Option('--engine <engine>', 'what nodes execute with')
        .choices(['pathtracer', 'noop'])
        .default('pathtracer')
    )
    .option('--noop-ms <ms>', 'how long the noop engine sleeps over each execution', '1000')
    .option('--concurrency <n>', 'executions side by side, per node', '1')
    .option('--ready-timeout <seconds>', 'give up when it takes longer', '120')
    .option('--host <address>', 'address that chain and nodes listen on', '127.0.0.1')
    .addHelpText('after', UP_HELP)
    .action(async options => {
      const { testnetUp } = await import('../testnet/up.ts')
      await perform(options, io => testnetUp(options, io))
    })
  common(up)
}

function downCommand(testnet: Command, common: CommonOptions): void {
  const down = testnet
    .command('down')
    .description('End exactly the processes that `testnet up` started.')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .option('--remove', 'delete the directory too')
    .addHelpText('after', DOWN_HELP)
    .action(async options => {
      const { testnetDown } = await import('../testnet/down.ts')
      await perform(options, () => testnetDown(options))
    })
  common(down)
}

function publishCommand(testnet: Command, common: CommonOptions): void {
  const publish = testnet
    .command('publish')
    .description('Publish a job from a process of its own, which can be crashed like any other.')
    .argument('[file]', 'scene or job file (default: a job of the noop engine)')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .option('--subtasks <n>', 'subtasks of a noop job', '20')
    .option('--replicas <n>', 'executions of each subtask that are compared', '1')
    .option('--witnesses <m/q>', 'witnesses and how many must agree, like 7/5', '1/1')
    .addHelpText('after', PUBLISH_HELP)
    .action(async (file, options) => {
      const { testnetPublish } = await import('../testnet/publish.ts')
      await perform(options, io => testnetPublish(file, options, io))
    })
  common(publish)
}

function faultCommand(testnet: Command, common: CommonOptions): void {
  const fault = testnet
    .command('fault')
    .description('Make something go wrong.')
    .argument('<fault>', 'crash, restart, pause, resume, partition, link, byzantine, clock or heal')
    .argument('[targets...]', 'node-3, creator, bootstrap, all, half, 30%, witnesses:2, holders:1, …')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .option('--for <span>', 'wait this long, then end the fault')
    .option('--against <targets...>', 'other side of a partition or link (default: everybody else)')
    .option('--direction <direction>', 'what a partition stops, as seen from the targets: both, in, out')
    .option('--loss <share>', 'messages that vanish, like 10%')
    .option('--latency <span>', 'added one-way delay, like 50ms')
    .option('--jitter <span>', 'at most this much more delay')
    .option('--rate <size>', 'bytes per second, like 1MiB')
    .option('--as <kind>', 'how to misbehave: garbage, sometimes, squat, deadbeat, mute, flood')
    .option('--skew <span>', 'how wrong the clock is, like 5s or -5s')
    .option('--drift <share>', 'how much too fast the clock runs, like 10% or -10%')
    .option('--fresh', 'restart with nothing but the keys, as on another machine')
    .addHelpText('after', FAULT_HELP)
    .action(async (name, targets, options) => {
      const { testnetFault } = await import('../testnet/fault-command.ts')
      await perform(options, io => testnetFault(name, targets, options, io))
    })
  common(fault)
}

function lookCommands(testnet: Command, common: CommonOptions): void {
  const check = testnet
    .command('assert')
    .description('Find out whether something is true.')
    .argument('<assertion...>', 'accepted all, paid-twice 0, connected, ledgers-equal within 30s, …')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .addHelpText('after', ASSERT_HELP)
    .action(async (words, options) => {
      const { testnetAssert } = await import('../testnet/assert-command.ts')
      await perform(options, io => testnetAssert(words, options, io))
    })
  common(check)
  const status = testnet
    .command('status')
    .description('Who runs, who is connected with whom, which faults hold.')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .action(async options => {
      const { testnetStatus } = await import('../testnet/status-command.ts')
      await perform(options, () => testnetStatus(options))
    })
  common(status)
  const report = testnet
    .command('report')
    .description('What happened so far: history.jsonl, report.html, and a verdict.')
    .option('--dir <dir>', 'where the testnet lives', DEFAULT_DIR)
    .option('--history <file>', 'judge this history instead')
    .option('--out <file>', 'where the page goes (default: report.html beside the history)')
    .action(async options => {
      const { testnetReport } = await import('../testnet/report-command.ts')
      await perform(options, () => testnetReport(options))
    })
  common(report)
}

function runCommand(testnet: Command, common: CommonOptions): void {
  const run = testnet
    .command('run')
    .description('Run a scenario on a testnet of its own, and judge it.')
    .argument('<scenario>', 'scenario file (.json)')
    .option('--dir <dir>', 'where it lives (default: .rayswarm/run/<name of the scenario>)')
    .option('--peers <n>', 'nodes (default: what the scenario says)')
    .option('--seed <text>', 'makes keys and choices repeatable (default: a new one)')
    .option('--byzantine <kinds>', 'besides those of the scenario, like garbage:1')
    .option('--witnesses <m/q>', 'instead of those of the scenario')
    .option('--subtasks <n>', 'instead of those of the scenario')
    .option('--latency <file>', 'one-way delays between regions')
    .addOption(new Option('--layer <layer>', 'where faults are made').choices(LAYERS).default('auto'))
    .option('--keep', 'leave the peers’ directories behind, also when all went well')
    .addHelpText('after', RUN_HELP)
    .action(async (file, options) => {
      const { testnetRun } = await import('../testnet/run.ts')
      await perform(options, io => testnetRun(file, options, io))
    })
  common(run)
}

/** What a testnet's processes run. */
function hiddenCommands(testnet: Command, common: CommonOptions): void {
  const chain = testnet
    .command('chain', { hidden: true })
    .requiredOption('--dir <dir>')
    .requiredOption('--host <address>')
    .action(async options => {
      const { testnetChain } = await import('../testnet/chain.ts')
      await perform(options, io => testnetChain(options, io))
    })
  common(chain)
  const creator = testnet
    .command('creator', { hidden: true })
    .requiredOption('--swarm <file>')
    .requiredOption('--data <dir>')
    .requiredOption('--listen <multiaddr>')
    .requiredOption('--lab <file>')
    .option('--bootstrap <multiaddr...>')
    .action(async options => {
      const { testnetCreator } = await import('../testnet/creator.ts')
      await perform(options, io => testnetCreator(options, io))
    })
  common(creator)
}

const UP_HELP = `
Examples:
  $ rayswarm testnet up --peers 5 --liars 1
  $ rayswarm testnet up --peers 32 --seed 7 --engine noop --byzantine garbage:2,squat:1 --latency regions.json
  $ rayswarm testnet up --host 192.0.2.7      # then, elsewhere: rayswarm join --swarm swarm.json (a copy of this one's)`

const DOWN_HELP = `
Example:
  $ rayswarm testnet down --remove`

const PUBLISH_HELP = `
Examples:
  $ rayswarm testnet publish --subtasks 200
  $ rayswarm testnet publish examples/orrery/job.json`

const FAULT_HELP = `
Examples:
  $ rayswarm testnet fault crash creator 30%
  $ rayswarm testnet fault partition half --for 60s
  $ rayswarm testnet fault link node-3 --loss 10% --latency 80ms --jitter 20ms
  $ rayswarm testnet fault clock node-2 --skew 5s
  $ rayswarm testnet fault heal`

const ASSERT_HELP = `
Examples:
  $ rayswarm testnet assert accepted all within 2m
  $ rayswarm testnet assert paid-twice 0
  $ rayswarm testnet assert 'reLeaseP95Ms <= 10000'`

const RUN_HELP = `
Example:
  $ rayswarm testnet run test/scenarios/partition-and-crash.json --peers 50 --seed 7 --json`
