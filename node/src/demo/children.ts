import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import { PROGRAM } from '../testnet/processes.ts'

/** A child that was asked to end has this long. */
const END_TIMEOUT_MS = 4_000
const LAST_WORDS_CHARS = 1_500

/** What a child tells while it runs, one JSON object per line. */
export interface ChildEvent {
  readonly event: string
  readonly [field: string]: unknown
}

export interface ChildInit {
  readonly name: string
  readonly args: readonly string[]
  /** Its output goes to `<dir>/<name>.log`. */
  readonly dir: string
  readonly onEvent?: (event: ChildEvent) => void
}

/** One peer of the demo: a process of its own that cannot outlive us, however we end. */
export class Child {
  readonly name: string
  readonly logPath: string
  readonly #process: ChildProcess
  readonly #exited: Promise<number>
  readonly #ready: Promise<ChildEvent>
  #lastLine = ''

  constructor({ name, args, dir, onEvent }: ChildInit) {
    this.name = name
    this.logPath = join(dir, `${name}.log`)
    // Away from our terminal: Ctrl+C is for us to handle. When we are gone its input ends, and so does it.
    const child = spawn(
      process.execPath,
      [PROGRAM, ...args, '--exit-with-parent', '--events-fd', '3', '--json'],
      {
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe', 'pipe']
      }
    )
    this.#process = child
    child.stdin!.on('error', () => {})
    child.stderr!.pipe(createWriteStream(this.logPath, { mode: 0o600 }))
    createInterface({ input: child.stdout! }).on('line', line => {
      this.#lastLine = line
    })
    this.#exited = once(child, 'close').then(
      ([code]) => code ?? 1,
      () => 1
    )
    this.#ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stdio[3] as Readable }).on('line', line => {
        const event = JSON.parse(line) as ChildEvent
        if (event.event === 'ready') resolve(event)
        onEvent?.(event)
      })
      void this.#exited.then(async () => reject(await this.failure()))
    })
    this.#ready.catch(() => {})
  }

  /** Resolves with its `ready` event; rejects when it ends before. */
  ready(): Promise<ChildEvent> {
    return this.#ready
  }

  /** Exit code and last line of standard output. */
  async ended(): Promise<{ readonly exitCode: number; readonly lastLine: string }> {
    return { exitCode: await this.#exited, lastLine: this.#lastLine }
  }

  /** Why it failed: its own error, or the end of its log. */
  async failure(): Promise<RayswarmError> {
    try {
      const { code, message, thing, value, remedy } = JSON.parse(this.#lastLine).error
      return new RayswarmError(code, `${this.name}: ${message}`, { thing, value, remedy })
    } catch (error) {
      if (isRayswarmError(error)) return error
    }
    const log = await readFile(this.logPath, 'utf8').catch(() => '')
    return new RayswarmError('ERR_INTERNAL', `${this.name} ended: ${log.slice(-LAST_WORDS_CHARS).trim()}`, {
      thing: 'process',
      value: this.name,
      remedy: 'Run the demo with --keep and read its log.'
    })
  }

  /** End it: politely, then not. */
  async end(): Promise<void> {
    this.#process.stdin!.end()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_TIMEOUT_MS)
    await this.#exited
    clearTimeout(timer)
  }
}
