import { readdir, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { isAbsolute, join } from 'node:path'
import { STATUS_FILE, type StatusAddress } from './endpoint.ts'
import type { PeerDigest, PeerStatus } from './peer-status.ts'

/** What an endpoint answered. */
export interface Answer {
  readonly code: number
  readonly value: unknown
}

const TIMEOUT_MS = 3_000
const DIR_COUNT_MAX = 1_000
const ANSWER_SIZE_BYTES_MAX = 16 << 20

/** Status of every peer that runs in one of the directories, or in a directory directly inside one. */
export async function askPeers(dirs: readonly string[]): Promise<PeerStatus[]> {
  const addresses = (await Promise.all(dirs.map(addressesIn))).flat()
  const answers = await Promise.all(addresses.map(address => call(address, 'GET', '/status')))
  return answers.filter(answer => answer?.code === 200).map(answer => answer?.value as PeerStatus)
}

/** What the peer of this directory knows, condensed. Undefined when nobody answers. */
export async function askDigest(dir: string): Promise<PeerDigest | undefined> {
  const address = await addressOf(dir)
  const answer = address && (await call(address, 'GET', '/digest'))
  return answer?.code === 200 ? (answer.value as PeerDigest) : undefined
}

/** Status of the peer of this very directory. Undefined when nobody answers. */
export async function askPeer(dir: string): Promise<PeerStatus | undefined> {
  const address = await addressOf(dir)
  const answer = address && (await call(address, 'GET', '/status'))
  return answer?.code === 200 ? (answer.value as PeerStatus) : undefined
}

/** Tell the peer of this directory what it suffers. False when nobody took it. */
export async function commandPeer(dir: string, state: object): Promise<boolean> {
  return (await postTo(dir, '/lab', state))?.code === 200
}

/** Ask something of the peer of this directory. Undefined when nobody answers. */
export async function postTo(
  dir: string,
  path: string,
  body: object,
  timeoutMs = TIMEOUT_MS
): Promise<Answer | undefined> {
  const address = await addressOf(dir)
  return address && (await call(address, 'POST', path, { body: JSON.stringify(body), timeoutMs }))
}

async function addressesIn(dir: string): Promise<StatusAddress[]> {
  const inner = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const subdirs = inner.filter(entry => entry.isDirectory()).map(entry => join(dir, entry.name))
  const found = await Promise.all([dir, ...subdirs.slice(0, DIR_COUNT_MAX)].map(addressOf))
  return found.filter(address => address !== undefined)
}

async function addressOf(dir: string): Promise<StatusAddress | undefined> {
  try {
    const { url, token, pid, socket } = JSON.parse(await readFile(join(dir, STATUS_FILE), 'utf8'))
    const isLoopback = typeof url === 'string' && /^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(url)
    if (!isLoopback || typeof token !== 'string') return undefined
    const isPath = typeof socket === 'string' && isAbsolute(socket)
    return { url, token, pid: Number(pid), ...(isPath ? { socket } : {}) }
  } catch {
    return undefined
  }
}

/** Undefined when nobody answers: the file may be left over from a killed process. */
function call(
  { url, token, socket }: StatusAddress,
  method: string,
  path: string,
  { body, timeoutMs = TIMEOUT_MS }: { readonly body?: string; readonly timeoutMs?: number } = {}
): Promise<Answer | undefined> {
  return new Promise(resolve => {
    const options = {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
      // Of several requests none waits for another's connection.
      agent: false as const,
      ...(socket === undefined ? {} : { socketPath: socket })
    }
    const sent = request(`${url}${path}`, options, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
        if (text.length > ANSWER_SIZE_BYTES_MAX) sent.destroy()
      })
      response.on('error', () => resolve(undefined))
      response.on('end', () => {
        try {
          resolve({ code: response.statusCode ?? 0, value: JSON.parse(text) })
        } catch {
          resolve(undefined)
        }
      })
    })
    sent.on('error', () => resolve(undefined))
    sent.end(body)
  })
}
