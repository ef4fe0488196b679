import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../bin/rayswarm.js', import.meta.url))
/** No command of these tests takes as long; a hung one fails its test and leaves nothing running. */
const TIMEOUT_MS = 50_000

/** How a command ended. */
export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** Last line of standard output, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any
}

/** A command under way. */
export interface Started {
  readonly child: ChildProcess
  ended(): Promise<Ended>
}

/** Start the real program as a process of its own. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL'
  })
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text.stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text.stderr += chunk
  })
  const closed = once(child, 'close')
  const ended = async (): Promise<Ended> => {
    const [exitCode] = await closed
    const lines = text.stdout.trimEnd().split('\n')
    const last = lines.at(-1) ?? ''
    return { exitCode, ...text, json: last.startsWith('{') ? JSON.parse(last) : undefined }
  }
  return { child, ended }
}

/** Run the real program to its end. */
export async function run(...args: readonly string[]): Promise<Ended> {
  return await start(args).ended()
}

const dirs = new Set<string>()
const removeDir = (path: string): void => rmSync(path, { recursive: true, force: true })
// The hooks of a suite without a test to run do not run either.
process.once('exit', () => dirs.forEach(removeDir))

/** A directory for one suite, removed after it. */
export function temporaryDir(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'rayswarm-node-'))
  dirs.add(path)
  return { path, remove: () => removeDir(path) }
}
