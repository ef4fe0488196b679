import type { Peer } from '@rayswarm/peer'

/** Tell the process that started a node what the node does. */
export function tellNodeEvents({ events }: Peer, tell: (event: object) => void): void {
  events.on('lease:held', ({ replica }) => tell({ event: 'lease:held', subtask: replica.subtask }))
  events.on('execution:finished', ({ replica, elapsedMs }) =>
    tell({ event: 'execution:finished', subtask: replica.subtask, elapsedMs })
  )
  events.on('execution:failed', ({ replica, error }) =>
    tell({ event: 'execution:failed', subtask: replica.subtask, message: error.message })
  )
  events.on('node:paid', ({ job, amount }) => tell({ event: 'node:paid', job, amount }))
}
