import type { Beacon, Registry } from '@rayswarm/interface'
import { fromHex } from '@rayswarm/wire'
import type { Home } from '../compose.ts'
import { SystemClock } from './system-world.ts'

/** Where witnesses are drawn from, and by which luck. */
export interface Drawing {
  readonly registry: Registry
  readonly beacon: Beacon
}

/** The swarm's registry and beacon: those of the chain, or of the swarm file's genesis; undefined for swarms without either. */
export async function openDrawing({ swarm, chain, context }: Home): Promise<Drawing | undefined> {
  if (swarm.chain.registry !== undefined) {
    const { ChainBeacon, openRegistry } = await import('@rayswarm/chain')
    const { identity } = context
    const registry = await openRegistry(chain, { registry: swarm.chain.registry, identity })
    return { registry, beacon: new ChainBeacon(chain, registry) }
  }
  if (swarm.registry === undefined) return undefined
  const { parseGenesis, SeededBeacon, StaticRegistry } = await import('@rayswarm/chain/genesis')
  const { epochS, entries, beaconSeed } = swarm.registry
  const clock = new SystemClock()
  return {
    registry: new StaticRegistry({ ...parseGenesis({ epochS, entries }), nowMs: () => clock.nowMs() }),
    beacon: new SeededBeacon({ seed: fromHex(beaconSeed), chain })
  }
}
