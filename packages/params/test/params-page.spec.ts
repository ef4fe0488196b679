import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as exported from '../src/index.ts'

const { params } = exported
const page = readFileSync(join(import.meta.dirname, '../../../../spec/params.md'), 'utf8')

/** Cells of the tables' rows between two headings; numbers lose their spaces. */
function rows(from: string, to: string): string[][] {
  return page
    .slice(page.indexOf(from), page.indexOf(to))
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell =>
          cell
            .trim()
            .replaceAll('`', '')
            .replaceAll(/(?<=\d) (?=\d)/g, '')
        )
    )
}

describe('spec/params.md', () => {
  it('has every preset value', () => {
    const table = rows('## Presets', '## Constants').map(([name, mainnet, testnet, minimal]) => [
      name,
      mainnet,
      testnet,
      minimal
    ])
    const code = Object.keys(params.mainnet).map(key => {
      const name = key as keyof typeof params.mainnet
      return [name, ...[params.mainnet, params.testnet, params.minimal].map(preset => String(preset[name]))]
    })
    assert.ok(table.length > 10)
    assert.deepEqual(table, code)
  })

  it('has every constant, and no other', () => {
    const table = rows('## Constants', 'Code:').map(([name, value]) => [name, value])
    const elsewhere = new Set(['params', 'PAYOUT_SPLIT', 'MESSAGE_SIZE_BYTES_MAX', 'WITNESS_TIERS'])
    const code = Object.entries(exported)
      .filter(([name]) => !elsewhere.has(name))
      .map(([name, value]) => [name, String(value)])
    const byName = (a: (string | undefined)[], b: (string | undefined)[]) => (a[0]! < b[0]! ? -1 : 1)
    assert.deepEqual(table.sort(byName), code.sort(byName))
  })
})
