import assert from 'node:assert/strict'
import fc from 'fast-check'
import { environmentMap, readRadiance } from '../src/environment.ts'

function picture(
  width: number,
  height: number,
  body: readonly number[],
  format = '32-bit_rle_rgbe'
): Uint8Array {
  const head = `#?RADIANCE\nFORMAT=${format}\n\n-Y ${height} +X ${width}\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

describe('a Radiance picture', () => {
  it('is read with and without run lengths', () => {
    const flat = Array.from({ length: 8 }, (_, x) => [128, 64, x, 129]).flat()
    // The same row: three runs, one plain stretch.
    const packed = [2, 2, 0, 8, 136, 128, 136, 64, 8, 0, 1, 2, 3, 4, 5, 6, 7, 136, 129]
    const expected = Float32Array.from({ length: 24 }, (_, i) => [1, 0.5, Math.floor(i / 3) / 128][i % 3]!)
    for (const body of [flat, packed])
      assert.deepEqual(readRadiance('a', picture(8, 1, body)).pixels, expected)
  })

  it('knows black and very bright', () => {
    const { pixels } = readRadiance('a', picture(2, 1, [9, 9, 9, 0, 255, 1, 0, 150]))
    assert.deepEqual([...pixels], [0, 0, 0, 255 * 2 ** 14, 2 ** 14, 0])
  })

  it('is refused when it is something else or cut off', () => {
    const whole = picture(
      8,
      2,
      [2, 2, 0, 8, 136, 1, 136, 1, 136, 1, 136, 1, 2, 2, 0, 8, 136, 1, 136, 1, 136, 1, 136, 1]
    )
    readRadiance('a', whole)
    const bad = [
      Buffer.from('PNG'),
      picture(0, 1, []),
      picture(99_999, 1, []),
      picture(8, 1, [], 'xyze'),
      picture(8, 1, [2, 2, 0, 8, 200, 1]),
      picture(8, 1, [2, 2, 0, 8, 0, 1])
    ]
    for (const bytes of bad)
      assert.throws(() => readRadiance('a', bytes), { code: 'ERR_SCENE_UNSUPPORTED', value: 'a' })
    for (let cut = 4; cut < whole.length; cut++) {
      assert.throws(() => readRadiance('a', whole.subarray(0, cut)), { code: 'ERR_SCENE_UNSUPPORTED' })
    }
  })

  it('never breaks the reader, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.constantFrom(0, 1, 2, 8, 128, 129, 136, 255)),
        (width, body) => {
          try {
            readRadiance('a', picture(width, 2, body))
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'ERR_SCENE_UNSUPPORTED')
          }
        }
      )
    )
  })
})

describe('an environment map', () => {
  it('keeps the light of the picture, and its directions', () => {
    const [widthPx, heightPx] = [32, 16]
    const pixels = new Float32Array(widthPx * heightPx * 3)
    for (let i = 0; i < widthPx * heightPx; i++) {
      // Red ahead (-Z, the middle), green to the right (+X), blue above.
      const longitude = ((i % widthPx) + 0.5) / widthPx
      if (longitude > 0.375 && longitude < 0.625) pixels[i * 3] = 1
      if (longitude > 0.625 && longitude < 0.875) pixels[i * 3 + 1] = 1
      if (i < widthPx * 4) pixels[i * 3 + 2] = 1
    }
    const { edge, mean, bytes } = environmentMap({ widthPx, heightPx, pixels }, 2, 0)
    const texels = new Float32Array(bytes.buffer, 0, edge * edge * 4)
    const at = (x: number, z: number): number[] => {
      const column = Math.floor((x * 0.5 + 0.5) * edge)
      const row = Math.floor((z * 0.5 + 0.5) * edge)
      return [...texels.subarray((row * edge + column) * 4, (row * edge + column) * 4 + 3)]
    }
    assert.deepEqual(at(0, -0.9), [2, 0, 0])
    assert.deepEqual(at(0.9, 0), [0, 2, 0])
    assert.equal(at(0, 0)[2], 2)
    // A quarter of the sphere is red, a quarter green; what is above 45 degrees, blue.
    const above = (1 - Math.SQRT1_2) / 2
    const expected = 2 * (0.2126 / 4 + 0.7152 / 4 + 0.0722 * above)
    assert.ok(Math.abs(mean - expected) < 0.01 * expected, `${mean}, not ${expected}`)
  })

  it('turns about the vertical', () => {
    const [widthPx, heightPx] = [32, 16]
    const pixels = new Float32Array(widthPx * heightPx * 3).map((_, i) =>
      Math.floor(i / 3) % widthPx === 16 ? 1 : 0
    )
    const brightest = (rotation: number): readonly [number, number] => {
      const { edge, bytes } = environmentMap({ widthPx, heightPx, pixels }, 1, rotation)
      const texels = new Float32Array(bytes.buffer, 0, edge * edge * 4)
      let [x, z] = [0, 0]
      for (let i = 0; i < edge * edge; i++) {
        const [a, b] = [(((i % edge) + 0.5) / edge) * 2 - 1, ((Math.floor(i / edge) + 0.5) / edge) * 2 - 1]
        if (Math.abs(a) + Math.abs(b) > 1) continue
        x += texels[i * 4]! * a
        z += texels[i * 4]! * b
      }
      const length = Math.sqrt(x * x + z * z)
      return [Math.round(x / length) + 0, Math.round(z / length) + 0]
    }
    assert.deepEqual(brightest(0), [0, -1])
    // Counter-clockwise seen from above: what was ahead is now to the left.
    assert.deepEqual(brightest(Math.PI / 2), [-1, 0])
  })
})
