import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRayswarmError, RayswarmError } from '../src/index.ts'

const ROOT = join(import.meta.dirname, '../../../..')

/** Codes in the source text: types are gone when a test runs. */
function codesOfType(): string[] {
  const text = readFileSync(join(ROOT, 'packages/interface/src/errors.ts'), 'utf8')
  const union = text.slice(text.indexOf('export type ErrorCode'), text.indexOf('/** Context of'))
  return [...union.matchAll(/'(ERR_[A-Z_0-9]+)'/g)].map(match => match[1]!)
}

/** Rows of the page's table: code, cause, remedy. */
function rowsOfPage(): string[][] {
  const text = readFileSync(join(ROOT, 'spec/errors.md'), 'utf8')
  return text
    .split('\n')
    .filter(line => line.startsWith('| `ERR_'))
    .map(line =>
      line
        .split('|')
        .map(cell => cell.trim())
        .slice(1, -1)
    )
}

describe('spec/errors.md', () => {
  it('lists every code once, in the order of the type, each with cause and remedy', () => {
    const codes = codesOfType()
    assert.ok(codes.length > 20)
    assert.deepEqual(
      rowsOfPage().map(([code]) => code),
      codes.map(code => `\`${code}\``)
    )
    for (const row of rowsOfPage()) {
      assert.equal(row.length, 3)
      for (const cell of row) assert.ok(cell.length > 3, row[0])
    }
  })
})

describe('RayswarmError', () => {
  it('carries code, thing, value, remedy and cause', () => {
    const cause = new Error('below')
    const error = new RayswarmError('ERR_TIMEOUT', 'too late', {
      thing: 'port',
      value: 80,
      remedy: 'Wait.',
      cause
    })
    assert.deepEqual(
      [error.code, error.message, error.thing, error.value, error.remedy, error.cause],
      ['ERR_TIMEOUT', 'too late', 'port', 80, 'Wait.', cause]
    )
    assert.equal('cause' in new RayswarmError('ERR_TIMEOUT', 'too late'), false)
  })

  it('is known by its name, also from another copy of this package', () => {
    assert.equal(isRayswarmError(new RayswarmError('ERR_TIMEOUT', 'too late')), true)
    assert.equal(
      isRayswarmError(Object.assign(new Error('x'), { name: 'RayswarmError', code: 'ERR_TIMEOUT' })),
      true
    )
    for (const other of [new Error('x'), { name: 'RayswarmError', code: 'x' }, undefined])
      assert.equal(isRayswarmError(other), false)
  })
})
