import type { Decoded, Raster, Subtask, SubtaskOutput } from '@rayswarm/interface'
import { RESULT_SIZE_BYTES_MAX, SAMPLE_RADIANCE_MAX } from '@rayswarm/params'

/** `RSO1`: rayswarm output, first layout. spec/job.md#result */
const MAGIC = 0x314f5352
const HEADER_SIZE_BYTES = 8
const RASTER_HEADER_SIZE_BYTES = 32
const CHANNEL_COUNT = 3
const FLOAT_SIZE_BYTES = 8
/** Values are whole multiples of one over this. */
const FIXED_POINT = 65_536
/** The machine's order of bytes; results are little-endian on every machine. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Size of a subtask's result file. Every honest result of one subtask has the same size. */
export function outputSizeBytes(subtask: Subtask): number {
  const { frames, tile } = subtask.work
  return HEADER_SIZE_BYTES + frames.length * rasterSizeBytes(tile.widthPx * tile.heightPx)
}

/** A result as a file: a header, then each raster's header and values, in the order of frames. */
export function encodeOutput(output: SubtaskOutput): Uint8Array {
  const sizeBytes = output.rasters.reduce(
    (sum, r) => sum + rasterSizeBytes(r.widthPx * r.heightPx),
    HEADER_SIZE_BYTES
  )
  const bytes = new Uint8Array(sizeBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, output.rasters.length, true)
  let offset = HEADER_SIZE_BYTES
  for (const raster of output.rasters) {
    if (raster.sums.length !== raster.widthPx * raster.heightPx * CHANNEL_COUNT)
      throw new RangeError(`raster of frame ${raster.frame} has ${raster.sums.length} values`)
    rasterHeader(raster).forEach((field, i) => {
      view.setUint32(offset + 4 * i, field, true)
    })
    offset += RASTER_HEADER_SIZE_BYTES
    writeFloats(view, offset, raster.sums)
    offset += raster.sums.length * FLOAT_SIZE_BYTES
  }
  return bytes
}

/**
 * Judge a stranger's result file: exactly the subtask's frames, tile and samples, every value one that honest work can give.
 * Never throws.
 */
export function decodeOutput(bytes: Uint8Array, subtask: Subtask): Decoded<SubtaskOutput> {
  const { frames, tile, samples } = subtask.work
  const sizeBytes = outputSizeBytes(subtask)
  if (bytes.length > Math.min(sizeBytes, RESULT_SIZE_BYTES_MAX))
    return failed('oversized', `${bytes.length} bytes instead of ${sizeBytes}`)
  if (bytes.length !== sizeBytes) return failed('malformed', `${bytes.length} bytes instead of ${sizeBytes}`)

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0, true) !== MAGIC) return failed('malformed', 'not a result file')
  if (view.getUint32(4, true) !== frames.length) return failed('malformed', 'another number of rasters')

  const valueMax = (samples.to - samples.from) * SAMPLE_RADIANCE_MAX
  const rasters: Raster[] = []
  let offset = HEADER_SIZE_BYTES
  for (const frame of frames) {
    const shape = { frame, ...tile, samplesFrom: samples.from, samplesTo: samples.to }
    if (rasterHeader(shape).some((field, i) => view.getUint32(offset + 4 * i, true) !== field))
      return failed('malformed', `raster of frame ${frame} is of another part of the job`)
    offset += RASTER_HEADER_SIZE_BYTES
    const sums = readFloats(view, offset, tile.widthPx * tile.heightPx * CHANNEL_COUNT)
    const bad = sums.findIndex(value => !isSum(value, valueMax))
    if (bad >= 0)
      return failed('malformed', `value ${bad} of frame ${frame} is no sum of samples: ${sums[bad]}`)
    offset += sums.length * FLOAT_SIZE_BYTES
    rasters.push({ ...shape, sums })
  }
  return { ok: true, value: { rasters } }
}

function failed(fault: 'oversized' | 'malformed', detail: string): Decoded<never> {
  return { ok: false, fault, detail }
}

function rasterSizeBytes(pixelCount: number): number {
  return RASTER_HEADER_SIZE_BYTES + pixelCount * CHANNEL_COUNT * FLOAT_SIZE_BYTES
}

/** Eight numbers; the last is for later and zero. */
function rasterHeader(raster: Omit<Raster, 'sums'>): readonly number[] {
  const { frame, xPx, yPx, widthPx, heightPx, samplesFrom, samplesTo } = raster
  return [frame, xPx, yPx, widthPx, heightPx, samplesFrom, samplesTo, 0]
}

/** Finite, not negative (not minus zero either: it has other bits), within range, a multiple of 2^-16. */
function isSum(value: number, valueMax: number): boolean {
  return value >= 0 && value <= valueMax && Number.isInteger(value * FIXED_POINT) && !Object.is(value, -0)
}

function writeFloats(view: DataView, offset: number, values: Float64Array): void {
  if (LITTLE_ENDIAN) {
    const target = new Uint8Array(view.buffer, view.byteOffset + offset, values.byteLength)
    target.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return
  }
  for (let i = 0; i < values.length; i++) view.setFloat64(offset + FLOAT_SIZE_BYTES * i, values[i]!, true)
}

function readFloats(view: DataView, offset: number, count: number): Float64Array {
  const values = new Float64Array(count)
  if (LITTLE_ENDIAN) {
    const source = new Uint8Array(view.buffer, view.byteOffset + offset, values.byteLength)
    new Uint8Array(values.buffer).set(source)
    return values
  }
  for (let i = 0; i < count; i++) values[i] = view.getFloat64(offset + FLOAT_SIZE_BYTES * i, true)
  return values
}
