import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { RayswarmError } from '@rayswarm/interface'

const BODY_SIZE_BYTES_MAX = 1 << 20
const CONNECTION_COUNT_MAX = 256
const REQUEST_TIMEOUT_MS = 15_000
/** What a development chain offers beyond these would let anybody forge money. */
const ALLOWED = /^(eth|net|web3)_[A-Za-z]+$/
const FORBIDDEN =
  /^eth_(sendTransaction|sign|signTransaction|signTypedData.*|accounts|sendUnsignedTransaction)$/

/** Lets other machines use a development chain that listens on the loopback interface only. */
export class RpcGate {
  readonly url: string
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  /** @throws {RayswarmError} `ERR_USAGE` when the address is not one of this machine's */
  static async open(host: string, rpcUrl: string): Promise<RpcGate> {
    const http = createServer((request, response) => {
      pass(request, rpcUrl).then(
        text => response.writeHead(200, { 'content-type': 'application/json' }).end(text),
        () => response.writeHead(400).end()
      )
    })
    http.maxConnections = CONNECTION_COUNT_MAX
    http.requestTimeout = REQUEST_TIMEOUT_MS
    try {
      http.listen(0, host)
      await once(http, 'listening')
    } catch (cause) {
      throw new RayswarmError('ERR_USAGE', `cannot listen on ${host}`, {
        thing: '--host',
        value: host,
        remedy: 'Give an address of this machine, or 0.0.0.0 for all of them.',
        cause
      })
    }
    const { port } = http.address() as AddressInfo
    return new RpcGate(`http://${outsideAddress(host)}:${port}`, async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    })
  }

  close(): Promise<void> {
    return this.#close()
  }
}

/** An address that others can reach us at. */
function outsideAddress(host: string): string {
  if (host !== '0.0.0.0') return host
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

async function pass(request: IncomingMessage, rpcUrl: string): Promise<string> {
  if (request.method !== 'POST') throw new RangeError('not a POST')
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request) {
    sizeBytes += chunk.length
    if (sizeBytes > BODY_SIZE_BYTES_MAX) throw new RangeError('request too long')
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks).toString('utf8')
  const parsed: unknown = JSON.parse(body)
  for (const call of Array.isArray(parsed) ? parsed : [parsed]) {
    const { method } = (call ?? {}) as { method?: unknown }
    if (typeof method !== 'string' || !ALLOWED.test(method) || FORBIDDEN.test(method))
      throw new RangeError('method not allowed')
  }
  const response = await fetch(rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  })
  return await response.text()
}
