import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, DialTransportOptions, Transport } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { CONNECTED_EVENT, keenTransport } from '../src/keen-transport.ts'

const ADDRESS = multiaddr('/ip4/127.0.0.1/tcp/1')
const CONNECTION = {} as Connection
const KNOCK_MS = 30

type Dial = (options: DialTransportOptions, knock: number) => Promise<Connection>

/** A transport that dials as told, and counts. */
function keen(dial: Dial): { knocks: () => number; dial: (signal: AbortSignal) => Promise<Connection> } {
  let knocks = 0
  const make = (): Transport => ({ dial: (_, options) => dial(options, ++knocks) }) as Transport
  const transport = keenTransport(make, KNOCK_MS)({})
  return {
    knocks: () => knocks,
    dial: signal => transport.dial(ADDRESS, { signal } as DialTransportOptions)
  }
}

/** Ends only with the signal, as a connection into nothing does. */
function nothing({ signal }: DialTransportOptions): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

describe('keenTransport', () => {
  it('knocks again until somebody answers', async () => {
    const { dial, knocks } = keen((options, knock) =>
      knock < 4 ? nothing(options) : Promise.resolve(CONNECTION)
    )
    assert.equal(await dial(new AbortController().signal), CONNECTION)
    assert.equal(knocks(), 4)
  })

  it('waits for whom it reached, however slow', async () => {
    const { dial, knocks } = keen(async ({ signal, onProgress }) => {
      onProgress?.(new CustomEvent(CONNECTED_EVENT) as never)
      await sleep(5 * KNOCK_MS)
      assert.ok(!signal.aborted)
      return CONNECTION
    })
    assert.equal(await dial(new AbortController().signal), CONNECTION)
    assert.equal(knocks(), 1)
  })

  it('takes no for an answer', async () => {
    const { dial, knocks } = keen(() => Promise.reject(new Error('ECONNREFUSED')))
    await assert.rejects(dial(new AbortController().signal), /ECONNREFUSED/)
    assert.equal(knocks(), 1)
  })

  it('ends with the dial it is part of', async () => {
    const abort = new AbortController()
    const { dial, knocks } = keen(options => nothing(options))
    const dialled = dial(abort.signal)
    setTimeout(() => abort.abort(new Error('enough')), 3.5 * KNOCK_MS)
    await assert.rejects(dialled, /enough/)
    const counted = knocks()
    await sleep(3 * KNOCK_MS)
    assert.equal(knocks(), counted)
  })
})
