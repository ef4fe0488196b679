import assert from 'node:assert/strict'
import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { bytesEqual } from '../src/index.ts'
import { type ScanFault, scan } from '../src/scan.ts'
import { mutated } from './mutations.ts'

/** The definition that `scan` must equal: decode, encode again, compare. Links are not of our data model. */
function byEncodingAgain(bytes: Uint8Array): ScanFault | undefined {
  let value: unknown
  try {
    value = decode(bytes)
  } catch {
    return 'malformed'
  }
  return bytesEqual(encode(value), bytes) ? undefined : 'not-canonical'
}

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -1, -24, -25, -256, -257),
  fc.double({ noNaN: true, noDefaultInfinity: true })
)
const { tree: value } = fc.letrec<{ tree: unknown }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    number,
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 4 }), tie('tree'), { maxKeys: 4 })
  )
}))

describe('scan', () => {
  it('finds nothing wrong with what the encoder writes', () => {
    fc.assert(
      fc.property(value, tree => {
        assert.equal(scan(encode(tree)), undefined)
      }),
      { numRuns: 1_000 }
    )
  })

  it('says what decoding and encoding again says, for mutated encodings', () => {
    fc.assert(
      fc.property(mutated(value.map(encode)), bytes => {
        const fault = byEncodingAgain(bytes)
        // The decoder reads more than dag-cbor has (undefined, for one); nothing of that is canonical either.
        if (fault === undefined) assert.equal(scan(bytes), undefined)
        else assert.notEqual(scan(bytes), undefined)
      }),
      { numRuns: 5_000 }
    )
  })

  it('says what decoding and encoding again says, for random bytes', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0x61, 0xa1, 0xa2, 0x81, 0x18, 0xfb, 0x42), fc.nat(255)), {
      maxLength: 24
    })
    fc.assert(
      fc.property(bytes, list => {
        const input = Uint8Array.from(list)
        assert.equal(scan(input) === undefined, byEncodingAgain(input) === undefined)
      }),
      { numRuns: 5_000 }
    )
  })

  for (const [name, hex, fault] of [
    ['a number in more bytes than it needs', '1817', 'not-canonical'],
    ['a small number in eight bytes', '1b0000000000000001', 'not-canonical'],
    ['a length in more bytes than it needs', '780161', 'not-canonical'],
    ['keys out of order', 'a2616201616102', 'not-canonical'],
    ['a longer key before a shorter one', 'a262616101616202', 'not-canonical'],
    ['the same key twice', 'a2616101616102', 'not-canonical'],
    ['a half-precision float', 'f93e00', 'not-canonical'],
    ['a single-precision float', 'fa3fc00000', 'not-canonical'],
    ['a whole number as a float', 'fb3ff0000000000000', 'not-canonical'],
    ['minus zero', 'fb8000000000000000', 'not-canonical'],
    ['text that is not UTF-8', '61ff', 'not-canonical'],
    ['a surrogate half in UTF-8', '63eda080', 'not-canonical'],
    ['a byte order mark', '64efbbbf61', 'not-canonical'],
    ['not a number', 'fb7ff8000000000000', 'malformed'],
    ['infinity', 'fb7ff0000000000000', 'malformed'],
    ['undefined', 'f7', 'malformed'],
    ['a list of indefinite length', '9f01ff', 'malformed'],
    ['a link', 'd82a4100', 'malformed'],
    ['a key that is a number', 'a10101', 'malformed'],
    ['a key without value', 'a16161', 'malformed'],
    ['bytes after the end', '0000', 'malformed'],
    ['nothing', '', 'malformed'],
    ['a list of 2^64 - 1 items', '9bffffffffffffffff', 'malformed'],
    ['text of 4 GiB', '7affffffff61', 'malformed']
  ] as const)
    it(`refuses ${name}`, () => {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
      assert.equal(scan(bytes), fault)
      assert.notEqual(byEncodingAgain(bytes), undefined)
    })

  it('refuses what nests deeper than any message', () => {
    const nested = (depth: number) => Uint8Array.from([...new Array(depth).fill(0x81), 0])
    assert.equal(scan(nested(32)), undefined)
    assert.equal(scan(nested(33)), 'malformed')
    assert.equal(scan(nested(1_000_000)), 'malformed')
  })
})
