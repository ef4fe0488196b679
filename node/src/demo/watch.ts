import pc from 'picocolors'
import { bar, type Screen } from '../cli/screen.ts'
import type { ChildEvent } from './children.ts'
import type { DemoNode } from './world.ts'

/** Shows what the creator's process tells. */
export class DemoWatch {
  readonly #screen: Screen
  readonly #nodes: readonly DemoNode[]
  readonly #startedAtMs = performance.now()
  readonly #running = new Map<string, string>()
  readonly #rejectedCount = new Map<string, number>()
  #subtaskCount = 0
  #acceptedCount = 0
  #frameCount = 0
  #executionCount = 0

  constructor(screen: Screen, nodes: readonly DemoNode[]) {
    this.#screen = screen
    this.#nodes = nodes
  }

  onEvent(event: ChildEvent): void {
    const key = `${event.subtask}/${event.replica}`
    const name = this.#nameOf(event.node)
    switch (event.event) {
      case 'published':
        this.#subtaskCount = Number(event.subtaskCount)
        this.#screen.say(`creator  job ${event.job}, ${event.subtaskCount} subtasks, budget locked in escrow`)
        break
      case 'granted':
        this.#executionCount++
        this.#running.set(key, name)
        break
      case 'committed':
      case 'lapsed':
        this.#running.delete(key)
        if (event.event === 'lapsed')
          this.#screen.say(pc.yellow(`${name}  lost its lease on subtask ${event.subtask}`))
        break
      case 'judged':
        if (event.verdict === 'rejected') this.#sayRejected(name, event)
        break
      case 'accepted':
        this.#acceptedCount = Number(event.acceptedCount)
        break
      case 'frame':
        this.#frameCount++
        break
    }
    this.#show()
  }

  #sayRejected(name: string, event: ChildEvent): void {
    const count = (this.#rejectedCount.get(name) ?? 0) + 1
    this.#rejectedCount.set(name, count)
    // The first time is news.
    if (count === 1)
      this.#screen.say(pc.red(`${name}   lied about subtask ${event.subtask}: two others agree against it`))
  }

  #nameOf(peer: unknown): string {
    return this.#nodes.find(({ peerId }) => peerId === peer)?.name ?? String(peer ?? '')
  }

  #show(): void {
    if (this.#subtaskCount === 0) return
    const seconds = Math.round((performance.now() - this.#startedAtMs) / 1_000)
    const busy = new Set(this.#running.values())
    const nodes = this.#nodes.map(({ name }) => (busy.has(name) ? pc.green(name) : pc.dim(name))).join(' ')
    const lies = [...this.#rejectedCount.values()].reduce((sum, count) => sum + count, 0)
    this.#screen.show([
      `${bar(this.#acceptedCount / this.#subtaskCount)} ${this.#acceptedCount}/${this.#subtaskCount} accepted, ${this.#frameCount} frames, ${this.#executionCount} executions, ${lies} ${lies === 1 ? 'lie' : 'lies'} caught, ${seconds} s`,
      nodes
    ])
  }
}
