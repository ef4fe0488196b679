import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const ORRERY = join(ROOT, 'examples/orrery')
const SMALL = { frames: '1-2', widthPx: 64, heightPx: 36, samplesPerPixel: 4, output: { exr: 'float' } }

/** Render the example on a fresh swarm of its own and give each picture's hash. */
function render(dir: string, name: string, split: object): Record<string, string> {
  const job = JSON.parse(readFileSync(join(ORRERY, 'job.json'), 'utf8'))
  const file = join(dir, `${name}.json`)
  writeFileSync(file, JSON.stringify({ ...job, ...SMALL, split }))
  const out = join(dir, name)
  const args = ['--scene', file, '--nodes', '2', '--liars', '0', '--out', out, '--json']
  const demo = spawnSync(process.execPath, [join(ROOT, 'node/bin/demo.js'), ...args], { timeout: 120_000 })
  assert.equal(demo.status, 0, String(demo.stderr))
  const frames = join(out, 'frames')
  return Object.fromEntries(
    readdirSync(frames)
      .sort()
      .map(file => [
        file,
        createHash('sha256')
          .update(readFileSync(join(frames, file)))
          .digest('hex')
      ])
  )
}

describe('pictures', function () {
  this.timeout(300_000)
  const dir = mkdtempSync(join(tmpdir(), 'rayswarm-bits-'))
  let first: Record<string, string>

  before(() => {
    for (const file of ['scene.glb', 'sky.hdr']) copyFileSync(join(ORRERY, file), join(dir, file))
    first = render(dir, 'first', {})
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  it('are there: a PNG and an EXR for each frame', () => {
    const names = ['frame_0001.exr', 'frame_0001.png', 'frame_0002.exr', 'frame_0002.png']
    assert.deepEqual(Object.keys(first), names)
    assert.equal(new Set(Object.values(first)).size, names.length)
  })

  it('of one job on two fresh swarms are equal to the bit', () => {
    assert.deepEqual(render(dir, 'second', {}), first)
  })

  it('of a job cut into 2 × 2 tiles and two sample ranges are equal to those cut into frames', () => {
    assert.deepEqual(render(dir, 'tiles', { tileColumns: 2, tileRows: 2, sampleRanges: 2 }), first)
  })
})
