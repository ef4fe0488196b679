import {
  type GossipSub,
  type Message,
  type PublishResult,
  TopicValidatorResult
} from '@chainsafe/libp2p-gossipsub'
import {
  type Admission,
  type Log,
  type PeerId,
  RayswarmError,
  type Topic,
  type Unsubscribe
} from '@rayswarm/interface'
import { MESSAGE_SIZE_BYTES_MAX } from '@rayswarm/params'
import { loseMessages } from './lossy-gossip.ts'
import { topicName } from './names.ts'
import type { TransportFaults } from './transport-faults.ts'

/** Longest message of each topic. */
export const TOPIC_SIZE_BYTES_MAX: Readonly<Record<Topic, number>> = {
  offers: MESSAGE_SIZE_BYTES_MAX.offer,
  jobs: MESSAGE_SIZE_BYTES_MAX.notice,
  ledger: MESSAGE_SIZE_BYTES_MAX.entry
}

type MessageHandler = (bytes: Uint8Array, from: PeerId) => Admission

/** The package's interface leaves out the options its implementation takes. */
interface Flooding {
  publish(topic: string, bytes: Uint8Array, options: { floodPublish: boolean }): Promise<PublishResult>
}

/** Peers that take part, and those of them that can be told something. */
interface Listeners {
  readonly peers: ReadonlyMap<string, unknown>
  readonly streamsOutbound: ReadonlyMap<string, unknown>
}

/** What happened on the topics so far. */
export interface GossipCounts {
  published: number
  /** Messages nobody heard: no peer of the topic was connected. */
  unheard: number
  accepted: number
  ignored: number
  rejected: number
}

const RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject
} as const
const COUNT_OF = { accept: 'accepted', ignore: 'ignored', reject: 'rejected' } as const

/** Topics of one swarm: the handler is the validator, so each message is judged once, before it is passed on. */
export class Gossip {
  readonly counts: GossipCounts = { published: 0, unheard: 0, accepted: 0, ignored: 0, rejected: 0 }
  readonly #pubsub: GossipSub
  readonly #self: PeerId
  readonly #netId: string
  readonly #log: Log
  readonly #onHeard: (author: PeerId) => void
  readonly #handlers = new Map<Topic, Set<MessageHandler>>()
  #started = false

  constructor(
    self: PeerId,
    components: { pubsub: GossipSub; log: Log; faults: TransportFaults | undefined },
    init: { netId: string; onHeard: (author: PeerId) => void }
  ) {
    this.#onHeard = init.onHeard
    if (components.faults !== undefined) loseMessages(components.pubsub, components.faults)
    this.#self = self
    this.#pubsub = components.pubsub
    this.#log = components.log
    this.#netId = init.netId
  }

  /** Called once libp2p runs: before that it takes no subscriptions. */
  start(): void {
    this.#started = true
    for (const topic of this.#handlers.keys()) this.#pubsub.subscribe(topicName(this.#netId, topic))
  }

  stop(): void {
    this.#started = false
  }

  /** It takes part, but nothing can be told to it: its stream did not open, or closed with one connection of several. */
  isDeaf(peer: PeerId): boolean {
    const { peers, streamsOutbound } = this.#pubsub as unknown as Listeners
    return peers.has(peer) && !streamsOutbound.has(peer)
  }

  /** Number of peers it was sent to. A failure to send is a message nobody heard. */
  async publish(topic: Topic, bytes: Uint8Array): Promise<number> {
    if (bytes.byteLength > TOPIC_SIZE_BYTES_MAX[topic])
      throw new RayswarmError(
        'ERR_OVERSIZED',
        `a message of ${bytes.byteLength} bytes is too long for ${topic}`,
        {
          thing: topic,
          value: bytes.byteLength,
          remedy: `Keep it within ${TOPIC_SIZE_BYTES_MAX[topic]} bytes.`
        }
      )
    let recipientCount = 0
    try {
      // Our own offers go to everybody we know, at the cost of a few copies; the rest takes the mesh.
      const options = { floodPublish: topic === 'offers' }
      const sent = await (this.#pubsub as Flooding).publish(topicName(this.#netId, topic), bytes, options)
      recipientCount = sent.recipients.length
    } catch (cause) {
      this.#log.debug('gossip not sent', { topic, cause })
    }
    this.counts.published++
    if (recipientCount === 0) {
      this.counts.unheard++
      this.#log.debug('gossip unheard', { topic, unheard: this.counts.unheard })
    }
    return recipientCount
  }

  subscribe(topic: Topic, onMessage: MessageHandler): Unsubscribe {
    const handlers = this.#handlers.get(topic) ?? new Set()
    this.#handlers.set(topic, handlers)
    const name = topicName(this.#netId, topic)
    if (handlers.size === 0) {
      this.#pubsub.topicValidators.set(name, (_relay, message) => RESULTS[this.#judge(topic, message)])
      if (this.#started) this.#pubsub.subscribe(name)
    }
    // A wrapper of our own: the same function may be subscribed twice and taken back once.
    const handler: MessageHandler = (bytes, from) => onMessage(bytes, from)
    handlers.add(handler)
    return () => {
      if (!handlers.delete(handler) || handlers.size > 0) return
      this.#handlers.delete(topic)
      this.#pubsub.topicValidators.delete(name)
      if (this.#started) this.#pubsub.unsubscribe(name)
    }
  }

  #judge(topic: Topic, message: Message): Admission['action'] {
    const action = this.#admit(topic, message)
    this.counts[COUNT_OF[action]]++
    return action
  }

  #admit(topic: Topic, message: Message): Admission['action'] {
    if (message.type !== 'signed' || message.data.byteLength > TOPIC_SIZE_BYTES_MAX[topic]) return 'reject'
    const from = message.from.toString()
    // Ours, played back by somebody after the duplicate filter forgot it.
    if (from === this.#self) return 'ignore'
    this.#onHeard(from)

    const actions = new Set<Admission['action']>()
    for (const onMessage of this.#handlers.get(topic) ?? []) {
      try {
        actions.add(onMessage(message.data, from).action)
      } catch (cause) {
        this.#log.warn('gossip handler failed', { topic, cause })
      }
    }
    if (actions.has('reject')) return 'reject'
    return actions.has('accept') ? 'accept' : 'ignore'
  }
}
