import type { Protocol, Topic } from '@rayswarm/interface'
import { encodeMessage, message } from '@rayswarm/wire'
import type { Body } from '../adversaries.ts'

const TOPICS: readonly Topic[] = ['offers', 'jobs', 'ledger']
const PROTOCOLS: readonly Protocol[] = ['market', 'lease', 'verification', 'sync']
/** Mean time between two messages. */
const EVERY_MS = 20
const OVERHEARD_COUNT_MAX = 64
const NONSENSE_SIZE_BYTES_MAX = 2_000
const TIMEOUT_MS = 500

/** Sends nonsense, and repeats what it heard, to everybody, on every topic and protocol, for as long as it lives. */
export class Flood {
  readonly #body: Body
  readonly #overheard: Uint8Array[] = []
  #repeated = 0

  constructor(body: Body) {
    this.#body = body
  }

  start(): void {
    const { network } = this.#body
    for (const topic of TOPICS)
      network.subscribe(topic, bytes => {
        // The latest ones: a replay is worth most while it is fresh.
        this.#overheard.push(bytes)
        if (this.#overheard.length > OVERHEARD_COUNT_MAX) this.#overheard.shift()
        return { action: 'accept' }
      })
    this.#next()
  }

  #next(): void {
    const { clock, chance } = this.#body
    clock.after(-Math.log(1 - chance.unit()) * EVERY_MS, () => {
      this.#send()
      this.#next()
    })
  }

  #send(): void {
    const { network, chance, peers } = this.#body
    const bytes = this.#bytes()
    if (chance.unit() < 0.25) {
      void network.publish(this.#pick(TOPICS), bytes)
      return
    }
    const others = peers()
    const to = others[Math.floor(chance.unit() * others.length)]
    if (to === undefined) return
    network.request(to, this.#pick(PROTOCOLS), bytes, { timeoutMs: TIMEOUT_MS }).catch(() => undefined)
  }

  #bytes(): Uint8Array {
    const { chance } = this.#body
    const draw = chance.unit()
    if (draw < 0.5 && this.#overheard.length > 0)
      return this.#overheard[this.#repeated++ % this.#overheard.length]!
    if (draw < 0.75) return encodeMessage(message('recon', { set: 'offers', frame: Uint8Array.of(0x80) }))
    return chance.bytes(Math.floor(chance.unit() * NONSENSE_SIZE_BYTES_MAX))
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#body.chance.unit() * items.length)]!
  }
}
