import type { Receipt } from '@rayswarm/interface'
import type { Peer } from '@rayswarm/peer'
import { replicaId, toHex } from '@rayswarm/wire'
import type { Host } from '../compose.ts'
import type { Happening, HistoryFile, HistoryReceipt } from './history.ts'

const MESSAGE_LENGTH_MAX = 300

const short = (error: Error): string => error.message.slice(0, MESSAGE_LENGTH_MAX)

function lineOf({ replica: key, node, account, gross, digest }: Receipt): HistoryReceipt {
  const { subtask, replica, generation } = key
  return { subtask, replica, generation, node, account, gross: String(gross), digest }
}

/** Write down what a peer reports. Call it before the peer starts: some of it comes while it starts. */
export function recordPeer({ events }: Pick<Peer, 'events'>, history: HistoryFile): void {
  const said = new Set<string>()
  const tell = history.write.bind(history)
  const tellOnce = (happening: Happening, ...about: readonly string[]): void => {
    const key = [happening.event, ...about].join(' ')
    if (!said.has(key)) tell(happening)
    said.add(key)
  }
  events.on('offer:received', ({ job }) => tellOnce({ event: 'offer', job }, job))
  events.on('job:published', ({ job, subtaskCount, locked }) =>
    tell({ event: 'published', job, subtaskCount, locked: String(locked) })
  )
  events.on('witness:drawn', event => tell({ event: 'drawn', ...event }))
  events.on('witness:equivocated', event => tell({ event: 'equivocated', ...event }))
  events.on('replica:granted', ({ replica, node }) => tell({ event: 'granted', ...replica, node }))
  events.on('replica:lapsed', ({ replica, node }) => tell({ event: 'lapsed', ...replica, node }))
  // Two certificates of one replica may be shown again and again.
  events.on('replica:committed', ({ replica, node, price, seal: bytes }) => {
    const seal = toHex(bytes)
    tellOnce(
      { event: 'committed', ...replica, node, price: String(price), seal },
      replicaId(replica),
      node,
      seal
    )
  })
  events.on('replica:judged', ({ replica, node, verdict, reason }) =>
    tell({ event: 'judged', ...replica, node, verdict, ...(reason === undefined ? {} : { reason }) })
  )
  events.on('subtask:accepted', ({ job, subtask }) => tell({ event: 'accepted', job, subtask }))
  // Signed again at each turn, until the chain has it.
  events.on('settlement:signed', ({ job, receiptsRoot, receipts }) =>
    tellOnce({ event: 'signed', job, receiptsRoot, receipts: receipts.map(lineOf) }, job, receiptsRoot)
  )
  events.on('job:settled', ({ job, outcome }) =>
    tell({ event: 'settled', job, txHash: outcome.txHash, paid: String(outcome.paid) })
  )
  events.on('job:expired', ({ job, acceptedCount, subtaskCount }) =>
    tell({ event: 'expired', job, acceptedCount, subtaskCount })
  )
  events.on('job:failed', ({ job, error }) => tell({ event: 'failed', job, message: short(error) }))
  events.on('lease:held', ({ replica, fence, waitedMs }) =>
    tell({ event: 'lease', ...replica, fence, waitedMs: Math.round(waitedMs) })
  )
  events.on('lease:lost', ({ replica, fence }) => tell({ event: 'lease-lost', ...replica, fence }))
  events.on('execution:finished', ({ replica, elapsedMs }) =>
    tell({ event: 'executed', ...replica, elapsedMs })
  )
  events.on('execution:failed', ({ replica, error }) =>
    tell({ event: 'execution-failed', ...replica, message: short(error) })
  )
  events.on('node:paid', ({ job, amount }) => tell({ event: 'paid', job, credit: String(amount) }))
}

/** Write down whom a peer is connected with. */
export function recordConnections({ swarm }: Pick<Host, 'swarm'>, history: HistoryFile): void {
  const { libp2p } = swarm
  for (const peer of libp2p.getPeers()) history.write({ event: 'connected', with: peer.toString() })
  libp2p.addEventListener('peer:connect', ({ detail }) =>
    history.write({ event: 'connected', with: detail.toString() })
  )
  libp2p.addEventListener('peer:disconnect', ({ detail }) =>
    history.write({ event: 'disconnected', with: detail.toString() })
  )
}
