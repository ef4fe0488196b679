import type { PeerEvents } from '@rayswarm/interface'

const NAMES: Readonly<Record<keyof PeerEvents, true>> = {
  'offer:received': true,
  'offer:seen': true,
  'offer:declined': true,
  'job:published': true,
  'replica:granted': true,
  'replica:lapsed': true,
  'replica:committed': true,
  'replica:judged': true,
  'subtask:accepted': true,
  'frame:finished': true,
  'settlement:signed': true,
  'job:settled': true,
  'job:expired': true,
  'job:failed': true,
  'witness:drawn': true,
  'witness:equivocated': true,
  'lease:held': true,
  'lease:lost': true,
  'execution:progressed': true,
  'execution:finished': true,
  'execution:failed': true,
  'node:paid': true
}

/** Every event of a peer. */
export const PEER_EVENTS = Object.keys(NAMES) as (keyof PeerEvents)[]

/** An event in a few words: its name, and what it is about. */
export function wordsOf(name: keyof PeerEvents, event: object): string {
  const words: string[] = [name]
  if ('replica' in event) {
    const { subtask, replica, generation } = event.replica as PeerEvents['lease:held']['replica']
    words.push(`${subtask}/${replica}/${generation}`)
  }
  for (const field of ['subtask', 'frame', 'fence', 'verdict', 'reason', 'amount', 'share'] as const)
    if (field in event) words.push(String(event[field as keyof typeof event]))
  if ('error' in event) words.push((event.error as Error).message)
  return words.join(' ')
}
