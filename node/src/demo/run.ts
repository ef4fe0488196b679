import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RayswarmError } from '@rayswarm/interface'
import type { CommandIo, Outcome } from '../cli/command.ts'
import { EXIT } from '../cli/failure.ts'
import { wholeNumber } from '../cli/options.ts'
import { shortPeer } from '../cli/screen.ts'
import { requireWritable } from '../disk.ts'
import { present } from '../present.ts'
import type { PublishJson } from '../publish/deliver.ts'
import { readJobInput } from '../publish/job-input.ts'
import { absolute } from '../swarm-file.ts'
import { audit } from './audit.ts'
import type { DemoOptions } from './main.ts'
import { demoJson, summaryOf } from './summary.ts'
import { DemoWatch } from './watch.ts'
import { type DemoNode, DemoWorld } from './world.ts'

const NODE_COUNT_MAX = 64

/** The demo, from an empty directory to a balanced account. */
export async function runDemo(options: DemoOptions, io: CommandIo): Promise<Outcome> {
  const startedAtMs = performance.now()
  const nodeCount = wholeNumber(options.nodes, '--nodes', 2)
  const liarCount = wholeNumber(options.liars, '--liars', 0)
  requireQuorum(nodeCount, liarCount)
  const outDir = absolute(options.out)
  // What is plainly wrong is said before anything is started.
  await readJobInput(options.scene, present({ frames: options.frames }))
  await requireWritable(outDir, 'output directory')
  const dir = await mkdtemp(join(tmpdir(), 'rayswarm-demo-'))
  let world: DemoWorld | undefined
  try {
    io.screen.say('starting a chain and the nodes')
    world = await DemoWorld.open(dir)
    const nodes = await aborting(io, startNodes(world, nodeCount, liarCount, io))
    const published = await aborting(
      io,
      Promise.race([publish(world, nodes, outDir, options, io), world.lost(nodes)])
    )
    io.screen.clear()
    const books = await audit(world, nodes, published)
    const wallSeconds = Math.round((performance.now() - startedAtMs) / 10) / 100
    const json = demoJson(nodes, published, books, wallSeconds)
    const complete = json.accepted === json.subtasks && books.faults.length === 0
    return {
      json: complete ? json : { ...json, faults: books.faults },
      text: summaryOf(nodes, published, books, wallSeconds),
      exitCode: complete ? EXIT.ok : EXIT.failure
    }
  } finally {
    io.screen.clear()
    await world?.close()
    if (options.keep === true) io.screen.say(`kept: ${dir}`)
    else await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Two honest nodes must be able to outvote every liar. */
function requireQuorum(nodeCount: number, liarCount: number): void {
  const fault = (thing: string, value: number, remedy: string): RayswarmError =>
    new RayswarmError('ERR_USAGE', `${thing} ${value} does not work`, { thing, value, remedy })
  if (nodeCount > NODE_COUNT_MAX) throw fault('--nodes', nodeCount, `Start at most ${NODE_COUNT_MAX} here.`)
  if (nodeCount - liarCount < 2)
    throw fault(
      '--liars',
      liarCount,
      `Leave two honest nodes: at most ${nodeCount - 2} of ${nodeCount} may lie.`
    )
}

async function startNodes(
  world: DemoWorld,
  nodeCount: number,
  liarCount: number,
  { screen }: CommandIo
): Promise<DemoNode[]> {
  return await world.startNodes(nodeCount, liarCount, node =>
    screen.say(`${node.name}   ${shortPeer(node.peerId)}${node.liar ? '  will lie' : ''}`)
  )
}

/** The creator's process, from offer to settlement. */
async function publish(
  world: DemoWorld,
  nodes: readonly DemoNode[],
  outDir: string,
  options: DemoOptions,
  { screen }: CommandIo
): Promise<PublishJson> {
  const watch = new DemoWatch(screen, nodes)
  const overrides = (['frames', 'samples', 'width', 'height'] as const).flatMap(name =>
    options[name] === undefined ? [] : [`--${name}`, options[name]]
  )
  const place = ['--swarm', world.swarmPath, '--data', join(world.dir, 'creator'), '--out', outDir]
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
  const args = ['publish', absolute(options.scene), ...place, ...overrides, ...listen]
  const creator = world.start('creator', args, event => watch.onEvent(event))
  const { lastLine } = await creator.ended()
  const last = lastLine === '' ? undefined : (JSON.parse(lastLine) as PublishJson | { error: unknown })
  if (last === undefined || 'error' in last) throw await creator.failure()
  return last
}

/** Give up as soon as somebody presses Ctrl+C. */
async function aborting<T>({ signal }: CommandIo, work: Promise<T>): Promise<T> {
  const stop = new RayswarmError('ERR_ABORTED', 'the demo was stopped')
  if (signal.aborted) throw stop
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(stop), { once: true })
  )
  return await Promise.race([work, aborted])
}
