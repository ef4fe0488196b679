/** What a node has to give: places for executions, and memory. */
export class Places {
  #takenCount = 0
  #reservedBytes = 0

  constructor(
    readonly memoryBytes: number,
    /** Known once the engines are probed. */
    readonly count: () => number
  ) {}

  /** Places that are free. */
  get free(): number {
    return this.count() - this.#takenCount
  }

  /** Places for executions of so much memory each: no more than the memory that is left allows. */
  freeFor(memoryBytes: number): number {
    return Math.min(this.free, Math.floor((this.memoryBytes - this.#reservedBytes) / memoryBytes))
  }

  /** Take a place. Answers how to give it back; to do so twice changes nothing. */
  take(memoryBytes: number): () => void {
    let taken = true
    this.#takenCount++
    this.#reservedBytes += memoryBytes
    return () => {
      if (!taken) return
      taken = false
      this.#takenCount--
      this.#reservedBytes -= memoryBytes
    }
  }
}
