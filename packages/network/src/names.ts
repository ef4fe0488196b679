import type { Protocol, Topic } from '@rayswarm/interface'

/** Every topic of a swarm. Nothing else may be subscribed to or relayed. */
export const TOPICS: readonly Topic[] = ['offers', 'jobs', 'ledger']

/** Every request/response protocol of a swarm. */
export const PROTOCOLS: readonly Protocol[] = ['market', 'lease', 'verification', 'sync']

/** First part of every record key. */
export const RECORD_NAMESPACE = 'rayswarm'

/** spec/network.md#topics */
export function topicName(netId: string, topic: Topic): string {
  return `/rayswarm/${netId}/${topic}`
}

/** spec/network.md#requests */
export function protocolName(netId: string, protocol: Protocol): string {
  return `/rayswarm/${netId}/${protocol}/1`
}

/** spec/network.md#records */
export function dhtProtocolName(netId: string): string {
  return `/rayswarm/${netId}/kad/1.0.0`
}

/** Service name of multicast discovery: peers of other swarms stay out of sight. */
export function mdnsName(netId: string): string {
  return `_rayswarm-${netId}._udp.local`
}
