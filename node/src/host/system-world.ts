import { randomBytes, randomInt } from 'node:crypto'
import type { Chance, Clock, Timer } from '@rayswarm/interface'

/** Longest delay of one `setTimeout`; a longer one would fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1
/** A machine that slept longer than this takes the new time; smaller corrections of the system clock are ignored. */
const SLEEP_MS_MIN = 2_000
const UNIT_STEPS = 2 ** 48 - 1

/** The system's time. Monotonic, but aware of a machine that was asleep. */
export class SystemClock implements Clock {
  #offsetMs = performance.timeOrigin

  nowMs(): number {
    const steadyMs = this.#offsetMs + performance.now()
    const behindMs = Date.now() - steadyMs
    if (behindMs > SLEEP_MS_MIN) this.#offsetMs += behindMs
    return Math.floor(this.#offsetMs + performance.now())
  }

  after(delayMs: number, fn: () => void): Timer {
    const dueAtMs = performance.now() + delayMs
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const leftMs = Math.max(0, dueAtMs - performance.now())
      timer = leftMs > DELAY_MS_MAX ? setTimeout(arm, DELAY_MS_MAX) : setTimeout(fn, leftMs)
    }
    arm()
    return { cancel: () => clearTimeout(timer) }
  }
}

/** The system's randomness. */
export class SystemChance implements Chance {
  unit(): number {
    return randomInt(UNIT_STEPS) / UNIT_STEPS
  }

  bytes(lengthBytes: number): Uint8Array {
    return Uint8Array.from(randomBytes(lengthBytes))
  }
}
