import { assetsSuite } from '@rayswarm/simulation'
import { filesOf, Swarm } from './swarm.ts'

assetsSuite('HeliaAssets', async ({ quotaBytes }) => {
  const swarm = new Swarm()
  const peers = [
    await swarm.peer({ quotaBytes }),
    await swarm.peer({ quotaBytes }),
    await swarm.peer({ quotaBytes })
  ]
  return {
    peers: [peers[0]!, peers[1]!, peers[2]!],
    run: work => work,
    cut: async peer => {
      await peers.find(({ peerId }) => peerId === peer.peerId)?.libp2p.stop()
    },
    files: filesOf,
    close: () => swarm.close()
  }
})
