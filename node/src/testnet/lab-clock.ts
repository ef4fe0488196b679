import type { Clock, Timer } from '@rayswarm/interface'
import { SystemClock } from '../host/system-world.ts'

const BPS = 10_000

/** A clock that can be wrong: ahead or behind, too fast or too slow. Set back, it stands still until time caught up. */
export class LabClock implements Clock {
  readonly #system = new SystemClock()
  #anchorMs = this.#system.nowMs()
  #anchorShownMs = this.#anchorMs
  #speed = 1
  #skewMs = 0
  #lastMs = 0

  nowMs(): number {
    const shownMs = this.#anchorShownMs + (this.#system.nowMs() - this.#anchorMs) * this.#speed
    this.#lastMs = Math.max(this.#lastMs, Math.floor(shownMs))
    return this.#lastMs
  }

  /** Timers run on this clock too: one that is too fast rings too early. */
  after(delayMs: number, fn: () => void): Timer {
    return this.#system.after(delayMs / this.#speed, fn)
  }

  /** Make the clock `skewMs` wrong from now on, and `driftBps` hundredths of a percent too fast. */
  set(skewMs: number, driftBps: number): void {
    if (skewMs === this.#skewMs && this.#speed === 1 + driftBps / BPS) return
    const nowMs = this.#system.nowMs()
    // A drift that ended leaves no trace: the clock is right again but for its skew.
    this.#anchorShownMs = nowMs + skewMs
    this.#anchorMs = nowMs
    this.#skewMs = skewMs
    this.#speed = 1 + driftBps / BPS
  }
}
