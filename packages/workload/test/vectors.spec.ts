import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { canonical, fromHex, jobIdOf, toHex } from '@rayswarm/wire'
import { decodeOutput, JOB_DEFAULTS, jobSpecOf, parseJobFile, parseJobSpec, split } from '../src/index.ts'
import { readVectors } from './vectors.ts'

const { context, jobs, refused, results } = readVectors()

describe('vectors of jobs', () => {
  for (const [i, { file, spec, job, subtasks }] of jobs.entries())
    it(`give one spec, one id and one list of subtasks: ${i}`, () => {
      const parsed = jobSpecOf(parseJobFile(file), context)
      assert.equal(toHex(canonical(parsed)), spec)
      assert.equal(jobIdOf(parseJobSpec(parsed)), job)
      const rows = split(parsed).map(({ id, work: { frames, tile, samples }, workUnits }) => {
        const { xPx, yPx, widthPx, heightPx } = tile
        return [id, frames, xPx, yPx, widthPx, heightPx, samples.from, samples.to, workUnits]
      })
      assert.deepEqual(rows, subtasks)
    })

  for (const { file, code, thing } of refused)
    it(`refuse ${JSON.stringify(file)}`, () => {
      assert.throws(() => jobSpecOf(parseJobFile(file), context), { code, thing })
    })

  for (const { name, bytes, sums } of results)
    it(`judge a result: ${name}`, () => {
      const subtask = split(jobSpecOf(parseJobFile(jobs[0]!.file), context)).at(-1)!
      const decoded = decodeOutput(fromHex(bytes), subtask)
      assert.equal(decoded.ok, sums !== undefined)
      if (decoded.ok) assert.deepEqual([...decoded.value.rasters[0]!.sums], sums)
    })
})

describe('spec/job.md', () => {
  it('has every field of the job file with its default', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../spec/job.md'), 'utf8')
    const table = page
      .slice(page.indexOf('## Job file'), page.indexOf('## Fields'))
      .split('\n')
      .filter(line => line.startsWith('| `'))
      .map(line => line.split('|').map(cell => cell.trim().replaceAll('`', '')))
      .map(cells => [cells[1]!, cells[3]!] as const)
    const { output, split: cut, verify, ...plain } = JOB_DEFAULTS
    const defaults = new Map<string, string>(
      Object.entries(plain).map(([key, value]) => [key, JSON.stringify(value)])
    )
    for (const [section, fields] of Object.entries({ output, split: cut, verify }))
      for (const [key, value] of Object.entries(fields))
        defaults.set(`${section}.${key}`, JSON.stringify(value))
    const withoutValue = new Set(['scene', 'name', 'camera'])
    assert.deepEqual(new Map(table.filter(([field]) => !withoutValue.has(field))), defaults)
    // Every field of the table is one the parser knows, and it knows no other.
    const { remedy } = refusedBy({ scene: 's', unknown: 1 })
    const known = remedy.slice(remedy.lastIndexOf(': ') + 2, -1).split(', ')
    assert.deepEqual([...new Set(table.map(([field]) => field.split('.')[0]!))], known)
  })
})

function refusedBy(file: unknown): { remedy: string } {
  try {
    parseJobFile(file)
  } catch (error) {
    return error as { remedy: string }
  }
  throw new assert.AssertionError({ message: 'not refused' })
}
