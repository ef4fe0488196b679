import type { JobId, PeerId, ReplicaKey } from '@rayswarm/interface'
import type { Peer } from '@rayswarm/peer'
import pc from 'picocolors'
import type { CommandIo } from '../cli/command.ts'
import { bar, shortPeer } from '../cli/screen.ts'

/** Counts what happens to one job and shows it. */
export class JobProgress {
  readonly #io: CommandIo
  readonly #startedAtMs = performance.now()
  readonly #running = new Map<string, PeerId>()
  #job: JobId | undefined
  #subtaskCount = 0
  #frameCount = 0
  #writtenCount = 0
  grantCount = 0
  acceptedCount = 0

  constructor(io: CommandIo) {
    this.#io = io
  }

  /** Show this job from now on. */
  follow(job: JobId, counts: { subtaskCount: number; acceptedCount: number; frameCount: number }): void {
    this.#job = job
    this.#subtaskCount = counts.subtaskCount
    this.acceptedCount = counts.acceptedCount
    this.#frameCount = counts.frameCount
    this.#show()
  }

  frameWritten(frame: number, writtenCount: number, path: string): void {
    this.#writtenCount = writtenCount
    this.#io.tell({ event: 'frame', frame, path })
    this.#show()
  }

  watch(peer: Peer): void {
    const { screen, tell } = this.#io
    const { events } = peer
    const own = (job: JobId): boolean => this.#isOurs(job)
    events.on('job:published', ({ job, subtaskCount, locked }) => {
      if (own(job)) tell({ event: 'published', job, subtaskCount, locked })
    })
    events.on('replica:granted', ({ replica, node }) => {
      if (!own(replica.job)) return
      this.grantCount++
      this.#running.set(keyOf(replica), node)
      tell({ event: 'granted', subtask: replica.subtask, replica: replica.replica, node })
      this.#show()
    })
    events.on('replica:committed', ({ replica, node }) => this.#ended('committed', replica, node))
    events.on('replica:lapsed', ({ replica, node }) => {
      this.#ended('lapsed', replica, node)
      if (own(replica.job))
        screen.say(pc.yellow(`lease lapsed: subtask ${replica.subtask}, ${shortPeer(node)}`))
    })
    events.on('replica:judged', ({ replica, node, verdict, reason }) => {
      if (!own(replica.job)) return
      tell({ event: 'judged', subtask: replica.subtask, replica: replica.replica, node, verdict, reason })
      if (verdict === 'rejected')
        screen.say(
          pc.red(`${shortPeer(node)} attested a wrong result for subtask ${replica.subtask}: rejected`)
        )
    })
    events.on('subtask:accepted', ({ job, subtask }) => {
      if (job !== this.#job) return
      this.acceptedCount++
      tell({ event: 'accepted', subtask, acceptedCount: this.acceptedCount })
      this.#show()
    })
  }

  /** The first grants of a job may come before publish has answered. */
  #isOurs(job: JobId): boolean {
    return this.#job === undefined || this.#job === job
  }

  #ended(event: string, replica: ReplicaKey, node: PeerId): void {
    if (!this.#isOurs(replica.job)) return
    this.#running.delete(keyOf(replica))
    this.#io.tell({ event, subtask: replica.subtask, replica: replica.replica, node })
    this.#show()
  }

  #show(): void {
    if (this.#job === undefined) return
    const seconds = (performance.now() - this.#startedAtMs) / 1_000
    const nodes = new Set(this.#running.values())
    this.#io.screen.show([
      `${bar(this.acceptedCount / this.#subtaskCount)} ${this.acceptedCount}/${this.#subtaskCount} subtasks accepted, ${this.#writtenCount}/${this.#frameCount} frames written`,
      pc.dim(
        `${this.#running.size} executing on ${nodes.size} nodes, ${this.grantCount} granted, ${seconds.toFixed(0)} s`
      )
    ])
  }
}

function keyOf({ subtask, replica, generation }: ReplicaKey): string {
  return `${subtask}/${replica}/${generation}`
}
