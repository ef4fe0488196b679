import assert from 'node:assert/strict'
import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { decodeScanned } from '../src/decode.ts'
import { encodeValue, joined } from '../src/encode.ts'
import { scan } from '../src/scan.ts'

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    ...[0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].flatMap(n => [n, -n, -n - 1]),
    1.5,
    -0.1,
    2 ** 53,
    -(2 ** 53),
    5e-324
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true })
)
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 140 }),
  fc.string({ unit: 'binary-ascii', maxLength: 140 }),
  fc.constantFrom(
    '',
    '\u007f',
    '\u0080',
    '\ud83c\udf0d',
    'x'.repeat(96),
    'x'.repeat(97),
    `${'x'.repeat(95)}\u00e9`
  )
)
const field = fc.oneof(
  fc.string({ maxLength: 6 }),
  text,
  fc.constantFrom('__proto__', 'constructor', 'a', 'b', 'aa')
)
const { tree } = fc.letrec<{ tree: unknown }>(tie => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    number,
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 30 }),
    fc.dictionary(field, tie('tree'), { maxKeys: 8 })
  )
}))

describe('the codec', () => {
  it('writes what dag-cbor writes', () => {
    fc.assert(
      fc.property(tree, value => {
        assert.deepEqual(encodeValue(value), new Uint8Array(encode(value)))
      }),
      { numRuns: 2_000 }
    )
  })

  it('reads what dag-cbor reads', () => {
    fc.assert(
      fc.property(tree, value => {
        const bytes = new Uint8Array(encode(value))
        assert.equal(scan(bytes), undefined)
        assert.deepEqual(decodeScanned(bytes), decode(bytes))
      }),
      { numRuns: 2_000 }
    )
  })

  it('drops undefined fields', () => {
    assert.deepEqual(encodeValue({ b: 1, a: undefined }), new Uint8Array(encode({ b: 1 })))
  })

  it('begins anew after a value it cannot write', () => {
    assert.throws(() => encodeValue({ b: [1, { a: undefined, c: () => 1 }] }), TypeError)
    assert.deepEqual(encodeValue({ b: 1 }), new Uint8Array(encode({ b: 1 })))
  })

  it('writes values larger than its buffer', () => {
    const value = { a: new Uint8Array(3_000_000).fill(7), b: 'y'.repeat(70_000), c: [1, 2] }
    assert.deepEqual(encodeValue(value), new Uint8Array(encode(value)))
    assert.deepEqual(encodeValue(value.c), new Uint8Array(encode(value.c)))
  })

  it('gives bytes that later values leave alone, in writing and in reading', () => {
    const kept = Array.from({ length: 3_000 }, (_, i) => {
      const value = { i, text: 'x'.repeat((i * 37) % 200), bytes: new Uint8Array(i % 90).fill(i) }
      const bytes = encodeValue(value)
      if (i % 7 === 0) assert.throws(() => encodeValue([value, value, undefined]))
      return { value, bytes, prefixed: encodeValue(value, Uint8Array.of(i & 0xff)) }
    })
    for (const { value, bytes, prefixed } of kept) {
      assert.deepEqual(bytes, new Uint8Array(encode(value)))
      assert.deepEqual(prefixed, Uint8Array.of(value.i & 0xff, ...bytes))
      assert.deepEqual(joined(Uint8Array.of(value.i & 0xff), bytes), prefixed)
    }
    const read = decodeScanned(kept[50]!.bytes) as { bytes: Uint8Array }
    kept[50]!.bytes.fill(9)
    assert.deepEqual(read.bytes, kept[50]!.value.bytes)
    assert.equal(read.bytes.buffer.byteLength, read.bytes.length)
  })

  it('reads short texts right whose hashes meet', () => {
    for (let i = 0; i < 20_000; i++) {
      const text = `n${(i * 2_654_435_761) % 1_000_003}`
      assert.equal(decodeScanned(encodeValue(text)), text)
    }
  })
})
