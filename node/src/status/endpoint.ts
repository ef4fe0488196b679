import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { toJson } from '../cli/command.ts'
import type { Host } from '../compose.ts'
import { writeWhole } from '../disk.ts'
import type { StatusBoard } from './board.ts'
import { statusOf } from './peer-status.ts'

const TOKEN_SIZE_BYTES = 24
const CONNECTION_COUNT_MAX = 8
const REQUEST_TIMEOUT_MS = 5_000

/** How this machine's user reaches a running peer: contents of `api.json`. */
export interface StatusAddress {
  readonly url: string
  readonly token: string
  readonly pid: number
}

export const STATUS_FILE = 'api.json'

/** Answer `GET /status` on the loopback interface, to whoever may read the peer's directory. */
export async function serveStatus(host: Host, board: StatusBoard): Promise<{ close(): Promise<void> }> {
  const token = randomBytes(TOKEN_SIZE_BYTES).toString('hex')
  const http = createServer((request, response) => {
    const answer = (code: number, value: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(`${toJson(value)}\n`)
    }
    if (!isAuthorized(request, token)) return answer(401, { error: 'token missing or wrong' })
    if (request.method !== 'GET' || request.url !== '/status') return answer(404, { error: 'no such page' })
    statusOf(host, board).then(
      status => answer(200, status),
      () => answer(500, { error: 'no status' })
    )
  })
  http.maxConnections = CONNECTION_COUNT_MAX
  http.requestTimeout = REQUEST_TIMEOUT_MS
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address: StatusAddress = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    token,
    pid: process.pid
  }
  const path = join(host.home.dir, STATUS_FILE)
  await writeWhole(path, `${JSON.stringify(address)}\n`, { thing: 'status file', mode: 0o600 })
  return {
    close: async () => {
      await rm(path, { force: true })
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    }
  }
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const [, given = ''] = /^Bearer (\S{1,128})$/.exec(request.headers.authorization ?? '') ?? []
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}
