import type { Clock, Timer } from '@rayswarm/interface'

/** Events between two turns of the event loop. */
const EVENTS_PER_TURN = 512

/** A timer in the heap, and its own handle: there are tens of thousands of them in a world. */
class Pending implements Timer {
  fn: (() => void) | undefined

  constructor(
    readonly atMs: number,
    readonly order: number,
    fn: () => void
  ) {
    this.fn = fn
  }

  cancel(): void {
    this.fn = undefined
  }
}

/**
 * A clock that stands still until it is advanced. Timers fire in order of time, then of creation.
 *
 * One clock carries a whole world; each machine gets its own {@link HostClock} on it.
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
    const entry = new Pending(this.#nowMs + Math.max(0, delayMs), this.#order++, fn)
    push(this.#heap, entry)
    return entry
  }

  /** Move `byMs` forward, firing every timer that falls due on the way. */
  async advance(byMs: number): Promise<void> {
    await this.until(() => false, byMs)
  }

  /**
   * Move forward until `met()` holds, at most `byMs`; answers whether it holds.
   *
   * Between two timers every promise that can move moves: nothing in a simulated peer waits on anything slower than a microtask.
   */
  until(met: () => boolean, byMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + byMs
    return new Promise((resolve, reject) => {
      let firedCount = 0
      const step = (): void => {
        try {
          const ended = this.#step(met, untilMs)
          if (ended !== undefined) return resolve(ended)
        } catch (cause) {
          return reject(cause)
        }
        // Now and then a whole turn of the event loop, so that signals and the host's own timers get through.
        if (++firedCount % EVENTS_PER_TURN === 0) setImmediate(step)
        else SETTLED.then(later)
      }
      // A tick that is asked for in a microtask comes when no microtask is left; it costs a tenth of a turn of the loop.
      const later = (): void => process.nextTick(step)
      setImmediate(step)
    })
  }

  /** Fire the next timer. Answers how it ended when there is none in time, or nothing more to wait for. */
  #step(met: () => boolean, untilMs: number): boolean | undefined {
    while (!met()) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = untilMs
        return met()
      }
      pop(this.#heap)
      const { fn } = next
      if (fn === undefined) continue
      this.#nowMs = next.atMs
      fn()
      return undefined
    }
    return true
  }
}

const SETTLED = Promise.resolve()

/** How a machine's clock departs from the world's. */
export interface HostClockInit {
  /** Milliseconds it counts per millisecond of the world; 0.5 to 1.5 is a drift of 50 %. */
  readonly rate?: number
  /** How far it is ahead when the world begins. */
  readonly aheadMs?: number
}

/** One machine's clock: it drifts, and it can stand still. It goes on while the processes on it come and go. */
export class HostClock implements Clock {
  readonly #world: Clock
  readonly #rate: number
  /** What this clock said, when the world's said `#worldAtMs`. */
  #ownAtMs: number
  #worldAtMs: number
  #paused = false
  #held: (() => void)[] = []

  constructor(world: Clock, init: HostClockInit = {}) {
    this.#world = world
    this.#rate = init.rate ?? 1
    this.#worldAtMs = world.nowMs()
    this.#ownAtMs = this.#worldAtMs + (init.aheadMs ?? 0)
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Whole milliseconds, like every real clock a peer reads. */
  nowMs(): number {
    return Math.floor(this.exactMs())
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.afterIf(delayMs, fn, ALWAYS)
  }

  /** Like `after`, unless `wanted()` is false when the time has come. */
  afterIf(delayMs: number, fn: () => void, wanted: () => boolean): Timer {
    return new HostTimer(this, Math.max(0, delayMs), fn, wanted)
  }

  /** @internal Call `fire` once the world has waited long enough for `delayMs` of ours. */
  arm(delayMs: number, fire: () => void): Timer {
    return this.#world.after(delayMs / this.#rate, fire)
  }

  /** @internal Its time has come while the clock stands still. */
  hold(fire: () => void): void {
    this.#held.push(fire)
  }

  /** Stop: no timer fires. */
  pause(): void {
    this.#anchor()
    this.#paused = true
  }

  /** Go on. With `jump` the clock then shows the time that has passed, like that of a stopped process; without, it lags from now on. */
  resume({ jump }: { jump: boolean }): void {
    if (!this.#paused) return
    this.#paused = false
    if (jump) this.#ownAtMs += (this.#world.nowMs() - this.#worldAtMs) * this.#rate
    this.#worldAtMs = this.#world.nowMs()
    const held = this.#held
    this.#held = []
    // One after the other, with time for promises in between.
    for (const fire of held) this.#world.after(0, fire)
  }

  #anchor(): void {
    this.#ownAtMs = this.exactMs()
    this.#worldAtMs = this.#world.nowMs()
  }

  /** @internal Not rounded. */
  exactMs(): number {
    if (this.#paused) return this.#ownAtMs
    return this.#ownAtMs + (this.#world.nowMs() - this.#worldAtMs) * this.#rate
  }
}

/** A timer of one machine: waits on when its clock stood still in between. */
class HostTimer implements Timer {
  readonly #clock: HostClock
  readonly #dueAtMs: number
  readonly #wanted: () => boolean
  #fn: (() => void) | undefined
  #timer: Timer

  constructor(clock: HostClock, delayMs: number, fn: () => void, wanted: () => boolean) {
    this.#clock = clock
    this.#dueAtMs = clock.exactMs() + delayMs
    this.#fn = fn
    this.#wanted = wanted
    this.#timer = clock.arm(delayMs, this.#fire)
  }

  cancel(): void {
    this.#fn = undefined
    this.#timer.cancel()
  }

  readonly #fire = (): void => {
    if (this.#fn === undefined || !this.#wanted()) return
    if (this.#clock.paused) return this.#clock.hold(this.#fire)
    const leftMs = this.#dueAtMs - this.#clock.exactMs()
    if (leftMs > ROUNDING_MS) this.#timer = this.#clock.arm(leftMs, this.#fire)
    else this.#fn()
  }
}

const ALWAYS = (): boolean => true
/** A timer this close to its time is due: dividing by the rate and multiplying again rounds. */
const ROUNDING_MS = 1e-6

/** A machine's clock as one process sees it. After `stop()` none of its timers fires: the process is gone. */
export class ProcessClock implements Clock {
  #stopped = false
  readonly #alive = (): boolean => !this.#stopped

  constructor(readonly host: HostClock) {}

  nowMs(): number {
    return this.host.nowMs()
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.host.afterIf(delayMs, fn, this.#alive)
  }

  stop(): void {
    this.#stopped = true
  }
}

function before(a: Pending, b: Pending): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

function push(heap: Pending[], entry: Pending): void {
  let at = heap.length
  heap.push(entry)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(entry, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = entry
}

function pop(heap: Pending[]): void {
  const last = heap.pop()!
  const { length } = heap
  if (length === 0) return
  let at = 0
  for (let child = 1; child < length; child = at * 2 + 1) {
    if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
}
