import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessageType } from '@rayswarm/interface'
import { isSignedType, messageSizeBytesMax, schemas } from '../src/index.ts'

const page = readFileSync(join(import.meta.dirname, '../../../../spec/wire.md'), 'utf8')

describe('spec/wire.md', () => {
  it('lists every type, whether it is signed, and its limit', () => {
    const table = page
      .slice(page.indexOf('## Types'), page.indexOf('## Signatures'))
      .split('\n')
      .filter(line => line.startsWith('| `'))
      .map(line =>
        line
          .split('|')
          .slice(1, 4)
          .map(cell => cell.trim().replaceAll(/[` ]/g, ''))
      )
    const code = (Object.keys(schemas) as MessageType[]).map(type => [
      type,
      isSignedType(type) ? 'yes' : '',
      String(messageSizeBytesMax(type))
    ])
    assert.deepEqual(table, code)
  })
})
