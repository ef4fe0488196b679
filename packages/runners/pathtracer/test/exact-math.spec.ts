import assert from 'node:assert/strict'
import fc from 'fast-check'
import * as exact from '../src/exact-math.ts'
import { compose, determinant, inverse, multiply, ofColumns, transformPoint } from '../src/matrix.ts'

// Plus zero: a scene has no use for the sign of a zero, and atan2 does not look at it.
const angle = fc.double({ min: -1000, max: 1000, noNaN: true }).map(x => x + 0)
const close = (a: number, b: number, tolerance = 1e-13): void =>
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} is not ${b}`)

describe('exact functions', () => {
  it('are sine, cosine and tangent', () => {
    fc.assert(
      fc.property(angle, x => {
        close(exact.sin(x), Math.sin(x))
        close(exact.cos(x), Math.cos(x))
        close(exact.sin(x) / exact.cos(x), exact.tan(x))
      })
    )
  })

  it('are their inverses', () => {
    fc.assert(
      fc.property(angle, angle, (x, y) => {
        close(exact.atan(x), Math.atan(x))
        close(exact.atan2(y, x), x === 0 && y === 0 ? 0 : Math.atan2(y, x))
        close(exact.acos(x / 1000), Math.acos(x / 1000), 1e-12)
      })
    )
    close(exact.acos(2), 0)
    close(exact.acos(-2), Math.PI)
    for (const [y, x] of [
      [0, -1],
      [1, 0],
      [-1, 0],
      [0, 1],
      [1, 1],
      [-1, -1]
    ] as const)
      close(exact.atan2(y, x), Math.atan2(y, x))
  })

  it('are powers and logarithms', () => {
    fc.assert(
      fc.property(fc.double({ min: -40, max: 40, noNaN: true }), x => {
        close(exact.exp2(x) / 2 ** x, 1)
        close(exact.ln(2 ** x), Math.log(2 ** x))
      })
    )
    for (let k = 0; k <= 255; k++) {
      const c = k / 255
      close(exact.linearOfSrgb(c), c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    }
  })
})

describe('transforms', () => {
  const part = fc.double({ min: -3, max: 3, noNaN: true })
  const size = fc.double({ min: 0.2, max: 3, noNaN: true })

  it('are undone by their inverse', () => {
    fc.assert(
      fc.property(
        fc.tuple(part, part, part),
        fc.tuple(part, part, part, size),
        fc.tuple(size, size, size),
        (t, q, s) => {
          const m = compose(t, q, s)
          const back = multiply(inverse(m), m)
          for (const [k, value] of back.entries()) close(value, k % 5 === 0 ? 1 : 0, 1e-9)
          close(determinant(m), s[0] * s[1] * s[2], 1e-9)
        }
      )
    )
  })

  it('turn by the right hand', () => {
    const quarter = compose([1, 2, 3], [0, 0, Math.SQRT1_2, Math.SQRT1_2], [2, 2, 2])
    const [x, y, z] = transformPoint(quarter, 1, 0, 0)
    close(x, 1)
    close(y, 4)
    close(z, 3)
  })

  it('are read column by column', () => {
    const m = ofColumns([1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 10, 11, 12, 1])
    assert.deepEqual(transformPoint(m, 1, 0, 0), [11, 13, 15])
    assert.deepEqual(transformPoint(m, 0, 0, 1), [17, 19, 21])
  })
})
