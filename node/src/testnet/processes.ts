import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { RayswarmError } from '@rayswarm/interface'

const POLL_MS = 50
const TERM_TIMEOUT_MS = 8_000
const KILL_TIMEOUT_MS = 2_000
/** Last words of a process that did not get ready. */
const LAST_WORDS_BYTES = 2_000

/** The command line program of this package. */
export const PROGRAM = fileURLToPath(new URL('../../../bin/rayswarm.js', import.meta.url))

/** A process that we started and may end. */
export interface OwnProcess {
  readonly name: string
  readonly pid: number
  /** When it started, in the system's own terms: tells it from a later process with its number. */
  readonly startMark: string
}

/** How to start a process. */
export interface Launch {
  readonly name: string
  /** Script of ours; the installed program when absent. */
  readonly program?: string
  readonly args: readonly string[]
  /** Its output goes there. */
  readonly logPath: string
  readonly env?: Readonly<Record<string, string>>
  /** Start it in there. */
  readonly namespace?: string
}

/** Start the program in the background; it outlives us. */
export async function spawnDetached(launch: Launch): Promise<OwnProcess> {
  const { name, program = PROGRAM, args, logPath, env = {}, namespace } = launch
  const log = openSync(logPath, 'a', 0o600)
  // Entering a namespace replaces the process that does it: the number stays.
  const enter = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
  const [file = '', ...rest] = [...enter, process.execPath, program, ...args]
  try {
    const child = spawn(file, rest, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env }
    })
    child.on('error', () => {})
    child.unref()
    if (child.pid === undefined)
      throw new RayswarmError('ERR_INTERNAL', `${name} could not be started`, {
        thing: 'process',
        value: name,
        remedy: 'Check the limits on processes of this user.'
      })
    return { name, pid: child.pid, startMark: (await startMark(child.pid)) ?? '' }
  } finally {
    closeSync(log)
  }
}

/** Whether a process still runs, and is still the one we started. */
export async function isRunning({ pid, startMark: mark }: OwnProcess): Promise<boolean> {
  return (await startMark(pid)) === mark && mark !== ''
}

/**
 * Wait until `ready` answers something, as long as the process lives.
 *
 * @throws {RayswarmError} `ERR_TIMEOUT`, or `ERR_INTERNAL` with the process's last words; `ERR_ABORTED`
 */
export async function whenReady<T>(
  process: OwnProcess,
  logPath: string,
  ready: () => Promise<T | undefined>,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal }
): Promise<T> {
  const untilMs = performance.now() + options.timeoutMs
  for (;;) {
    const found = await ready().catch(() => undefined)
    if (found !== undefined) return found
    if (options.signal.aborted)
      throw new RayswarmError('ERR_ABORTED', 'stopped while the testnet was starting', {
        thing: 'process',
        value: process.name,
        remedy: 'Give the command again: what had been started was ended.'
      })
    const late = performance.now() > untilMs
    if (late || !(await isRunning(process)))
      throw new RayswarmError(
        late ? 'ERR_TIMEOUT' : 'ERR_INTERNAL',
        `${process.name} did not get ready: ${await lastWords(logPath)}`,
        { thing: 'process', value: process.name, remedy: `See its log, ${logPath}.` }
      )
    await delay(POLL_MS)
  }
}

/** Send a signal to a process of ours, if it still is. */
export async function signalProcess(own: OwnProcess, signal: NodeJS.Signals): Promise<boolean> {
  const running = await isRunning(own)
  if (running) send(own.pid, signal)
  return running
}

/** Kill a process, and wait until it is gone. */
export async function killProcess(own: OwnProcess): Promise<void> {
  if (await signalProcess(own, 'SIGKILL')) await gone(own, KILL_TIMEOUT_MS)
}

/** Processes that have this in their environment, whoever started them: what a killed command left behind. Linux only. */
export async function processesWith(key: string, value: string): Promise<OwnProcess[]> {
  if (process.platform !== 'linux') return []
  const names = (await readdir('/proc')).filter(name => /^\d+$/.test(name) && name !== String(process.pid))
  const found = await Promise.all(
    names.map(async name => {
      const text = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '')
      if (!text.split('\0').includes(`${key}=${value}`)) return undefined
      const mark = await startMark(Number(name))
      return mark === undefined ? undefined : { name: `pid ${name}`, pid: Number(name), startMark: mark }
    })
  )
  return found.filter(own => own !== undefined)
}

/** End processes: politely, then not. Answers the ones that were running. */
export async function endProcesses(processes: readonly OwnProcess[]): Promise<OwnProcess[]> {
  const ended = await Promise.all(
    processes.map(async own => {
      if (!(await isRunning(own))) return undefined
      send(own.pid, 'SIGTERM')
      // One that is stopped hears nothing until it goes on.
      send(own.pid, 'SIGCONT')
      if (!(await gone(own, TERM_TIMEOUT_MS))) send(own.pid, 'SIGKILL')
      if (await gone(own, KILL_TIMEOUT_MS)) return own
      throw new RayswarmError('ERR_INTERNAL', `${own.name} (pid ${own.pid}) does not end`, {
        thing: 'process',
        value: own.pid,
        remedy: 'End it by hand.'
      })
    })
  )
  return ended.filter(own => own !== undefined)
}

async function gone(own: OwnProcess, timeoutMs: number): Promise<boolean> {
  const untilMs = performance.now() + timeoutMs
  while (await isRunning(own)) {
    if (performance.now() > untilMs) return false
    await delay(POLL_MS)
  }
  return true
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

/** Undefined when there is no such process, or only its remains. */
async function startMark(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // The name in parentheses may hold anything; state and start time come after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return stat === '' || fields[0] === 'Z' ? undefined : fields[19]
  }
  const run = promisify(execFile)
  const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  const [, state, mark] = /^\s*(\S+)\s+(.*?)\s*$/s.exec(stdout) ?? []
  return state === undefined || state.startsWith('Z') ? undefined : mark
}

/** The end of what a process wrote into its log. */
export async function lastWords(logPath: string): Promise<string> {
  try {
    await using file = await open(logPath, 'r')
    const { size } = await file.stat()
    const length = Math.min(size, LAST_WORDS_BYTES)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8').trim() || 'it said nothing'
  } catch {
    return 'no log'
  }
}
