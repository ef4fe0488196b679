import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { STATUS_FILE, type StatusAddress } from './endpoint.ts'
import type { PeerStatus } from './peer-status.ts'

const TIMEOUT_MS = 3_000
const DIR_COUNT_MAX = 1_000

/** Status of every peer that runs in one of the directories, or in a directory directly inside one. */
export async function askPeers(dirs: readonly string[]): Promise<PeerStatus[]> {
  const addresses = (await Promise.all(dirs.map(addressesIn))).flat()
  const answers = await Promise.all(addresses.map(ask))
  return answers.filter(status => status !== undefined)
}

async function addressesIn(dir: string): Promise<StatusAddress[]> {
  const inner = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const subdirs = inner.filter(entry => entry.isDirectory()).map(entry => join(dir, entry.name))
  const found = await Promise.all([dir, ...subdirs.slice(0, DIR_COUNT_MAX)].map(addressOf))
  return found.filter(address => address !== undefined)
}

async function addressOf(dir: string): Promise<StatusAddress | undefined> {
  try {
    const { url, token, pid } = JSON.parse(await readFile(join(dir, STATUS_FILE), 'utf8'))
    const isLoopback = typeof url === 'string' && /^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(url)
    return isLoopback && typeof token === 'string' ? { url, token, pid: Number(pid) } : undefined
  } catch {
    return undefined
  }
}

/** Undefined when nobody answers: the file may be left over from a killed process. */
async function ask({ url, token }: StatusAddress): Promise<PeerStatus | undefined> {
  try {
    const response = await fetch(`${url}/status`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    return response.ok ? ((await response.json()) as PeerStatus) : undefined
  } catch {
    return undefined
  }
}
