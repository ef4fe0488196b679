import type { JobId, PeerId } from '@rayswarm/interface'
import { encodeMessage, message } from '@rayswarm/wire'
import { ask } from './ask.ts'
import type { RoleComponents } from './components.ts'
import type { SubtaskTrack } from './job-state.ts'
import type { Scope } from './scope.ts'

/** Tell the holders of sealed replicas that they may open now. Who does not hear it asks by itself later. */
export function wakeHolders(
  components: RoleComponents,
  scope: Scope,
  job: JobId,
  { subtask }: SubtaskTrack,
  holders: readonly PeerId[]
): void {
  const { params } = components
  const notice = encodeMessage(
    message('notice', { job, about: 'subtask-sealed', subtask: subtask.index, sequence: 0 })
  )
  const options = { timeoutMs: params.requestTimeoutMs, signal: scope.signal }
  for (const holder of holders)
    scope.spawn('wake', async () => {
      await ask(components, holder, 'verification', notice, ['notice-ack'], options)
    })
}
