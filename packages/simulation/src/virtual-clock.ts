import type { Clock, Timer } from '@rayswarm/interface'

/** Events between two turns of the event loop. */
const EVENTS_PER_TURN = 512

interface Pending {
  readonly atMs: number
  readonly order: number
  fn: (() => void) | undefined
}

/**
 * A clock that stands still until it is advanced. Timers fire in order of time, then of creation.
 *
 * One clock carries a whole world; each peer gets its own {@link HostClock} on it.
 */
export class VirtualClock implements Clock {
  #nowMs: number
  #order = 0
  readonly #heap: Pending[] = []

  constructor(nowMs = 0) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): Timer {
    const entry: Pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn }
    push(this.#heap, entry)
    return {
      cancel: () => {
        entry.fn = undefined
      }
    }
  }

  /** Move `byMs` forward, firing every timer that falls due on the way. */
  async advance(byMs: number): Promise<void> {
    await this.until(() => false, byMs)
  }

  /** Move forward until `met()` holds, at most `byMs`; answers whether it holds. */
  async until(met: () => boolean, byMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + byMs
    await turn()
    for (let firedCount = 1; !met(); firedCount++) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = untilMs
        return met()
      }
      pop(this.#heap)
      if (next.fn === undefined) continue
      this.#nowMs = next.atMs
      next.fn()
      await (firedCount % EVENTS_PER_TURN === 0 ? turn() : settle())
    }
    return true
  }
}

/** One peer's view of the world's clock. After `stop()` none of its timers fires: the process is gone. */
export class HostClock implements Clock {
  #stopped = false

  constructor(readonly world: Clock) {}

  /** Whole milliseconds, like every real clock a peer reads. */
  nowMs(): number {
    return Math.floor(this.world.nowMs())
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.world.after(delayMs, () => {
      if (!this.#stopped) fn()
    })
  }

  stop(): void {
    this.#stopped = true
  }
}

/**
 * Let every promise that can move, move. Nothing in a simulated peer waits on anything slower than a microtask.
 *
 * A tick that is asked for in a microtask comes when no microtask is left; it costs a tenth of a turn of the event loop.
 */
function settle(): Promise<void> {
  return new Promise<void>(resolve => {
    process.nextTick(resolve)
  })
}

/** The same by a whole turn of the event loop, so that signals and the host's own timers get through. */
function turn(): Promise<void> {
  return new Promise<void>(resolve => {
    setImmediate(resolve)
  })
}

function before(a: Pending, b: Pending): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function push(heap: Pending[], entry: Pending): void {
  heap.push(entry)
  let at = heap.length - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(heap[at]!, heap[parent]!)) return
    swap(heap, at, parent)
    at = parent
  }
}

function pop(heap: Pending[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  heap[0] = last
  let at = 0
  for (;;) {
    const left = at * 2 + 1
    if (left >= heap.length) return
    const right = left + 1
    const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left
    if (!before(heap[child]!, heap[at]!)) return
    swap(heap, at, child)
    at = child
  }
}

function swap(heap: Pending[], a: number, b: number): void {
  const entry = heap[a]!
  heap[a] = heap[b]!
  heap[b] = entry
}
