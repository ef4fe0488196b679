import { RayswarmError, type Runner } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'

/** Claims what it can get, renews as long as it may, and never executes anything. */
export function squatter(components: PeerComponents): PeerComponents {
  return { ...components, runners: components.runners.map(idle) }
}

function idle(runner: Runner): Runner {
  return {
    engine: runner.engine,
    probe: async () => {
      const probe = await runner.probe()
      return 'unavailable' in probe ? probe : { ...probe, concurrency: 16 }
    },
    inspect: (spec, dir) => runner.inspect(spec, dir),
    finish: (spec, frame) => runner.finish(spec, frame),
    open: async () => ({
      run: (_subtask, { signal }) =>
        new Promise((_resolve, reject) => {
          const abort = (): void => reject(new RayswarmError('ERR_ABORTED', 'the execution was aborted'))
          if (signal.aborted) abort()
          else signal.addEventListener('abort', abort, { once: true })
        }),
      close: async () => {}
    })
  }
}
