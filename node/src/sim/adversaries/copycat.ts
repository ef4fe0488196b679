import { type Cid, RayswarmError, type Runner, type Subtask } from '@rayswarm/interface'
import type { PeerComponents } from '@rayswarm/peer'
import { decodeMessage } from '@rayswarm/wire'
import { decodeOutput } from '@rayswarm/workload'

const POLL_MS = 200
const RESULT_TIMEOUT_MS = 2_000
const RESULT_SIZE_BYTES_MAX = 2 ** 20

/** Executes nothing: waits until somebody shows a result of the same subtask, and hands that in as its own. */
export function copycat(components: PeerComponents): PeerComponents {
  const shown = new Map<string, Cid>()
  const { network, context } = components
  const serve: PeerComponents['network']['serve'] = (protocol, handler) =>
    network.serve(protocol, (bytes, from) => {
      const decoded = decodeMessage(bytes, ['reveal'], context)
      if (decoded.ok) {
        const { replica, result } = decoded.value.body.attestation.body
        shown.set(`${replica.job}/${replica.subtask}`, result)
      }
      return handler(bytes, from)
    })
  const runners = components.runners.map(runner => copying(runner, components, shown))
  return { ...components, network: { ...network, serve }, runners }
}

function copying(runner: Runner, { assets, clock }: PeerComponents, shown: ReadonlyMap<string, Cid>): Runner {
  const copy = async (subtask: Subtask, signal: AbortSignal) => {
    for (;;) {
      const result = shown.get(`${subtask.job}/${subtask.index}`)
      if (result !== undefined) {
        const bounds = { providers: [], sizeBytesMax: RESULT_SIZE_BYTES_MAX, timeoutMs: RESULT_TIMEOUT_MS }
        const output = decodeOutput(await assets.fetchBytes(result, bounds), subtask)
        if (output.ok) return output.value
      }
      await new Promise<void>(resolve => clock.after(POLL_MS, resolve))
      if (signal.aborted) throw new RayswarmError('ERR_ABORTED', 'the execution was aborted')
    }
  }
  return {
    engine: runner.engine,
    probe: () => runner.probe(),
    inspect: (spec, dir) => runner.inspect(spec, dir),
    finish: (spec, frame) => runner.finish(spec, frame),
    open: async () => ({ run: (subtask, { signal }) => copy(subtask, signal), close: async () => {} })
  }
}
