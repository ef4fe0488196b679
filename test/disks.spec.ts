import assert from 'node:assert/strict'
import { RayswarmError } from '@rayswarm/interface'
import { CALM_WORLD, World, type WorldInit } from '@rayswarm/node/sim'

const HOUR_MS = 3_600_000
const FRAME_COUNT = 12
const OWNER: WorldInit = { ...CALM_WORLD, seed: 3, nodeCount: 9, liarCount: 0 }
const DRAWN: WorldInit = { ...OWNER, witness: { witnessCount: 7, quorum: 5 } }
const MODES = { owner: OWNER, drawn: DRAWN }

/** Every host's disk refuses every other write, and every other deletion, of each record under `prefix`. */
function refuse(world: World, prefix: string): { readonly count: number } {
  const refusals = { count: 0 }
  for (const { disk } of world.hosts)
    for (const what of ['put', 'delete'] as const) {
      const kept = disk[what].bind(disk) as (key: string, value: Uint8Array) => Promise<void>
      const refused = new Set<string>()
      disk[what] = async (key: string, value: Uint8Array = new Uint8Array()): Promise<void> => {
        if (!key.startsWith(prefix) || refused.delete(key)) return kept(key, value)
        refused.add(key)
        refusals.count++
        throw new RayswarmError('ERR_DISK_FULL', 'no room', { thing: 'disk' })
      }
    }
  return refusals
}

describe('a disk that refuses every other write', () => {
  for (const [mode, init] of Object.entries(MODES))
    for (const prefix of ['job/', 'witness/', 'witnessed/', 'ledger/', 'sealed/', 'kept/', 'offer/']) {
      if (init === OWNER && prefix === 'witnessed/') continue
      it(`costs no job and no frame: ${prefix} in ${mode} mode`, async () => {
        const world = new World(init)
        const refusals = refuse(world, prefix)
        let finishedCount = 0
        world.clock.after(0, () =>
          world.hosts[0]!.process!.peer.events.on('frame:finished', () => finishedCount++)
        )
        const outcome = await world.run(HOUR_MS)
        assert.deepEqual(outcome.violations, [])
        assert.equal(outcome.report?.end, 'complete')
        assert.equal(finishedCount, FRAME_COUNT)
        assert.ok(refusals.count > 0, 'nothing was refused')
      })
    }
})
