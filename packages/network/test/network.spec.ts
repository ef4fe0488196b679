import { setTimeout as sleep } from 'node:timers/promises'
import { networkSuite } from '@rayswarm/simulation'
import { connectAll, Swarms } from './swarms.ts'

networkSuite('Network over libp2p', async count => {
  const swarms = new Swarms()
  const mesh = await swarms.mesh(count)
  return {
    networks: mesh.map(swarm => swarm.network),
    join: async connected => {
      const swarm = await swarms.start()
      if (connected) {
        await connectAll([...mesh, swarm])
        mesh.push(swarm)
      }
      return swarm.network
    },
    pass: async ms => void (await sleep(ms)),
    close: () => swarms.close()
  }
})
