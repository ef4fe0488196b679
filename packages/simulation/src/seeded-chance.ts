import type { Chance } from '@rayswarm/interface'

/** Seeded chance: equal seeds give equal worlds. The generator is sfc32. */
export class SeededChance implements Chance {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = (seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 12; i++) this.#next()
  }

  unit(): number {
    return this.#next() / 2 ** 32
  }

  bytes(lengthBytes: number): Uint8Array {
    return Uint8Array.from({ length: lengthBytes }, () => this.#next() & 0xff)
  }

  /** A stream of its own, so that one consumer's draws do not shift another's. */
  fork(): SeededChance {
    return new SeededChance(this.#next() * 2 ** 20 + (this.#next() & 0xfffff))
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}
