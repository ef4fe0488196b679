import assert from 'node:assert/strict'
import type { Raster } from '@rayswarm/interface'
import sharp from 'sharp'
import { PathtracerRunner } from '../src/index.ts'
import { srgbByte, toneMapped } from '../src/tone.ts'
import { jobSpec } from './stage.ts'

function raster(frame: number, values: readonly number[]): Raster {
  const sums = Float64Array.from(values, value => value * 2)
  return {
    frame,
    xPx: 0,
    yPx: 0,
    widthPx: values.length / 3,
    heightPx: 1,
    samplesFrom: 0,
    samplesTo: 2,
    sums
  }
}

async function bytesOf(png: Uint8Array): Promise<number[]> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  assert.equal(info.channels, 3)
  return [...data]
}

describe('a finished frame', () => {
  const runner = new PathtracerRunner()

  it('is a PNG with the sRGB curve, named after the frame', async () => {
    const files = await runner.finish(jobSpec(), raster(7, [0, 0.5, 1, 2, 0.18, 0.0031308]))
    assert.deepEqual(
      files.map(({ path }) => path),
      ['frame_0007.png']
    )
    assert.deepEqual(await bytesOf(files[0]!.bytes), [0, 188, 255, 255, 118, 10])
  })

  it('is brighter by stops', async () => {
    const output = { exposureStops: 1, toneMap: 'linear' as const, exr: 'none' as const }
    const [file] = await runner.finish(jobSpec({ output }), raster(1, [0.25, 0.25, 0.25]))
    assert.deepEqual(await bytesOf(file!.bytes), [188, 188, 188])
  })

  it('comes with an OpenEXR file when the job says so', async () => {
    for (const exr of ['half', 'float'] as const) {
      const spec = jobSpec({ output: { exposureStops: 0, toneMap: 'aces', exr } })
      const files = await runner.finish(spec, raster(12_345, [1, 1, 1]))
      assert.deepEqual(
        files.map(({ path }) => path),
        ['frame_12345.png', 'frame_12345.exr']
      )
    }
  })

  it('is the same file every time', async () => {
    const spec = jobSpec({ output: { exposureStops: 0.3, toneMap: 'aces', exr: 'half' } })
    const one = raster(
      1,
      Array.from({ length: 300 }, (_, i) => (i * 37) / 100)
    )
    assert.deepEqual(await runner.finish(spec, one), await runner.finish(spec, one))
  })
})

describe('the sRGB curve', () => {
  it('rounds to the nearest byte', () => {
    for (let k = 0; k <= 1000; k++) {
      const linear = k / 1000
      const encoded = linear <= 0.0031308 ? linear * 12.92 : 1.055 * linear ** (1 / 2.4) - 0.055
      assert.ok(Math.abs(srgbByte(linear) - encoded * 255) <= 0.5 + 1e-3, `${linear}`)
    }
    assert.equal(srgbByte(-1), 0)
    assert.equal(srgbByte(1e9), 255)
    assert.equal(srgbByte(Number.NaN), 0)
  })
})

describe('filmic tone mapping', () => {
  it('keeps grey grey and black black, never falls, and stays below white', () => {
    let last = -1
    for (let k = 0; k <= 200; k++) {
      const value = (k / 20) ** 2
      const [r, g, b] = toneMapped(value, value, value, 'aces')
      assert.ok(Math.abs(r - g) < 2e-3 && Math.abs(g - b) < 2e-3, `${value}: ${r} ${g} ${b}`)
      assert.ok(g >= last && g <= 1.02)
      last = g
    }
    assert.equal(srgbByte(toneMapped(0, 0, 0, 'aces')[1]), 0)
  })

  it('is not used when the job says linear', () => {
    assert.deepEqual(toneMapped(3, 2, 1, 'linear'), [3, 2, 1])
  })
})
