import { mkdir, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isRayswarmError, type PeerId, RayswarmError } from '@rayswarm/interface'
import { readJson, writeWhole } from '../disk.ts'
import type { ByzantineKind } from './faults.ts'
import type { OwnProcess } from './processes.ts'
import type { ActiveFault } from './world-state.ts'

/** A peer of the testnet, running or not. */
export interface PeerRecord {
  readonly name: string
  readonly role: 'node' | 'creator'
  readonly peerId: PeerId
  readonly account: string
  /** Its data directory. */
  readonly home: string
  readonly listen: string
  /** Network namespace and address in the bridge's network. */
  readonly place?: { readonly namespace: string; readonly link: string; readonly ip: string }
  readonly byzantine?: ByzantineKind
  /** Its peer book names everybody. */
  readonly acquainted?: boolean
}

/** Network namespaces of a testnet, written down before they are made. */
export interface Namespaces {
  /** Every name we make begins with it. */
  readonly prefix: string
  /** First three numbers of the bridge's network. */
  readonly net: string
}

/** How the nodes execute. */
export interface EngineChoice {
  readonly engine: 'pathtracer' | 'noop'
  readonly noopMs: number
  readonly concurrency: number
}

/** Contents of `testnet.json`: everything that `testnet down` ends, and what the other commands go by. */
export interface TestnetFile {
  /** In the environment of every process that was started for it. */
  readonly id: string
  readonly seed: string
  readonly layer: 'process' | 'namespace'
  readonly program: string
  readonly processes: readonly OwnProcess[]
  readonly peers: readonly PeerRecord[]
  readonly namespaces?: Namespaces
  /** Directory of the sockets through which peers in namespaces take commands. */
  readonly sockets?: string
  readonly engine: EngineChoice
  /** One-way delays by place, from `--latency`. */
  readonly latency?: Latency
  /** Faults that hold. */
  readonly faults: readonly ActiveFault[]
  /** Faults so far. */
  readonly faultCount: number
  readonly readySeconds?: number
}

/** Regions and the one-way delays between them. Peers are dealt out to the regions in turn. spec/testnet.md#latency */
export interface Latency {
  readonly regions: readonly string[]
  readonly oneWayMs: readonly (readonly number[])[]
}

export const TESTNET_FILE = 'testnet.json'
/** Key in the environment of a testnet's processes. */
export const TESTNET_ENV = 'RAYSWARM_TESTNET'

const LOCK = 'testnet.lock'
const LOCK_TIMEOUT_MS = 10_000
/** Nobody holds the lock for longer: its owner is dead. */
const LOCK_AGE_MS_MAX = 5_000
const LOCK_POLL_MS = 20

/** @throws {RayswarmError} `ERR_FILE_MISSING` when there is no testnet */
export async function readTestnet(dir: string): Promise<TestnetFile> {
  return (await readJson(join(dir, TESTNET_FILE), 'testnet file').catch(error => {
    if (!isRayswarmError(error) || error.code !== 'ERR_FILE_MISSING') throw error
    throw new RayswarmError('ERR_FILE_MISSING', `there is no testnet in ${dir}`, {
      thing: '--dir',
      value: dir,
      remedy: 'Name the directory that `rayswarm testnet up` was given.'
    })
  })) as TestnetFile
}

export async function writeTestnet(dir: string, file: TestnetFile): Promise<void> {
  await writeWhole(join(dir, TESTNET_FILE), `${JSON.stringify(file, undefined, 2)}\n`, {
    thing: 'testnet file'
  })
}

/** Change the file, one command at a time. Answers what was written. */
export async function changeTestnet(
  dir: string,
  change: (file: TestnetFile) => TestnetFile
): Promise<TestnetFile> {
  const release = await lock(dir)
  try {
    const file = change(await readTestnet(dir))
    await writeTestnet(dir, file)
    return file
  } finally {
    await release()
  }
}

async function lock(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, LOCK)
  const untilMs = performance.now() + LOCK_TIMEOUT_MS
  for (;;) {
    try {
      await mkdir(path)
      return async () => void (await rmdir(path).catch(() => {}))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST' || performance.now() > untilMs)
        throw new RayswarmError('ERR_NOT_WRITABLE', `the testnet file in ${dir} cannot be changed`, {
          thing: 'testnet lock',
          value: path,
          remedy: 'Remove it if no other command is running.',
          cause: error
        })
      const ageMs = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0
      )
      if (ageMs > LOCK_AGE_MS_MAX) await rmdir(path).catch(() => {})
      await delay(LOCK_POLL_MS)
    }
  }
}
