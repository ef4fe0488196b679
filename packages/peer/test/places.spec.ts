import assert from 'node:assert/strict'
import { Places } from '../src/places.ts'

describe('Places', () => {
  it('are as many as are free, and as the memory that is left allows', () => {
    const places = new Places(10, () => 3)
    assert.deepEqual([places.free, places.freeFor(4), places.freeFor(1)], [3, 2, 3])
    const leave = places.take(8)
    assert.deepEqual([places.free, places.freeFor(4), places.freeFor(1)], [2, 0, 2])
    leave()
    leave()
    assert.deepEqual([places.free, places.freeFor(4)], [3, 2])
  })

  it('follow the number of places, also below what is taken', () => {
    let count = 2
    const places = new Places(10, () => count)
    places.take(1)
    places.take(1)
    count = 1
    assert.equal(places.free, -1)
  })
})
