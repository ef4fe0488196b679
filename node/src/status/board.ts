import type { Amount, JobId, ReplicaKey } from '@rayswarm/interface'
import type { Peer } from '@rayswarm/peer'

/** One execution under way. */
export interface Running {
  readonly job: JobId
  readonly subtask: number
  readonly replica: number
  /** Finished share, `0..1`. */
  readonly share: number
}

/** What a peer's events add up to. */
export class StatusBoard {
  readonly #running = new Map<string, { readonly key: ReplicaKey; share: number }>()
  /** Executions finished since start. */
  finishedCount = 0
  failedCount = 0
  /** The account's credit when the last job was settled. */
  credit: Amount | undefined

  watch({ events }: Pick<Peer, 'events'>): void {
    events.on('lease:held', ({ replica }) => this.#running.set(id(replica), { key: replica, share: 0 }))
    events.on('execution:progressed', ({ replica, share }) => {
      const entry = this.#running.get(id(replica))
      if (entry !== undefined) entry.share = share
    })
    events.on('execution:finished', ({ replica }) => {
      if (this.#running.delete(id(replica))) this.finishedCount++
    })
    events.on('execution:failed', ({ replica }) => {
      if (this.#running.delete(id(replica))) this.failedCount++
    })
    events.on('lease:lost', ({ replica }) => this.#running.delete(id(replica)))
    events.on('node:paid', ({ amount }) => {
      this.credit = amount
    })
  }

  /** The executions under way, of which there are `count`: one that was refused in the end says nothing. */
  running(count: number): readonly Running[] {
    for (const key of this.#running.keys()) {
      if (this.#running.size <= count) break
      this.#running.delete(key)
    }
    return [...this.#running.values()].map(({ key, share }) => ({
      job: key.job,
      subtask: key.subtask,
      replica: key.replica,
      share
    }))
  }
}

function id({ job, subtask, replica, generation }: ReplicaKey): string {
  return `${job}/${subtask}/${replica}/${generation}`
}
