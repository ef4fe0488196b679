import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PathtracerRunner, type PathtracerSession } from '../src/index.ts'
import { probeScene } from '../src/probe-scene.ts'
import { inDirectory, jobSpec, subtask } from './stage.ts'

const exec = promisify(execFile)
const spec = jobSpec({ widthPx: 64, heightPx: 64, samplesPerPixel: 4 })
/** Hours of work. */
const endless = jobSpec({ widthPx: 512, heightPx: 512, samplesPerPixel: 65_536 })
const never = new AbortController().signal

async function withSession(
  of: typeof spec,
  use: (session: PathtracerSession) => Promise<void>
): Promise<void> {
  await inDirectory(async dir => {
    await writeFile(join(dir, 'scene.glb'), await probeScene())
    const session = await new PathtracerRunner({ concurrency: 1 }).open(of, dir)
    try {
      await use(session)
    } finally {
      await session.close()
    }
  })
}

describe('a session', () => {
  it('reports progress that never goes back and ends at one', async () => {
    await withSession(spec, async session => {
      const shares: number[] = []
      await session.run(subtask(spec, { frames: [1, 2, 3] }), {
        signal: never,
        onProgress: share => shares.push(share)
      })
      assert.equal(shares.at(-1), 1)
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => a - b)
      )
    })
  })

  it('gives a run up when told to, and its only thread is free for the next', async () => {
    await withSession(endless, async session => {
      const stop = new AbortController()
      let reports = 0
      const run = session.run(subtask(endless, { samples: { from: 0, to: 512 } }), {
        signal: stop.signal,
        onProgress: () => {
          reports++
          stop.abort(new Error('enough'))
        }
      })
      await assert.rejects(run, { code: 'ERR_ABORTED' })
      const seen = reports
      // Would wait for hours if the thread had not stopped.
      const small = { tile: { xPx: 0, yPx: 0, widthPx: 2, heightPx: 2 }, samples: { from: 0, to: 1 } }
      await session.run(subtask(endless, small), { signal: never })
      assert.equal(reports, seen)
    })
  })

  it('looks at the stop flag often enough to stop inside one slow pixel', async () => {
    await withSession(endless, async session => {
      const stop = new AbortController()
      const pixel = {
        tile: { xPx: 255, yPx: 300, widthPx: 1, heightPx: 1 },
        frames: Array.from({ length: 999 }, (_, k) => k)
      }
      const run = session.run(subtask(endless, pixel), {
        signal: stop.signal,
        onProgress: () => stop.abort()
      })
      await assert.rejects(run, { code: 'ERR_ABORTED' })
      await session.run(subtask(endless, { ...pixel, frames: [1], samples: { from: 0, to: 1 } }), {
        signal: never
      })
    })
  })

  it('refuses to start what was given up before', async () => {
    await withSession(spec, async session => {
      await assert.rejects(session.run(subtask(spec), { signal: AbortSignal.abort() }), {
        code: 'ERR_ABORTED'
      })
    })
  })

  it('gives up a run that still waits for a thread', async () => {
    await withSession(endless, async session => {
      const [first, second] = [new AbortController(), new AbortController()]
      const busy = session.run(subtask(endless), { signal: first.signal })
      const waiting = session.run(subtask(endless), { signal: second.signal })
      second.abort()
      await assert.rejects(waiting, { code: 'ERR_ABORTED' })
      first.abort()
      await assert.rejects(busy, { code: 'ERR_ABORTED' })
    })
  })

  it('ends everything when it is closed', async () => {
    await withSession(endless, async session => {
      const runs = [
        session.run(subtask(endless), { signal: never }),
        session.run(subtask(endless), { signal: never })
      ]
      const settled = Promise.allSettled(runs)
      await session.close()
      for (const { status } of await settled) assert.equal(status, 'rejected')
      await assert.rejects(session.run(subtask(endless), { signal: never }), { code: 'ERR_ABORTED' })
    })
  })

  it('keeps no process alive once it is closed', async () => {
    await inDirectory(async dir => {
      await writeFile(join(dir, 'scene.glb'), await probeScene())
      const script = `
        const { PathtracerRunner } = await import(process.argv[1])
        const { jobSpec, subtask } = await import(process.argv[2])
        const spec = jobSpec()
        const runner = new PathtracerRunner({ concurrency: 2 })
        const session = await runner.open(spec, process.argv[3])
        await session.run(subtask(spec), { signal: new AbortController().signal })
        const stop = new AbortController()
        const given = session.run(subtask(spec), { signal: stop.signal }).catch(() => {})
        stop.abort()
        await given
        await session.close()
        await runner.probe()
        console.log('done')`
      const files = ['../src/index.js', './stage.js'].map(path => new URL(path, import.meta.url).href)
      const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', script, ...files, dir], {
        timeout: 60_000
      })
      assert.equal(stdout.trim(), 'done')
    })
  })
})

describe('a runner', () => {
  it('proves by rendering that it computes what others compute', async () => {
    assert.deepEqual(await new PathtracerRunner({ concurrency: 3 }).probe(), {
      engine: 'pathtracer',
      equivalenceClass: 'pathtracer/1/wasm',
      concurrency: 3
    })
  })
})
