import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HostClock, SeededChance, VirtualClock } from '../src/index.ts'

describe('VirtualClock', () => {
  it('fires timers in order of time, then of creation, whatever the delays', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), async delays => {
        const clock = new VirtualClock()
        const fired: number[] = []
        for (const [index, delayMs] of delays.entries()) clock.after(delayMs, () => fired.push(index))
        await clock.advance(5)
        const expected = delays
          .map((delayMs, index) => ({ delayMs, index }))
          .sort((a, b) => a.delayMs - b.delayMs || a.index - b.index)
        assert.deepEqual(
          fired,
          expected.map(e => e.index)
        )
      })
    )
  })

  it('fires what falls due on the way, also what was set on the way', async () => {
    const clock = new VirtualClock(1_000)
    const atMs: number[] = []
    clock.after(10, () => {
      atMs.push(clock.nowMs())
      clock.after(5, () => atMs.push(clock.nowMs()))
      clock.after(100, () => atMs.push(clock.nowMs()))
    })
    await clock.advance(20)
    assert.deepEqual(atMs, [1_010, 1_015])
    assert.equal(clock.nowMs(), 1_020)
  })

  it('forgets cancelled timers', async () => {
    const clock = new VirtualClock()
    clock.after(1, () => assert.fail('fired')).cancel()
    await clock.advance(10)
  })

  it('stops where the condition is met', async () => {
    const clock = new VirtualClock()
    let met = false
    clock.after(7, () => {
      met = true
    })
    assert.equal(await clock.until(() => met, 100), true)
    assert.equal(clock.nowMs(), 7)
    assert.equal(await clock.until(() => false, 100), false)
    assert.equal(clock.nowMs(), 107)
  })

  it('fires nothing of a host that is gone', async () => {
    const world = new VirtualClock()
    const host = new HostClock(world)
    host.after(1, () => assert.fail('fired'))
    host.stop()
    await world.advance(10)
  })
})

describe('SeededChance', () => {
  it('repeats itself for equal seeds and not for others, large seeds too', () => {
    const draw = (seed: number): string => new SeededChance(seed).bytes(16).join()
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40]
    for (const seed of seeds) assert.equal(draw(seed), draw(seed))
    assert.equal(new Set(seeds.map(draw)).size, seeds.length)
  })

  it('is uniform enough', () => {
    const chance = new SeededChance(5)
    const sum = Array.from({ length: 10_000 }, () => chance.unit()).reduce((a, b) => a + b)
    assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.01)
  })
})
