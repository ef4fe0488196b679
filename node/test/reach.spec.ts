import assert from 'node:assert/strict'
import { judgeHealth, type Sighting } from '@rayswarm/network'
import { Reach, reachNote } from '../src/status/reach.ts'

const CONNECTED: Sighting = { connected: true, heardAtMs: 0, silentSinceMs: undefined }

describe('Reach', () => {
  let nowMs: number
  let sightings: Sighting[]
  let known: boolean
  let reach: Reach
  let said: boolean[]

  beforeEach(() => {
    nowMs = 0
    sightings = []
    known = true
    said = []
    reach = new Reach({
      health: () => judgeHealth(sightings, nowMs),
      knowsAnybody: async () => known,
      nowMs: () => nowMs
    })
    reach.onChange(since => said.push(since !== undefined))
  })

  const lookAt = async (...instants: readonly number[]): Promise<void> => {
    for (const instant of instants) {
      nowMs = instant
      await reach.look()
    }
  }

  it('waits ten seconds before it says that nobody is there, and says it once', async () => {
    await lookAt(0, 5_000, 9_999)
    assert.equal(reachNote(reach.status), undefined)
    await lookAt(10_000, 11_000, 60_000)
    assert.deepEqual(said, [true])
    assert.match(reachNote(reach.status) ?? '', /^0 peers: swarm unreachable since \d\d:\d\d:\d\d$/)
    const since = Date.parse(reach.status.unreachableSince ?? '')
    assert.ok(Math.abs(Date.now() - since - 10_000) < 5_000, 'counted from when the last one was seen')
  })

  it('takes it back when somebody is there, and starts anew when that one goes', async () => {
    await lookAt(0, 10_000)
    sightings = [CONNECTED]
    await lookAt(11_000)
    assert.deepEqual(said, [true, false])
    assert.equal(reach.status.unreachableSince, undefined)
    sightings = []
    await lookAt(12_000, 21_999)
    assert.deepEqual(said, [true, false])
    await lookAt(22_000)
    assert.deepEqual(said, [true, false, true])
  })

  it('says nothing of a first peer that knows nobody', async () => {
    known = false
    await lookAt(0, 10_000, 600_000)
    assert.deepEqual(said, [])
    known = true
    await lookAt(601_000)
    assert.deepEqual(said, [true])
  })

  it('speaks of a split that is suspected', () => {
    const silent: Sighting = { connected: false, heardAtMs: 0, silentSinceMs: 1_000 }
    sightings = [CONNECTED, CONNECTED, silent, silent]
    nowMs = 31_000
    assert.equal(
      reachNote(reach.status),
      'split swarm suspected: 50 % of 4 peers answer, the rest fell silent 30 s ago'
    )
  })
})
