import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { RayswarmError } from '@rayswarm/interface'
import type { ChildReply, ChildRequest } from './child.ts'
import type { SeedResult } from './run-seeds.ts'
import type { Scenario } from './scenarios.ts'

/** Worlds make much short-lived garbage: a larger nursery makes its collection cheaper. There is a process per core already. */
const ENGINE_FLAGS = ['--max-semi-space-size=64', '--single-threaded-gc']

/** Let worlds live in `jobCount` processes side by side. Answers what they came to, in any order. */
export async function runSeeds(
  scenario: Scenario,
  seeds: { readonly first: number; readonly last: number },
  init: {
    readonly jobCount: number
    readonly signal: AbortSignal
    readonly onResult: (result: SeedResult) => void
  }
): Promise<SeedResult[]> {
  const results: SeedResult[] = []
  let next = seeds.first
  const runOn = async (child: ChildProcess): Promise<void> => {
    while (next <= seeds.last) {
      const result = await ask(child, { scenario, seed: next++ }, init.signal)
      results.push(result)
      init.onResult(result)
    }
  }
  const count = Math.min(init.jobCount, seeds.last - seeds.first + 1)
  const children = Array.from({ length: count }, () =>
    fork(fileURLToPath(new URL('./child.js', import.meta.url)), {
      execArgv: ENGINE_FLAGS,
      // Amounts are bigints.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
  )
  const stop = (): void => {
    for (const child of children) if (child.connected) child.disconnect()
  }
  init.signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.all(children.map(runOn))
  } finally {
    stop()
    init.signal.removeEventListener('abort', stop)
  }
  return results
}

function ask(child: ChildProcess, request: ChildRequest, signal: AbortSignal): Promise<SeedResult> {
  return new Promise((resolve, reject) => {
    const broke = (seed: number, why: string): RayswarmError =>
      new RayswarmError('ERR_INTERNAL', `the world of seed ${seed} broke: ${why}`, {
        thing: 'seed',
        value: seed,
        remedy: `Replay it with \`rayswarm sim replay --seed ${seed} --scenario ${request.scenario.name} --trace\`.`
      })
    const gone = (): void => {
      if (!signal.aborted) return reject(broke(request.seed, 'its process ended'))
      reject(new RayswarmError('ERR_ABORTED', `stopped in the world of seed ${request.seed}`))
    }
    child.once('exit', gone)
    child.once('message', (reply: ChildReply) => {
      child.off('exit', gone)
      if ('result' in reply) return resolve(reply.result)
      reject(broke(reply.seed, reply.failed))
    })
    child.send(request)
  })
}
