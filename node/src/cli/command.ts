import { writeSync } from 'node:fs'
import { asFailure, EXIT, exitCodeOf, failureJson, sayFailure } from './failure.ts'
import { Screen } from './screen.ts'

/** A command that was asked to stop has this long, then it is ended. */
const STOP_TIMEOUT_MS = 5_000
/** `npm run` passes Ctrl+C on to a process that already got it from the terminal. */
const SAME_KEY_MS = 500

/** Options that every command takes. */
export interface CommonOptions {
  readonly json?: boolean
  /** Hidden: stop when standard input ends, so that a child cannot outlive its parent. */
  readonly exitWithParent?: boolean
  /** Hidden: file descriptor that progress is written to, one JSON object per line. */
  readonly eventsFd?: string
}

/** What a command gets to work with. */
export interface CommandIo {
  readonly json: boolean
  readonly screen: Screen
  /** Aborts on Ctrl+C, SIGTERM and the end of the parent. */
  readonly signal: AbortSignal
  /** Tell the process that started us what happened. */
  readonly tell: (event: object) => void
}

/** How a command ended. */
export interface Outcome {
  /** Last line of `--json`. spec/cli.md */
  readonly json: object
  /** What a person reads instead. */
  readonly text: string
  readonly exitCode?: number
}

/** Run one command to its end: signals, errors, output, exit code. Never returns. */
export async function perform(
  options: CommonOptions,
  body: (io: CommandIo) => Promise<Outcome>
): Promise<never> {
  const screen = new Screen()
  const json = options.json === true
  const tell = tellTo(options.eventsFd)
  const signal = stopSignal(options, screen)
  // Nobody reads the progress any more: no reason to stop.
  process.stderr.on('error', () => {})
  process.on('unhandledRejection', cause => {
    screen.say(`unhandled rejection: ${cause instanceof Error ? (cause.stack ?? cause.message) : cause}`)
  })
  process.on('uncaughtException', cause => {
    const failure = asFailure(cause)
    sayFailure(failure, screen)
    void end(json ? toJson(failureJson(failure)) : '', EXIT.failure)
  })
  let exitCode: number = EXIT.ok
  let last: string
  try {
    const outcome = await body({ json, screen, signal, tell })
    screen.clear()
    exitCode = outcome.exitCode ?? EXIT.ok
    last = json ? toJson(outcome.json) : outcome.text
  } catch (error) {
    screen.clear()
    const failure = asFailure(error)
    sayFailure(failure, screen)
    exitCode = exitCodeOf(failure)
    last = json ? toJson(failureJson(failure)) : ''
  }
  return await end(last, exitCode)
}

/** Print the last line and leave, whatever is still open. */
export function end(last: string, exitCode: number): Promise<never> {
  return new Promise<never>(() => {
    if (last === '') process.exit(exitCode)
    process.stdout.on('error', () => process.exit(exitCode))
    process.stdout.write(`${last}\n`, () => process.exit(exitCode))
  })
}

/** JSON on one line; amounts as decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item))
}

function tellTo(eventsFd: string | undefined): (event: object) => void {
  if (eventsFd === undefined) return () => {}
  const fd = Number(eventsFd)
  return event => {
    try {
      writeSync(fd, `${toJson(event)}\n`)
    } catch {
      // Nobody listens any more.
    }
  }
}

function stopSignal(options: CommonOptions, screen: Screen): AbortSignal {
  const stop = new AbortController()
  let stoppedAtMs: number | undefined
  const onStop = (why: string): void => {
    const nowMs = performance.now()
    if (stoppedAtMs !== undefined) {
      if (why === 'SIGINT' && nowMs - stoppedAtMs > SAME_KEY_MS) process.exit(EXIT.interrupted)
      return
    }
    stoppedAtMs = nowMs
    if (why === 'SIGINT') screen.say('stopping; Ctrl+C again to end at once')
    setTimeout(() => process.exit(EXIT.interrupted), STOP_TIMEOUT_MS).unref()
    stop.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => onStop(name))
  if (options.exitWithParent === true) {
    process.stdin.on('end', () => onStop('parent')).on('close', () => onStop('parent'))
    process.stdin.on('error', () => onStop('parent')).resume()
  }
  return stop.signal
}
