import { runSeed, type SeedResult } from './run-seeds.ts'
import type { Scenario } from './scenarios.ts'

/** What the process that started this one asks for: one world after the other. */
export interface ChildRequest {
  readonly scenario: Scenario
  readonly seed: number
}

/** One world's end, or why it has none. */
export type ChildReply = { readonly result: SeedResult } | { readonly failed: string; readonly seed: number }

// Virtual peers fail by the thousand, as they must; nobody reads where.
Error.stackTraceLimit = 0

process.on('message', ({ scenario, seed }: ChildRequest) => {
  runSeed(scenario, seed).then(
    result => reply({ result }),
    (cause: unknown) => reply({ failed: String(cause), seed })
  )
})
// A child does not outlive who started it.
process.on('disconnect', () => process.exit(0))

function reply(message: ChildReply): void {
  process.send?.(message)
}
