import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Account, type Hex, RayswarmError } from '@rayswarm/interface'
import { computeAddress, toQuantity, Wallet } from 'ethers'
import { anvilPath, binaryFails } from './anvil-binary.ts'

/** Chain id of development chains. */
export const DEV_CHAIN_ID = 31_337

const HOST = '127.0.0.1'
const START_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 15_000
/** Last words of a program that does not start. */
const COMPLAINT_CHARS_MAX = 4_000
const STATE_INTERVAL_S = 30
/**
 * A call about the newest block fails when the next one comes while it runs, unless the state of the older one is kept. On a busy
 * machine some blocks come in that time.
 */
const STATES_KEPT = 16
const COINS_WEI = 10n ** 24n

/**
 * Runs the chain as a child that cannot outlive us.
 *
 * The shell holds the other end of a pipe to us. However we die, even by SIGKILL, the pipe closes and `read` returns. Its
 * first line of output is the chain's process id.
 */
const SUPERVISOR = `
exec 3<&0
"$@" </dev/null 3<&- &
chain=$!
echo "$chain"
(
  read -r _ <&3
  kill -TERM "$chain"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 0.1; done
  kill -KILL "$chain"
) >/dev/null 2>&1 &
keeper=$!
exec 3<&-
wait "$chain"
code=$?
kill "$keeper" 2>/dev/null
wait "$keeper" 2>/dev/null
exit "$code"
`

/** How a development chain is to run. Nothing is required. */
export interface DevChainInit {
  /** Absent: any free one. */
  readonly port?: number
  readonly chainId?: number
  /** Key of the account that holds coins and, once it deployed, mints. Absent: a new one. */
  readonly key?: Hex
  /** Absent: a block per transaction, at once. */
  readonly blockTimeS?: number
  /** File to continue from and to save to. Absent: everything is forgotten. */
  readonly statePath?: string
  /** Program to run instead of the installed one. */
  readonly path?: string
  readonly startTimeoutMs?: number
}

/** A chain of our own on the loopback interface, for tests, demos and local test networks. */
export class DevChain {
  readonly rpcUrl: string
  readonly chainId: number
  /** Process id of the chain. */
  readonly pid: number
  /** Key of an account with plenty of coins. */
  readonly key: Hex
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(running: Running, chainId: number, key: Hex) {
    this.rpcUrl = `http://${HOST}:${running.port}`
    this.chainId = chainId
    this.pid = running.pid
    this.key = key
    this.#child = running.child
    this.#exited = running.exited
  }

  /** Resolves when the chain has answered its first request. */
  static async start(init: DevChainInit = {}): Promise<DevChain> {
    if (init.port !== undefined) await checkPortFree(init.port)
    const chainId = init.chainId ?? DEV_CHAIN_ID
    const path = init.path ?? anvilPath()
    const running = await launch(path, anvilArgs(init, chainId), init)
    const chain = new DevChain(running, chainId, init.key ?? (Wallet.createRandom().privateKey as Hex))
    try {
      await chain.giveCoins(computeAddress(chain.key), COINS_WEI)
      return chain
    } catch (error) {
      await chain.stop()
      throw error
    }
  }

  /** Set the balance that an account pays gas from. */
  async giveCoins(account: Account, wei: bigint): Promise<void> {
    await this.request('anvil_setBalance', [account, toQuantity(wei)])
  }

  /** Move chain time forward, by a block. */
  async advance(seconds: number): Promise<void> {
    await this.request('evm_increaseTime', [seconds])
    await this.request('evm_mine', [])
  }

