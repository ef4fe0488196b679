import assert from 'node:assert/strict'
import { RayswarmError, type Store } from '@rayswarm/interface'
import { params } from '@rayswarm/params'
import { FAIR_WEATHER } from '@rayswarm/simulation'
import { SyncWorld, verdict } from './sync-hosts.ts'

describe('LedgerRole', () => {
  it('writes what the disk refused, in order, without being asked again', async () => {
    const world = new SyncWorld(1, FAIR_WEATHER)
    const [host] = world.hosts
    const disk = host!.disk
    let isFull = true
    const put = async (key: string, value: Uint8Array): Promise<void> => {
      if (isFull) throw new RayswarmError('ERR_DISK_FULL', 'no room')
      await disk.put(key, value)
    }
    const store: Store = { put, get: k => disk.get(k), delete: k => disk.delete(k), list: p => disk.list(p) }
    await host!.up(store)
    const { ledger } = host!.roles
    await world.settled(ledger.say([verdict(host!.peerId, 0), verdict(host!.peerId, 1)]))
    const written = async (): Promise<string[]> => {
      const keys: string[] = []
      for await (const [key] of disk.list('ledger/')) keys.push(key.slice(-1))
      return keys
    }
    await world.clock.advance(params.minimal.syncIntervalMs * 2)
    assert.deepEqual(await written(), [])
    assert.equal(ledger.set.ids.size, 0, 'shows what a crash would make it forget')
    isFull = false
    await world.clock.advance(params.minimal.syncIntervalMs)
    assert.deepEqual(await written(), ['1', '2'])
    assert.equal(ledger.set.ids.size, 2)
    await world.down()
  })
})
