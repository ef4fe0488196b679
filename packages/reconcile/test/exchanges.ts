import assert from 'node:assert/strict'
import { sha256, toHex } from '@rayswarm/wire'
import { answer, type FrameOptions, type IdSet, open, proceed } from '../src/index.ts'

/** The id of a number. */
export function idOf(n: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, n)
  return sha256(bytes)
}

/** Ids of the numbers from one up to, not including, another. */
export function idsOf(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => idOf(from + i))
}

/** What one exchange cost and found. */
export interface Outcome {
  readonly rounds: number
  /** Bytes of all frames, both ways. */
  readonly sizeBytes: number
  readonly frameSizeBytesMax: number
  readonly have: readonly Uint8Array[]
  readonly want: readonly Uint8Array[]
}

const ROUND_COUNT_MAX = 10_000

/** Run an exchange to its end, with nothing moved meanwhile. */
export function exchange(
  ours: IdSet,
  theirs: IdSet,
  options: FrameOptions & { cut?: Uint8Array } = {}
): Outcome {
  const have: Uint8Array[] = []
  const want: Uint8Array[] = []
  let sizeBytes = 0
  let frameSizeBytesMax = 0
  let rounds = 0
  for (let frame: Uint8Array | undefined = open(ours, options.cut); frame !== undefined; rounds++) {
    assert.ok(rounds < ROUND_COUNT_MAX, 'no end')
    const answered = answer(theirs, frame, options)
    assert.ok(answered.ok, JSON.stringify(answered))
    const found = proceed(ours, answered.value, options)
    assert.ok(found.ok, JSON.stringify(found))
    have.push(...found.value.have)
    want.push(...found.value.want)
    sizeBytes += frame.length + answered.value.length
    frameSizeBytesMax = Math.max(frameSizeBytesMax, frame.length, answered.value.length)
    frame = found.value.frame
  }
  return { rounds, sizeBytes, frameSizeBytesMax, have, want }
}

/** Texts of ids, in order, each once. */
export function texts(ids: Iterable<Uint8Array>): string[] {
  return [...new Set(Array.from(ids, toHex))].sort()
}
