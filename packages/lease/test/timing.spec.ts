import assert from 'node:assert/strict'
import type { Refusal } from '@rayswarm/interface'
import { FENCE_JUMP_MAX, LEASE_ETA_FACTOR_MAX, params } from '@rayswarm/params'
import { claimBackoffMs, nextFence, onClaim, VACANT } from '../src/index.ts'
import { leaseTotalMs } from '../src/timing.ts'
import { alice, freeClaim, peerOf, quorumRules } from './fixtures.ts'

describe('leaseTotalMs', () => {
  it('is a multiple of the declared time, and of the shortest term for the briefest executions', () => {
    const { minimal } = params
    assert.equal(leaseTotalMs(10_000, minimal), LEASE_ETA_FACTOR_MAX * 10_000)
    assert.equal(leaseTotalMs(1, minimal), LEASE_ETA_FACTOR_MAX * minimal.leaseTermMsMin)
  })
})

describe('nextFence', () => {
  it('is one above the highest fence heard of', () => {
    assert.equal(nextFence(0, [], 0), 1)
    assert.equal(
      nextFence(
        3,
        [
          { reason: 'stale-fence', fence: 5 },
          { reason: 'held', fence: 4 }
        ],
        0
      ),
      6
    )
    assert.equal(nextFence(9, [{ reason: 'stale-fence', fence: 5 }, { reason: 'overloaded' }], 0), 10)
  })

  it('leads up, with equal chances, each witness that is further behind than a claim may jump', () => {
    const refusals: Refusal[] = [
      { reason: 'stale-fence', fence: 500 },
      { reason: 'fence-jump', fence: 7 },
      { reason: 'fence-jump', fence: 0 }
    ]
    const choices = [0, 0.34, 0.67, 1 - Number.EPSILON].map(unit => nextFence(500, refusals, unit))
    assert.deepEqual(choices, [501, 7 + FENCE_JUMP_MAX, FENCE_JUMP_MAX, FENCE_JUMP_MAX])
  })

  it('follows nobody to where an honest witness would have taken the claim', () => {
    const known = 500
    for (const fence of [known - FENCE_JUMP_MAX, known, 2 ** 40])
      assert.equal(nextFence(known, [{ reason: 'fence-jump', fence }], 1 - Number.EPSILON) > known, true)
    assert.equal(
      nextFence(known, [{ reason: 'fence-jump', fence: known - FENCE_JUMP_MAX - 1 }], 1 - Number.EPSILON),
      known - 1
    )
  })

  it('lets no liar drive it out of reach of honest witnesses', () => {
    const fence = nextFence(1, [{ reason: 'stale-fence', fence: 2 ** 31 }], 0)
    assert.equal(fence, 1 + FENCE_JUMP_MAX)
    const honest = { ...VACANT, fence: 1 }
    const step = onClaim(honest, freeClaim(alice, fence), peerOf('alice'), 0, quorumRules())
    assert.equal(step.reply.granted, true)
  })
})

describe('claimBackoffMs', () => {
  it('doubles its range with each lost claim, up to a bound', () => {
    const { minimal } = params
    const most = 1 - Number.EPSILON
    assert.equal(claimBackoffMs(0, 0, minimal), 0)
    assert.equal(claimBackoffMs(0, most, minimal), minimal.claimBackoffMs - 1)
    assert.equal(claimBackoffMs(3, 0.5, minimal), minimal.claimBackoffMs * 4)
    assert.equal(claimBackoffMs(7, 0.5, minimal), minimal.claimBackoffMs * 64)
    assert.equal(claimBackoffMs(50, 0.5, minimal), minimal.claimBackoffMs * 64)
  })
})
