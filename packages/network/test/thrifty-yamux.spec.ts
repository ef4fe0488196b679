import assert from 'node:assert/strict'
import { StreamState, YamuxStream, type YamuxStreamInit } from '@libp2p/yamux/stream'
import { afterEach, describe, it } from 'mocha'
import { thrifty } from '../src/thrifty-yamux.ts'
import { Swarms } from './swarms.ts'

const WINDOW_BYTES = 1_000

/** A stream that was opened by the other side, and the lengths of the window updates it sends. */
function streamWith(state: StreamState) {
  const updates: number[] = []
  const log = Object.assign(() => {}, { error: () => {}, trace: () => {}, newScope: () => log })
  const stream = new YamuxStream({
    ...{ streamId: 2, state, direction: 'inbound', log, initialStreamWindowSize: WINDOW_BYTES },
    getRTT: () => -1,
    sendFrame: ({ length }: { length: number }) => updates.push(length) > 0
  } as unknown as YamuxStreamInit)
  const receive = (sizeBytes: number): void => {
    const header = { type: 0, flag: 0, streamID: 2, length: sizeBytes }
    stream.handleData({ header, data: new Uint8Array(sizeBytes) } as unknown as Parameters<
      typeof stream.handleData
    >[0])
  }
  return { stream, updates, receive }
}

describe('thriftyYamux', () => {
  const swarms = new Swarms()
  afterEach(() => swarms.close())

  it('tells of new room once half of the window is used, where plain yamux does after each frame', () => {
    const plain = streamWith(StreamState.Established)
    const spare = streamWith(StreamState.Established)
    thrifty(spare.stream)
    for (const { receive } of [plain, spare]) for (let i = 0; i < 7; i++) receive(100)
    assert.deepEqual(plain.updates, [100, 100, 100, 100, 100, 100, 100])
    assert.deepEqual(spare.updates, [500])
  })

  it('opens and acknowledges streams at once', () => {
    for (const state of [StreamState.Init, StreamState.SYNReceived]) {
      const { stream, updates } = streamWith(state)
      thrifty(stream).sendWindowUpdate()
      assert.equal(updates.length, 1)
    }
  })

  it('lets more through than one window holds', async () => {
    const [asker, answerer] = await swarms.mesh(2)
    answerer!.network.serve('lease', async bytes => bytes)
    const to = answerer!.libp2p.peerId.toString()
    const bytes = new Uint8Array(60_000).fill(7)
    for (let i = 0; i < 20; i++)
      assert.equal(
        (await asker!.network.request(to, 'lease', bytes, { timeoutMs: 5_000 })).length,
        bytes.length
      )
  })
})
