import type { Clock, Runner } from '@rayswarm/interface'
import { VirtualRunner } from '@rayswarm/simulation'

/** What nodes of a test network say they execute in when they execute nothing. */
export const NOOP_CLASS = 'noop/1'

/** How long an execution takes, and how many run side by side. */
export interface NoopInit {
  readonly executionMs: number
  readonly concurrency: number
}

/** An engine for test networks: it sleeps, and yields a small picture that depends on the subtask alone. */
export function noopEngine(clock: Clock, { executionMs, concurrency }: NoopInit): Runner {
  const painter = (unitsPerMs: number): VirtualRunner =>
    new VirtualRunner({ clock }, { unitsPerMs, concurrency })
  const { inspect, finish } = painter(1)
  return {
    engine: 'noop',
    probe: async () => ({ engine: 'noop', equivalenceClass: NOOP_CLASS, concurrency }),
    inspect,
    finish,
    open: async spec => ({
      run: async (subtask, options) => {
        // However much work a subtask is, it takes the same time.
        const unitsPerMs = executionMs > 0 ? subtask.workUnits / executionMs : Number.POSITIVE_INFINITY
        const session = await painter(unitsPerMs).open(spec)
        return await session.run(subtask, options)
      },
      close: async () => {}
    })
  }
}
