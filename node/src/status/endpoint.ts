import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isRayswarmError, RayswarmError } from '@rayswarm/interface'
import { z } from 'zod'
import { accountOrderSchema, carryOut } from '../account/orders.ts'
import { toJson } from '../cli/command.ts'
import { failureJson } from '../cli/failure.ts'
import type { Host } from '../compose.ts'
import { writeWhole } from '../disk.ts'
import type { StatusBoard } from './board.ts'
import { Draining } from './draining.ts'
import { digestOf, type StatusSources, statusOf } from './peer-status.ts'
import { Reach } from './reach.ts'

const TOKEN_SIZE_BYTES = 24
const CONNECTION_COUNT_MAX = 8
const REQUEST_TIMEOUT_MS = 5_000
const BODY_SIZE_BYTES_MAX = 1 << 20
const GRACE_MS_MAX = 7 * 86_400_000

/** How this machine's user reaches a running peer: contents of `api.json`. */
export interface StatusAddress {
  readonly url: string
  readonly token: string
  readonly pid: number
  /** Path of a socket that answers the same: a peer in a network namespace is not reached at `url`. */
  readonly socket?: string
}

export const STATUS_FILE = 'api.json'

/** What the endpoint takes from whoever runs a test network. */
export interface Commands {
  /** @throws {RayswarmError} `ERR_USAGE` */
  command(value: unknown): void
  readonly socketPath: string | undefined
}

interface Reply {
  readonly code: number
  readonly value: unknown
}

/** What the pages of an endpoint are made of. */
interface Pages extends StatusSources {
  readonly host: Host
  readonly commands: Commands | undefined
}

/** What an order of `POST /account` came to. */
export interface AccountReply {
  readonly result: object
  /** Lines for whoever gave it. */
  readonly said: readonly string[]
}

/** A running endpoint. */
export interface StatusEndpoint {
  readonly reach: Reach
  close(): Promise<void>
}

const drainSchema = z.strictObject({ graceMs: z.int().nonnegative().max(GRACE_MS_MAX) })

/**
 * Answer on the loopback interface, to whoever may read the peer's directory: `GET /status`, `GET /digest`, `POST /drain`,
 * `POST /account` and, on a test network's laboratory, `POST /lab`.
 */
export async function serveStatus(
  host: Host,
  board: StatusBoard,
  commands?: Commands
): Promise<StatusEndpoint> {
  const token = randomBytes(TOKEN_SIZE_BYTES).toString('hex')
  const reach = Reach.of(host)
  const pages: Pages = { host, board, commands, reach, draining: new Draining(host.peer.node) }
  const answer = (request: IncomingMessage): Promise<Reply> => replyTo(request, pages)
  const socket = commands?.socketPath
  if (socket !== undefined) await rm(socket, { force: true })
  const servers = [open(token, answer).listen(0, '127.0.0.1')]
  if (socket !== undefined) servers.push(open(token, answer).listen(socket))
  await Promise.all(servers.map(http => once(http, 'listening')))
  const address: StatusAddress = {
    url: `http://127.0.0.1:${(servers[0]!.address() as AddressInfo).port}`,
    token,
    pid: process.pid,
    ...(socket === undefined ? {} : { socket })
  }
  const path = join(host.home.dir, STATUS_FILE)
  await writeWhole(path, `${JSON.stringify(address)}\n`, { thing: 'status file', mode: 0o600 })
  reach.start()
  return {
    reach,
    close: async () => {
      reach.stop()
      await rm(path, { force: true })
      await Promise.all(
        servers.map(http => {
          const closed = once(http, 'close')
          http.closeAllConnections()
          http.close()
          return closed
        })
      )
    }
  }
}

function open(token: string, answer: (request: IncomingMessage) => Promise<Reply>): Server {
  const http = createServer((request, response) => {
    const send = ({ code, value }: Reply): void => {
      response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      response.end(`${toJson(value)}\n`)
    }
    if (!isAuthorized(request, token)) return send({ code: 401, value: { error: 'token missing or wrong' } })
    answer(request).then(send, () => send({ code: 500, value: { error: 'no answer' } }))
  })
  http.maxConnections = CONNECTION_COUNT_MAX
  http.requestTimeout = REQUEST_TIMEOUT_MS
  return http
}

async function replyTo(request: IncomingMessage, pages: Pages): Promise<Reply> {
  const asked = `${request.method} ${request.url}`
  if (asked === 'GET /status') return { code: 200, value: await statusOf(pages.host, pages) }
  if (asked === 'GET /digest') return { code: 200, value: digestOf(pages.host) }
  const take = TAKERS[asked]
  if (take === undefined || (asked === 'POST /lab' && pages.commands === undefined))
    return { code: 404, value: { error: 'no such page' } }
  try {
    return await take(JSON.parse(await bodyOf(request)), pages)
  } catch (error) {
    if (isRayswarmError(error)) return { code: 400, value: failureJson(error) }
    if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error
    return { code: 400, value: { error: error.message } }
  }
}

/** What is to be done about what was posted where. */
const TAKERS: Readonly<Record<string, (posted: unknown, pages: Pages) => Reply | Promise<Reply>>> = {
  'POST /lab': (posted, { commands }) => {
    commands?.command(posted)
    return { code: 200, value: {} }
  },
  'POST /drain': (posted, { draining }) => {
    const order = drainSchema.safeParse(posted)
    if (!order.success) throw notUnderstood(order.error)
    if (draining.begin(order.data.graceMs)) return { code: 202, value: {} }
    return { code: 409, value: { error: 'this peer is no node' } }
  },
  'POST /account': async (posted, { host }) => {
    const order = accountOrderSchema.safeParse(posted)
    if (!order.success) throw notUnderstood(order.error)
    const said: string[] = []
    const result = await carryOut(order.data, {
      home: host.home,
      classes: async () => host.probes.map(probe => probe.equivalenceClass),
      screen: { say: line => said.push(line) }
    })
    return { code: 200, value: { result, said } satisfies AccountReply }
  }
}

function notUnderstood({ issues }: z.ZodError): RayswarmError {
  const { path = [], message = '' } = issues[0] ?? {}
  return new RayswarmError('ERR_USAGE', `${path.join('.') || 'order'}: ${message}`, {
    thing: path.join('.') || 'order',
    value: message,
    remedy: 'Leave it to the commands of rayswarm to ask a peer.'
  })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request) {
    sizeBytes += chunk.length
    if (sizeBytes > BODY_SIZE_BYTES_MAX) throw new RangeError('body too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const [, given = ''] = /^Bearer (\S{1,128})$/.exec(request.headers.authorization ?? '') ?? []
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}
