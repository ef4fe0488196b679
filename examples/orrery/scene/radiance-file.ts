/** Radiance `.hdr` pictures: three mantissas and a shared exponent per pixel, run-length coded per row. */

const RUN_MIN = 4
const CHUNK_MAX = 127

/** Packs linear RGB rows, top first. */
export function packRadiance(pixels: Float32Array, width: number, height: number): Uint8Array {
  const parts: Uint8Array[] = [
    new TextEncoder().encode(`#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y ${height} +X ${width}\n`)
  ]
  for (let row = 0; row < height; row++) {
    const lanes = [0, 1, 2, 3].map(() => new Uint8Array(width))
    for (let column = 0; column < width; column++) {
      const at = (row * width + column) * 3
      const coded = sharedExponent(pixels[at]!, pixels[at + 1]!, pixels[at + 2]!)
      for (let lane = 0; lane < 4; lane++) lanes[lane]![column] = coded[lane]!
    }
    parts.push(Uint8Array.of(2, 2, width >> 8, width & 255), ...lanes.map(runs))
  }
  return new Uint8Array(Buffer.concat(parts))
}

function sharedExponent(r: number, g: number, b: number): readonly [number, number, number, number] {
  const most = Math.max(r, g, b)
  if (most < 1e-32) return [0, 0, 0, 0]
  let exponent = 0
  let unit = 1
  while (unit <= most) {
    unit *= 2
    exponent++
  }
  while (unit > most * 2) {
    unit /= 2
    exponent--
  }
  const mantissa = (v: number) => Math.min(255, Math.floor((v / unit) * 256))
  return [mantissa(r), mantissa(g), mantissa(b), exponent + 128]
}

/** Runs as (128 + length, value), other bytes as (length, values…). */
function runs(bytes: Uint8Array): Uint8Array {
  const out: number[] = []
  let at = 0
  while (at < bytes.length) {
    const same = runLength(bytes, at)
    if (same >= RUN_MIN) {
      out.push(128 + same, bytes[at]!)
      at += same
      continue
    }
    const start = at
    while (at < bytes.length && at - start < CHUNK_MAX && runLength(bytes, at) < RUN_MIN) at++
    out.push(at - start, ...bytes.subarray(start, at))
  }
  return Uint8Array.from(out)
}

function runLength(bytes: Uint8Array, at: number): number {
  let end = at + 1
  while (end < bytes.length && end - at < CHUNK_MAX && bytes[end] === bytes[at]) end++
  return end - at
}