  /** A raw JSON-RPC request. */
  async request(method: string, values: readonly unknown[]): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: values })
    const response = await fetch(this.rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    }).catch(cause => {
      throw new RayswarmError('ERR_CHAIN_UNREACHABLE', `the development chain is gone: ${this.rpcUrl}`, {
        thing: 'RPC URL',
        value: this.rpcUrl,
        remedy: 'Start it again.',
        cause
      })
    })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (error === undefined) return result
    throw new RayswarmError('ERR_CHAIN_REVERTED', `${method}: ${error.message}`, {
      thing: 'request',
      value: error.message
    })
  }

  /** Resolves when the process has exited. Saves its state first, if it has a file for it. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) signalTo(this.pid, 'SIGTERM')
    const stopped = new AbortController()
    const killed = delay(STOP_TIMEOUT_MS, undefined, { signal: stopped.signal }).then(
      () => signalTo(this.pid, 'SIGKILL'),
      () => {}
    )
    await this.#exited
    stopped.abort()
    await killed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

interface Running {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  readonly exited: Promise<unknown>
}

function anvilArgs(init: DevChainInit, chainId: number): string[] {
  const args = ['--host', HOST, '--port', String(init.port ?? 0), '--chain-id', String(chainId)]
  // Newer hard forks slow down with every block; without a bound, kept states spill into the home directory.
  args.push('--hardfork', 'cancun', '--prune-history', String(STATES_KEPT))
  args.push('--slots-in-an-epoch', '1', '--accounts', '0')
  if (init.blockTimeS !== undefined) args.push('--block-time', String(init.blockTimeS))
  if (init.statePath !== undefined)
    args.push('--state', init.statePath, '--state-interval', String(STATE_INTERVAL_S))
  return args
}

async function launch(path: string, args: readonly string[], init: DevChainInit): Promise<Running> {
  const supervised = process.platform !== 'win32'
  // Away from our terminal: Ctrl+C is for us to handle, the chain is needed until we are done.
  const options = { detached: supervised, windowsHide: true }
  const child = supervised
    ? spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', path, ...args], options)
    : spawn(path, args, options)
  const exited = once(child, 'exit').catch(() => {})
  child.stdin.on('error', () => {})
  let output = ''
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaint = `${complaint}${text}`.slice(-COMPLAINT_CHARS_MAX)
  })
  const listening = new Promise<Running>((resolve, reject) => {
    child.on('error', cause => reject(binaryFails(path, String(cause), cause)))
    child.on('close', () => reject(startFailure(path, complaint, init.port)))
    child.stdout.setEncoding('utf8').on('data', text => {
      // Read on for ever, or the chain blocks on a full pipe; keep nothing once it is up.
      if (output.length < COMPLAINT_CHARS_MAX) output += text
      const found = /Listening on [^\s:]+:(\d+)/.exec(output)
      if (found === null) return
      const pid = supervised ? Number.parseInt(output, 10) : child.pid!
      resolve({ child, pid, port: Number(found[1]), exited })
    })
  })
  try {
    return await withDeadline(listening, path, init.startTimeoutMs ?? START_TIMEOUT_MS)
  } catch (error) {
    child.stdin.end()
    if (!supervised) child.kill()
    await exited
    throw error
  }
}

async function withDeadline(listening: Promise<Running>, path: string, timeoutMs: number): Promise<Running> {
  const started = new AbortController()
  const late = delay(timeoutMs, undefined, { signal: started.signal }).then(() => {
    throw binaryFails(path, `no answer within ${timeoutMs} ms`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([listening, late])
  } finally {
    started.abort()
  }
}

function startFailure(path: string, complaint: string, port: number | undefined): RayswarmError {
  if (port !== undefined && /in use/i.test(complaint)) return portInUse(port)
  return binaryFails(path, complaint.trim() || 'it exited without a word')
}

async function checkPortFree(port: number): Promise<void> {
  const probe = createServer()
  try {
    probe.listen(port, HOST)
    await once(probe, 'listening')
  } catch (cause) {
    throw portInUse(port, cause)
  } finally {
    probe.close()
  }
}

function portInUse(port: number, cause?: unknown): RayswarmError {
  return new RayswarmError('ERR_PORT_IN_USE', `port ${port} of ${HOST} is in use`, {
    thing: 'port',
    value: port,
    remedy: 'Stop what listens there, or choose another port.',
    cause
  })
}

function signalTo(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}
