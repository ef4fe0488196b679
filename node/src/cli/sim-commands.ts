import type { Command } from 'commander'
import { perform } from './command.ts'

const DEFAULT_SCENARIO = 'rough'

/** Virtual swarms: thousands of worlds, each from a seed. */
export function simCommands(program: Command, common: (command: Command) => void): void {
  const sim = program
    .command('sim')
    .description('Whole swarms in virtual time, with faults and adversaries, each from a seed.')
  const run = sim
    .command('run')
    .description('Let many worlds of one scenario live, and check every one of them.')
    .requiredOption('--seeds <range>', 'seeds, like 1..1000')
    .option('--jobs <n>', 'processes side by side', '1')
    .addHelpText('after', RUN_HELP)
    .action(async options => {
      const { simRun } = await import('./sim.ts')
      await perform(options, io => simRun(options, io))
    })
  scenarioOptions(run)
  common(run)
  const replay = sim
    .command('replay')
    .description('Let one world live again.')
    .requiredOption('--seed <n>', 'its seed')
    .option('--trace', 'print what happens, line by line')
    .option('--full', 'print arrivals and writes too')
    .addHelpText('after', REPLAY_HELP)
    .action(async options => {
      const { simReplay } = await import('./sim.ts')
      await perform(options, io => simReplay(options, io))
    })
  scenarioOptions(replay)
  common(replay)
  const scenarios = sim
    .command('scenarios')
    .description('The scenarios there are.')
    .action(async options => {
      const { simScenarios } = await import('./sim.ts')
      await perform(options, () => simScenarios())
    })
  common(scenarios)
}

function scenarioOptions(command: Command): void {
  command
    .option('--scenario <name>', 'one of `sim scenarios`', DEFAULT_SCENARIO)
    .option('--peers <n>', 'peers, the creator among them (default: the scenario’s)')
    .option('--replicas <n>', 'replicas of the job, two per subtask (default: the scenario’s)')
    .option('--witnesses <m/q>', 'who grants and closes: owner, or like 7/5 (default: the scenario’s)')
}

const RUN_HELP = `
Examples:
  $ rayswarm sim run --scenario storm --seeds 1..1000 --jobs 4
  $ rayswarm sim run --scenario scale --seeds 1..60 --json | jq .worldsPerCpuMinute`

const REPLAY_HELP = `
Example:
  $ rayswarm sim replay --scenario partition --seed 17 --trace | grep 3/0/0`
