import assert from 'node:assert/strict'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import {
  canonical,
  cidOf,
  decodeCanonical,
  decodeRaw,
  escrowSaltOf,
  jobHashOf,
  jobOfHash,
  sha256,
  toHex
} from '../src/index.ts'
import { fromText, readVectors } from './vectors.ts'

describe('canonical', () => {
  for (const { name, value, bytes, cid } of readVectors().canonical)
    it(`has one encoding: ${name}`, () => {
      assert.equal(toHex(canonical(fromText(value))), bytes)
      assert.equal(cidOf(fromText(value)), cid)
    })

  it('does not depend on the order of fields', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), fields => {
        const backwards = Object.fromEntries(Object.entries(fields).reverse())
        assert.deepEqual(canonical(backwards), canonical(fields))
      })
    )
  })

  it('gives an amount and the number of the same size the same bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), n => {
        assert.deepEqual(canonical(BigInt(n)), canonical(n))
      })
    )
  })

  for (const [name, value] of [
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['undefined in a list', [undefined]],
    ['undefined', undefined],
    ['not a number', Number.NaN],
    ['infinity', { a: Number.POSITIVE_INFINITY }],
    ['an amount below zero', -1n],
    ['an amount of 2^64', 2n ** 64n]
  ] as const)
    it(`refuses ${name}`, () => {
      assert.throws(() => canonical(value))
    })

  it('names content as multiformats does', () => {
    const cid = CID.parse(cidOf({ a: 1 }))
    assert.equal(cid.version, 1)
    assert.equal(cid.code, 0x71)
    assert.equal(toHex(cid.multihash.digest), toHex(sha256(canonical({ a: 1 }))))
    assert.equal(jobHashOf(cidOf({ a: 1 })), toHex(sha256(canonical({ a: 1 }))))
    assert.throws(() => jobHashOf('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'), TypeError)
    assert.throws(() => jobHashOf('nonsense'))
    assert.equal(jobOfHash(jobHashOf(cidOf({ a: 1 }))), cidOf({ a: 1 }))
    assert.throws(() => jobOfHash('0x12'), RangeError)
  })

  it('salts of escrows stay as they are: money is found again by them', () => {
    assert.equal(
      escrowSaltOf(cidOf({ a: 1 })),
      '0x4dee2b07729a6fe83ddd5c2c03666cbccfab66b6c5b539856c6056e250e215bf'
    )
    assert.notEqual(escrowSaltOf(cidOf({ a: 1 })), escrowSaltOf(cidOf({ a: 2 })))
  })
})

describe('decodeCanonical', () => {
  const schema = z.strictObject({ a: z.number() })

  it('judges size, form and shape', () => {
    const bytes = canonical({ a: 1 })
    assert.deepEqual(decodeCanonical(bytes, schema, bytes.length), { ok: true, value: { a: 1 } })
    const faultOf = (input: Uint8Array, sizeBytesMax = 100) => {
      const decoded = decodeCanonical(input, schema, sizeBytesMax)
      return decoded.ok ? undefined : decoded.fault
    }
    assert.equal(faultOf(bytes, bytes.length - 1), 'oversized')
    assert.equal(faultOf(Uint8Array.of(0xff)), 'malformed')
    assert.equal(faultOf(canonical({ a: 'x' })), 'malformed')
    assert.equal(faultOf(canonical({ a: 1, b: 1 })), 'malformed')
    assert.equal(faultOf(Uint8Array.of(0xa1, 0x61, 0x61, 0x18, 0x01)), 'not-canonical')
  })

  it('reads buffers like plain bytes', () => {
    assert.deepEqual(decodeCanonical(Buffer.from(canonical({ a: 1 })), schema, 100), {
      ok: true,
      value: { a: 1 }
    })
    const raw = decodeRaw(Buffer.from(canonical(Uint8Array.of(1, 2))))
    assert.equal(raw?.value?.constructor, Uint8Array)
  })
})
