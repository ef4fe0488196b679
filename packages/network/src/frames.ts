import type { Stream } from '@libp2p/interface'
import { type LengthPrefixedStreamOpts, lpStream } from '@libp2p/utils'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'

/** A length below 2^21 fits. */
const LENGTH_BYTES_MAX = 3

/** Length-prefixed messages of at most `MESSAGE_SIZE_BYTES_MAX.direct` bytes over one stream. */
export interface Frames {
  read(signal: AbortSignal): Promise<Uint8Array>
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>
}

/** Everything a remote may put into its stream ends in one message or an exception of `read`. */
export function frames(stream: Stream): Frames {
  const lp = lpStream(stream, {
    maxDataLength: MESSAGE_SIZE_BYTES_MAX.direct,
    maxLengthLength: LENGTH_BYTES_MAX,
    maxBufferSize: MESSAGE_SIZE_BYTES_MAX.direct + LENGTH_BYTES_MAX,
    lengthDecoder: decodeLength
  })
  return {
    read: async signal => (await lp.read({ signal })).subarray(),
    write: (bytes, signal) => lp.write(bytes, { signal })
  }
}

/**
 * The stream asks for another byte as long as this throws a RangeError. Its own decoder does so for every prefix that does
 * not end, which would be read, and kept, for ever.
 */
const decodeLength: LengthPrefixedStreamOpts['lengthDecoder'] = bytes => {
  let length = 0
  for (const [index, byte] of bytes.subarray().entries()) {
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
    if (index + 1 >= LENGTH_BYTES_MAX) throw new Error('length prefix too long')
  }
  throw new RangeError('length prefix incomplete')
}
