import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Canvas } from '../src/canvas.ts'
import { parseGltf } from '../src/gltf-file.ts'
import { Kernel, kernelModule } from '../src/kernel.ts'
import { prepare } from '../src/prepare.ts'
import type { PreparedScene } from '../src/prepared.ts'
import { probeScene } from '../src/probe-scene.ts'

const STRANGE = [
  0,
  -1,
  1,
  2,
  7,
  0.5,
  1e9,
  -1e9,
  1e308,
  null,
  'x',
  [],
  {},
  true,
  [1e30, 1e30, 1e30],
  2 ** 31,
  5126
]
const SIZE = 6
const GRID = 65_536

/** Every place in a JSON value that can be replaced. */
function places(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return []
  const owner = value as Record<string, unknown>
  return Object.keys(owner).flatMap(key => [[owner, key] as [typeof owner, string], ...places(owner[key])])
}

function container(json: string, rest: Buffer): Buffer {
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 4) * 4))
  const head = Buffer.alloc(20)
  for (const [k, word] of [0x46546c67, 2, 20 + text.length + rest.length, text.length, 0x4e4f534a].entries())
    head.writeUInt32LE(word, k * 4)
  return Buffer.concat([head, text, rest])
}

describe('a file that contradicts itself', () => {
  it('is refused or shown, but never breaks the kernel or the exactness of its sums', async () => {
    const whole = Buffer.from(await probeScene())
    const size = whole.readUInt32LE(12)
    const json = whole.toString('utf8', 20, 20 + size)
    const rest = whole.subarray(20 + size)
    const module = await kernelModule()
    const limits = { camera: undefined, allowedBytes: 2 ** 28, rasterBytes: 0, kernel: module }
    let shown = 0
    const change = fc.tuple(fc.noBias(fc.nat()), fc.constantFrom(...STRANGE, undefined))
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async changes => {
        const value = JSON.parse(json)
        for (const [place, strange] of changes) {
          const all = places(value)
          const [owner, key] = all[place % all.length]!
          if (strange === undefined) delete owner[key]
          else owner[key] = strange
        }
        let scene: PreparedScene
        try {
          scene = await prepare('.', parseGltf('x.glb', container(JSON.stringify(value), rest)), limits)
        } catch (error) {
          // The loading thread turns whatever this is into ERR_NOT_GLTF.
          return assert.ok(error instanceof Error)
        }
        const tile = { xPx: 0, yPx: 0, widthPx: SIZE, heightPx: SIZE }
        const constants = {
          framesPerSecond: 24,
          widthPx: SIZE,
          heightPx: SIZE,
          samplesPerPixel: 2,
          seed: 1,
          maxBounces: 4
        }
        const work = { kind: 'render' as const, frames: [5], tile, samples: { from: 0, to: 2 } }
        const [raster] = new Canvas(new Kernel(module), scene).render(work, constants, () => undefined)!
        for (const sum of raster!.sums)
          assert.ok(Number.isInteger(sum * GRID) && sum >= 0 && sum <= 8192, `${sum}`)
        shown++
      }),
      { numRuns: 150 }
    )
    assert.ok(shown > 20)
  })
})
