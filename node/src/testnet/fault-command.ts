import { setTimeout as delay } from 'node:timers/promises'
import type { CommandIo, CommonOptions, Outcome } from '../cli/command.ts'
import { present } from '../present.ts'
import { absolute } from '../swarm-file.ts'
import { faultLine, parseFault } from './faults.ts'
import { Laboratory } from './laboratory.ts'
import { HistoryTail, LiveView } from './live-view.ts'

export interface TestnetFaultOptions extends CommonOptions {
  readonly dir: string
  readonly for?: string
  readonly against?: readonly string[]
  readonly direction?: string
  readonly loss?: string
  readonly latency?: string
  readonly jitter?: string
  readonly rate?: string
  readonly as?: string
  readonly skew?: string
  readonly drift?: string
  readonly fresh?: boolean
}

/** `rayswarm testnet fault`: do it and, if it has a time, wait and end it. */
export async function testnetFault(
  kind: string,
  targets: readonly string[],
  options: TestnetFaultOptions,
  io: CommandIo
): Promise<Outcome> {
  const { against, direction, loss, latency, jitter, rate, as, skew, drift, fresh } = options
  const given = { against, direction, loss, latency, jitter, rate, as, skew, drift, fresh, for: options.for }
  const fault = parseFault({ fault: kind, targets, ...present(given) })
  const lab = await Laboratory.open(absolute(options.dir))
  try {
    const active = await lab.inflict(fault, viewOf(lab))
    io.screen.say(`${faultLine(fault)}: ${active.targets.join(', ') || 'everybody'}`)
    if (fault.forMs !== undefined) {
      // Interrupted, the fault ends at once.
      await delay(fault.forMs, undefined, { signal: io.signal }).catch(() => {})
      await lab.end(active)
    }
    return {
      json: {
        fault: fault.kind,
        id: active.id,
        targets: active.targets,
        ...present({ against: active.against })
      },
      text: fault.forMs === undefined ? 'done' : 'done and ended'
    }
  } finally {
    lab.close()
  }
}

/** What the testnet looks like, from all that its peers wrote so far. */
export function viewOf(lab: Laboratory): LiveView {
  const tail = new HistoryTail()
  for (const path of lab.historyPaths()) tail.follow(path)
  const view = new LiveView()
  view.feed(tail.read())
  return view
}
