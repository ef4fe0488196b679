import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { RayswarmError } from '@rayswarm/interface'

/** Below the ports that systems hand out for outgoing connections: those come and go by the thousand here. */
const FIRST_PORT = 12_000
const LAST_PORT = 32_000

/**
 * Free ports, the same ones for the same testnet if it can be had.
 *
 * @throws {RayswarmError} `ERR_PORT_IN_USE` when there are not enough
 */
export async function freePorts(count: number, host: string, testnet: string): Promise<number[]> {
  const span = LAST_PORT - FIRST_PORT
  const start = createHash('sha256').update(testnet).digest().readUInt32BE() % span
  const ports: number[] = []
  for (let i = 0; i < span && ports.length < count; i++) {
    const port = FIRST_PORT + ((start + i) % span)
    if (await isFree(port, host)) ports.push(port)
  }
  if (ports.length === count) return ports
  throw new RayswarmError('ERR_PORT_IN_USE', `no ${count} free ports on ${host}`, {
    thing: 'port',
    value: `${FIRST_PORT}-${LAST_PORT}`,
    remedy: 'Start fewer peers, or listen on another address.'
  })
}

async function isFree(port: number, host: string): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, host)
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}
