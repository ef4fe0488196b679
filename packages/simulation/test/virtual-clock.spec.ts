import assert from 'node:assert/strict'
import fc from 'fast-check'
import { HostClock, ProcessClock, SeededChance, VirtualClock } from '../src/index.ts'

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

  it('fires nothing of a process that is gone', async () => {
    const world = new VirtualClock()
    const process = new ProcessClock(new HostClock(world))
    process.after(1, () => assert.fail('fired'))
    process.stop()
    await world.advance(10)
  })

  it('lets every promise move between two timers, however long the chain', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.after(1, () => {
      let chain = Promise.resolve()
      for (let link = 0; link < 1_000; link++) chain = chain.then(() => undefined)
      void chain.then(() => seen.push('chain'))
    })
    clock.after(1, () => seen.push('timer'))
    await clock.advance(1)
    assert.deepEqual(seen, ['chain', 'timer'])
  })

  it('gives the event loop its turn now and then', async () => {
    const clock = new VirtualClock()
    let turns = 0
    setImmediate(() => turns++)
    const again = (): void => void clock.after(1, again)
    again()
    assert.equal(await clock.until(() => turns > 0, 100_000), true)
  })
})

describe('HostClock', () => {
  it('runs at its own rate, and its timers with it', async () => {
    for (const rate of [0.5, 1, 1.5]) {
      const world = new VirtualClock(1_000)
      const host = new HostClock(world, { rate, aheadMs: 250 })
      const fired: number[] = []
      host.after(300, () => fired.push(world.nowMs()))
      assert.equal(host.nowMs(), 1_250)
      await world.advance(1_200)
      assert.equal(host.nowMs(), 1_250 + 1_200 * rate)
      assert.deepEqual(fired, [1_000 + 300 / rate])
    }
  })

  it('shows whole milliseconds', async () => {
    const world = new VirtualClock(0.75)
    const host = new HostClock(world, { rate: 1.3 })
    for (let step = 0; step < 20; step++) {
      await world.advance(0.37)
      assert.ok(Number.isInteger(host.nowMs()))
    }
  })

  it('never calls before its own time has passed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.5, max: 1.5, noNaN: true }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 400 }), fc.boolean()), {
          maxLength: 4
        }),
        async (rate, delayMs, pauses) => {
          const world = new VirtualClock()
          const host = new HostClock(world, { rate })
          const startedAtMs = host.nowMs()
          let firedAfterMs: number | undefined
          host.after(delayMs, () => {
            firedAfterMs = host.nowMs() - startedAtMs
          })
          for (const [afterMs, forMs, jump] of pauses) {
            await world.advance(afterMs)
            host.pause()
            const stoodAtMs = host.nowMs()
            const before = firedAfterMs
            await world.advance(forMs)
            assert.equal(host.nowMs(), stoodAtMs)
            assert.equal(firedAfterMs, before)
            host.resume({ jump })
          }
          await world.advance(3_000)
          assert.ok(
            firedAfterMs !== undefined && firedAfterMs >= delayMs - 1,
            `${firedAfterMs} of ${delayMs}`
          )
        }
      )
    )
  })

  for (const [how, jump, nowMs, firedAtMs] of [
    ['jumps to the present, and what is overdue is done at once', true, 1_050, 1_050],
    ['goes on where it stood', false, 50, 1_050]
  ] as const)
    it(`after a pause ${how}`, async () => {
      const world = new VirtualClock()
      const host = new HostClock(world)
      const fired: number[] = []
      host.after(jump ? 100 : 50, () => fired.push(world.nowMs()))
      await world.advance(40)
      host.pause()
      await world.advance(1_000)
      host.resume({ jump })
      await world.advance(10)
      assert.equal(host.nowMs(), nowMs)
      assert.deepEqual(fired, jump ? [1_040] : [firedAtMs])
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
