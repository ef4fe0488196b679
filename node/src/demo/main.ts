import { fileURLToPath } from 'node:url'
import { Command, CommanderError } from 'commander'
import { type CommonOptions, perform } from '../cli/command.ts'
import { refuse } from '../cli/refuse.ts'

/** The scene of our own that the demo shows. */
const SCENE = fileURLToPath(new URL('../../../../examples/orrery/job.json', import.meta.url))

/** Options of the demo, as commander hands them over. */
export interface DemoOptions extends CommonOptions {
  readonly nodes: string
  readonly liars: string
  readonly scene: string
  readonly frames?: string
  readonly samples?: string
  readonly width?: string
  readonly height?: string
  readonly out: string
  readonly keep?: boolean
}

/** `npm run demo`: a swarm of processes renders a scene, catches its liars and pays the rest. Ends the process. */
export async function demo(argv: readonly string[]): Promise<void> {
  const program = new Command('npm run demo --')
    .description('Render an animated scene on a swarm of real processes, catch the liar, pay the honest.')
    .option('--nodes <n>', 'node processes', '5')
    .option('--liars <n>', 'how many of them lie', '1')
    .option('--scene <file>', 'scene (.gltf, .glb) or job file (.json)', SCENE)
    .option('--frames <list>', 'frames, like 1-24 (default: what the job says)')
    .option('--samples <n>', 'samples per pixel (default: what the job says)')
    .option('--width <px>', 'width of the pictures (default: what the job says)')
    .option('--height <px>', 'height of the pictures (default: what the job says)')
    .option('--out <dir>', 'where the pictures go', 'out/demo')
    .option('--keep', 'keep data directories and logs of all processes')
    .option('--json', 'print one JSON object as the last line of standard output')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addHelpText('after', HELP)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('./run.ts')
      await perform(options, io => runDemo(options, io))
    })
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) await refuse(error, argv, 'npm run demo -- --help')
  }
}

const HELP = `
Examples:
  $ npm run demo
  $ npm run demo -- --nodes 8 --liars 2 --frames 1-6
  $ npm run -s demo -- --scene ~/scene.glb --frames 1-48 --json | jq .escrow`
