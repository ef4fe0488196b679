import pc from 'picocolors'

/** Without a terminal, the first of the passing lines is printed at most this often. */
const PLAIN_INTERVAL_MS = 5_000
/** With one, they are redrawn at most this often. */
const REDRAW_INTERVAL_MS = 100

/** The part of a terminal, or of a plain file, that a command writes its progress to. */
export interface ScreenOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Lines that stay, and a few below them that are redrawn in place. Everything goes to standard error. */
export class Screen {
  readonly #output: ScreenOutput
  #passing: readonly string[] = []
  #drawnCount = 0
  #drawnAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(output: ScreenOutput = process.stderr) {
    this.#output = output
  }

  /** A line that stays. */
  say(line: string): void {
    this.#erase()
    this.#output.write(`${line}\n`)
    this.#draw()
  }

  /** Lines that stand for the present state; the next call replaces them. */
  show(lines: readonly string[]): void {
    this.#passing = lines
    if (this.#timer !== undefined) return
    const intervalMs = this.#output.isTTY === true ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS
    const waitMs = this.#drawnAtMs + intervalMs - performance.now()
    if (waitMs <= 0) return this.#redraw()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#redraw()
    }, waitMs)
    this.#timer.unref()
  }

  /** Take the passing lines away. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#erase()
    this.#passing = []
  }

  #redraw(): void {
    this.#drawnAtMs = performance.now()
    if (this.#output.isTTY === true) {
      this.#erase()
      this.#draw()
    } else if (this.#passing[0] !== undefined) this.#output.write(`${this.#passing[0]}\n`)
  }

  #draw(): void {
    if (this.#output.isTTY !== true || this.#passing.length === 0) return
    const widthMax = (this.#output.columns ?? 80) - 1
    for (const line of this.#passing) this.#output.write(`${cut(line, widthMax)}\n`)
    this.#drawnCount = this.#passing.length
  }

  #erase(): void {
    if (this.#drawnCount > 0) this.#output.write('\u001b[1A\u001b[2K'.repeat(this.#drawnCount))
    this.#drawnCount = 0
  }
}

/** A bar of `cells` characters, `share` of it full. */
export function bar(share: number, cells = 24): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * cells)
  return pc.green('█'.repeat(full)) + pc.dim('░'.repeat(cells - full))
}

/** The end of a peer id: what people can tell apart. */
export function shortPeer(peer: string): string {
  return `…${peer.slice(-8)}`
}

/** The end of a job id. */
export function shortJob(job: string): string {
  return job.slice(-8)
}

/** Cut a line to a width, colour codes not counted. */
function cut(line: string, widthMax: number): string {
  let width = 0
  let text = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes start with one
  for (const [part] of line.matchAll(/\u001b\[[\d;]*m|./gsu)) {
    if (!part.startsWith('\u001b')) {
      if (width >= widthMax) continue
      width += 1
    }
    text += part
  }
  return text
}
