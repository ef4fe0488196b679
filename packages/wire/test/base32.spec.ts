import assert from 'node:assert/strict'
import fc from 'fast-check'
import { base32 } from 'multiformats/bases/base32'
import { base32Of } from '../src/base32.ts'

describe('base32', () => {
  it('is what multiformats writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        assert.equal(base32Of(bytes), base32.encode(bytes))
      }),
      { numRuns: 1_000 }
    )
  })
})
