import { type Account, RayswarmError } from '@rayswarm/interface'
import type { SwarmFile } from '../swarm-file.ts'

/**
 * Address of the swarm's registry.
 *
 * @throws {RayswarmError} `ERR_USAGE` when it has none on its chain
 */
export function requireRegistry(swarm: SwarmFile): Account {
  const { registry } = swarm.chain
  if (registry !== undefined) return registry
  const isListed = swarm.registry !== undefined
  throw new RayswarmError('ERR_USAGE', `swarm ${swarm.netId} has no registry on its chain`, {
    thing: 'swarm file: chain.registry',
    value: isListed ? 'a list in the swarm file' : 'none',
    remedy: isListed
      ? 'Nothing is at stake in this swarm: whoever runs it writes the list of its witnesses.'
      : 'Jobs of this swarm are witnessed by their creators alone; add chain.registry if it has one by now.'
  })
}
