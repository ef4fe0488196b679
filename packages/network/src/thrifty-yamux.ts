import type { StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { StreamState, type YamuxStream } from '@libp2p/yamux/stream'

/** What a stream keeps to itself: how many bytes may arrive before we tell of new room, at most and now. */
interface ReceiveWindow {
  readonly recvWindow: number
  readonly recvWindowCapacity: number
}

/**
 * yamux that tells the other side of new room once half of the window is used, as the reference implementation does.
 *
 * js-libp2p tells after every frame: with short requests every second frame says nothing else, and frames are what a busy peer spends
 * its time on.
 */
export function thriftyYamux(init: Parameters<typeof yamux>[0]): () => StreamMuxerFactory {
  return () => {
    const inner = yamux(init)()
    const create = inner.createStreamMuxer.bind(inner)
    inner.createStreamMuxer = connection => {
      const muxer = create(connection)
      const onCreateStream = muxer.onCreateStream.bind(muxer)
      const onRemoteStream = muxer.onRemoteStream.bind(muxer)
      muxer.onCreateStream = () => thrifty(onCreateStream())
      muxer.onRemoteStream = stream => onRemoteStream(thrifty(stream))
      return muxer
    }
    return inner
  }
}

/** Let a stream pass over window updates that open and acknowledge nothing, and make little room. */
export function thrifty(stream: YamuxStream): YamuxStream {
  const window = stream as unknown as ReceiveWindow
  const send = stream.sendWindowUpdate
  stream.sendWindowUpdate = () => {
    const isOpening = stream.state === StreamState.Init || stream.state === StreamState.SYNReceived
    const isRoomy = window.recvWindowCapacity > window.recvWindow / 2
    if (isOpening || !isRoomy) send.call(stream)
  }
  return stream
}
