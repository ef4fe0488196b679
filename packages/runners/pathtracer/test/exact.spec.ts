import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { JobSpec, Raster, RenderWork } from '@rayswarm/interface'
import { PathtracerRunner, type PathtracerSession, PROBE_DIGEST } from '../src/index.ts'
import { probeScene } from '../src/probe-scene.ts'
import { inDirectory, jobSpec, subtask } from './stage.ts'

const WIDTH = 32
const HEIGHT = 24
const GRID = 65_536
const signal = new AbortController().signal
const exec = promisify(execFile)

const spec: JobSpec = jobSpec({ widthPx: WIDTH, heightPx: HEIGHT, samplesPerPixel: 8, framesPerSecond: 24 })

async function withSession<T>(
  concurrency: number,
  use: (session: PathtracerSession) => Promise<T>,
  of = spec
): Promise<T> {
  return inDirectory(async dir => {
    await writeFile(join(dir, 'scene.glb'), await probeScene())
    const session = await new PathtracerRunner({ concurrency }).open(of, dir)
    try {
      return await use(session)
    } finally {
      await session.close()
    }
  })
}

async function render(session: PathtracerSession, work: Partial<RenderWork> = {}): Promise<Raster> {
  const { rasters } = await session.run(subtask(spec, { frames: [3], ...work }), { signal })
  return rasters[0]!
}

/** Put tiles together. */
function assembled(tiles: readonly Raster[]): Float64Array {
  const sums = new Float64Array(WIDTH * HEIGHT * 3)
  for (const tile of tiles) {
    for (let row = 0; row < tile.heightPx; row++) {
      const from = row * tile.widthPx * 3
      const line = tile.sums.subarray(from, from + tile.widthPx * 3)
      sums.set(line, ((tile.yPx + row) * WIDTH + tile.xPx) * 3)
    }
  }
  return sums
}

describe('pixels are a function of their arguments', () => {
  it('so that tiles of any shape make up the whole', async () => {
    await withSession(2, async session => {
      const whole = await render(session)
      const cuts = [
        [0, 0, 13, 10],
        [13, 0, 19, 10],
        [0, 10, 13, 14],
        [13, 10, 19, 14]
      ] as const
      const tiles = await Promise.all(
        cuts.map(([xPx, yPx, widthPx, heightPx]) =>
          render(session, { tile: { xPx, yPx, widthPx, heightPx } })
        )
      )
      assert.deepEqual(assembled(tiles), whole.sums)
      assert.ok(new Set(whole.sums).size > WIDTH, 'the picture is not empty')
    })
  })

  it('so that sample ranges add up, in any order', async () => {
    await withSession(1, async session => {
      const whole = await render(session)
      const parts: Raster[] = []
      for (const [from, to] of [
        [5, 8],
        [0, 3],
        [3, 5]
      ] as const)
        parts.push(await render(session, { samples: { from, to } }))
      const sums = whole.sums.map((_, i) => parts.reduce((sum, part) => sum + part.sums[i]!, 0))
      assert.deepEqual(sums, whole.sums)
      assert.notDeepEqual(parts[0]!.sums, parts[1]!.sums)
    })
  })

  it('so that threads, sessions and repetitions agree', async () => {
    const rendered = await Promise.all([
      withSession(2, session => Promise.all([render(session), render(session)])),
      withSession(1, async session => [await render(session)])
    ])
    const [first, ...others] = rendered.flat()
    for (const other of others) assert.deepEqual(other.sums, first!.sums)
  })

  it('so that frames rendered together equal frames rendered alone', async () => {
    await withSession(1, async session => {
      const { rasters } = await session.run(subtask(spec, { frames: [3, 7] }), { signal })
      assert.deepEqual(
        rasters.map(({ frame }) => frame),
        [3, 7]
      )
      assert.deepEqual(rasters[1]!.sums, (await render(session, { frames: [7] })).sums)
      assert.deepEqual(rasters[0]!.sums, (await render(session)).sums)
      assert.notDeepEqual(rasters[0]!.sums, rasters[1]!.sums)
    })
  })

  it('of which the seed is one', async () => {
    const other = { ...spec, work: { ...spec.work, seed: 2 ** 40 + 1 } }
    const [a, b] = await Promise.all([withSession(1, s => render(s)), withSession(1, s => render(s), other)])
    assert.notDeepEqual(a.sums, b.sums)
  })

  it('and sums are exact: multiples of 2^-16 in range', async () => {
    const { sums } = await withSession(1, session => render(session))
    for (const value of sums) {
      assert.ok(Number.isInteger(value * GRID) && value >= 0 && value <= 4096 * 8, `${value}`)
    }
  })

  it('and are the same bits under another compiler of the engine', async () => {
    const script = 'import(process.argv[1]).then(async m => console.log(await m.probeDigest()))'
    const probe = new URL('../src/probe.js', import.meta.url).href
    for (const flag of ['--liftoff-only', '--no-liftoff', '--no-enable-avx']) {
      const { stdout } = await exec(process.execPath, [flag, '-e', script, probe], { timeout: 60_000 })
      assert.equal(stdout.trim(), PROBE_DIGEST, flag)
    }
  })
})
