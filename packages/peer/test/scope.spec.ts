import assert from 'node:assert/strict'
import type { Log } from '@rayswarm/interface'
import { VirtualClock } from '@rayswarm/simulation'
import { Scope } from '../src/scope.ts'

function open() {
  const clock = new VirtualClock()
  const warnings: string[] = []
  const log: Log = { debug: () => {}, info: () => {}, warn: message => warnings.push(message) }
  return { clock, warnings, scope: new Scope({ clock, log }) }
}

describe('Scope', () => {
  it('fires a timer once, and not after it closed', async () => {
    const { clock, scope } = open()
    let count = 0
    scope.after(10, () => count++)
    scope.after(30, () => count++)
    await clock.advance(20)
    await scope.close()
    await clock.advance(20)
    assert.equal(count, 1)
  })

  it('repeats after the work has ended, also when it fails', async () => {
    const { clock, scope, warnings } = open()
    let count = 0
    scope.every(
      'work',
      () => 10,
      async () => {
        count++
        if (count === 2) throw new Error('once')
      }
    )
    await clock.advance(45)
    assert.equal(count, 4)
    assert.deepEqual(warnings, ['work failed'])
  })

  it('ends sleeps when it closes', async () => {
    const { scope } = open()
    const slept = scope.sleep(1_000)
    await scope.close()
    await assert.rejects(slept, { code: 'ERR_ABORTED' })
    await assert.rejects(scope.sleep(1), { code: 'ERR_ABORTED' })
  })

  it('waits at close for what it spawned', async () => {
    const { clock, scope } = open()
    let ended = false
    scope.spawn('slow', async () => {
      await new Promise<void>(resolve => clock.after(50, resolve))
      ended = true
    })
    const closed = scope.close()
    await clock.advance(49)
    assert.equal(ended, false)
    await clock.advance(1)
    await closed
    assert.equal(ended, true)
  })

  it('wakes a sleeper early, and forgets the listener', async () => {
    const { clock, scope } = open()
    let listener: (() => void) | undefined
    const slept = scope.sleepOr(1_000, wake => {
      listener = wake
      return () => {
        listener = undefined
      }
    })
    await clock.advance(5)
    listener?.()
    await slept
    assert.equal(clock.nowMs(), 5)
    assert.equal(listener, undefined)
  })

  it('perseveres until it succeeds or the scope closes, less and less often', async () => {
    const { clock, scope, warnings } = open()
    const attemptsAtMs: number[] = []
    const succeedsAt = (count: number) => async (): Promise<string> => {
      attemptsAtMs.push(clock.nowMs())
      if (attemptsAtMs.length < count) throw new Error('refused')
      return 'done'
    }
    const done = scope.persevere('write', 10, succeedsAt(4))
    await clock.advance(1_000)
    assert.equal(await done, 'done')
    assert.deepEqual(attemptsAtMs, [0, 10, 30, 70])
    assert.deepEqual(warnings, Array(3).fill('write failed'))

    const never = assert.rejects(scope.persevere('write', 10, succeedsAt(1_000)), { code: 'ERR_ABORTED' })
    await clock.advance(1_000)
    await scope.close()
    await never
  })
})
