import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Channel, valueAt } from '../src/animation.ts'
import { probeDigest } from '../src/probe.ts'
import { srgbByte } from '../src/tone.ts'

const file = new URL('../../../../../spec/vectors/pathtracer.json', import.meta.url)
const { builtInScene, animation, srgb, ...unclaimed } = JSON.parse(readFileSync(file, 'utf8'))

/** Vectors are written with 16 digits; keys are single precision. */
const TOLERANCE = 1e-7

interface AnimationVector {
  readonly name: string
  readonly channel: Omit<Channel, 'times' | 'values' | 'node'> & { times: number[]; values: number[] }
  readonly seconds: number
  readonly value: readonly number[]
}

describe('spec/vectors/pathtracer.json', () => {
  it('has no section without a runner', () => assert.deepEqual(unclaimed, {}))

  for (const { name, digest } of builtInScene) {
    it(name, async () => assert.equal(await probeDigest(), digest))
  }

  for (const { name, channel, seconds, value } of animation as AnimationVector[]) {
    it(name, () => {
      const times = Float32Array.from(channel.times)
      const values = Float32Array.from(channel.values)
      const found = valueAt({ ...channel, node: 0, times, values }, seconds)
      assert.equal(found.length, value.length)
      for (const [k, expected] of value.entries()) {
        assert.ok(Math.abs(found[k]! - expected) <= TOLERANCE, `${found} is not ${value}`)
      }
    })
  }

  for (const { name, linear, byte } of srgb) {
    it(`sRGB: ${name}`, () => assert.equal(srgbByte(linear), byte))
  }
})
