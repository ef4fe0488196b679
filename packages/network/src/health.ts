/** So many peers, or more, and… */
export const SPLIT_SILENT_COUNT_MIN = 2
/** …at least this share of them and of those within reach, that fell silent… */
export const SPLIT_SILENT_SHARE_MIN = 0.25
/** …within this time of each other: churn is spread out, a cut is not, but finding out about all takes a while… */
export const SPLIT_WINDOW_MS = 60_000
/** …and have been for this long are behind a cut. Longer than a busy machine takes to answer. */
export const SPLIT_AFTER_MS = 10_000
/** Who was heard of within this time is within reach, connected or not. */
export const HEARD_MS_MAX = 60_000

/** What is known of one peer. Instants are monotonic milliseconds. */
export interface Sighting {
  readonly connected: boolean
  /** Last sign of life, at first hand or passed on. */
  readonly heardAtMs: number | undefined
  /** It does not answer since then. A peer that left, or whose host refuses, is not silent but gone. */
  readonly silentSinceMs: number | undefined
}

/** How much of its swarm a peer can reach. */
export interface SwarmHealth {
  readonly connected: number
  /** Peers that should be there: connected, heard of lately, or silent. */
  readonly known: number
  /** Share of `known` that is not silent; 1 when nobody is known. */
  readonly reachableShare: number
  /** A part of the swarm, or all of it, seems to be on the other side of a cut. */
  readonly splitSuspected: boolean
  /** For how long enough peers have been silent together; 0 when they are not. */
  readonly sinceMs: number
}

/** spec/network.md#split-swarm */
export function judgeHealth(sightings: Iterable<Sighting>, nowMs: number): SwarmHealth {
  let connected = 0
  let reachable = 0
  const silentSinceMs: number[] = []
  for (const sighting of sightings) {
    if (sighting.connected) connected++
    const { heardAtMs = Number.NEGATIVE_INFINITY } = sighting
    const heard = nowMs - heardAtMs <= HEARD_MS_MAX && heardAtMs > (sighting.silentSinceMs ?? heardAtMs - 1)
    if (sighting.connected || heard) reachable++
    else if (sighting.silentSinceMs !== undefined) silentSinceMs.push(sighting.silentSinceMs)
  }
  const known = reachable + silentSinceMs.length
  const splitAtMs = splitAt(silentSinceMs, reachable)
  const sinceMs = splitAtMs === undefined ? 0 : Math.max(0, nowMs - splitAtMs)
  return {
    connected,
    known,
    reachableShare: known === 0 ? 1 : reachable / known,
    splitSuspected: splitAtMs !== undefined && sinceMs >= SPLIT_AFTER_MS,
    sinceMs
  }
}

/** The first instant at which enough peers had fallen silent together. */
function splitAt(silentSinceMs: readonly number[], reachable: number): number | undefined {
  const sorted = [...silentSinceMs].sort((a, b) => a - b)
  // c of reachable + c are the share that it takes.
  const share = (reachable * SPLIT_SILENT_SHARE_MIN) / (1 - SPLIT_SILENT_SHARE_MIN)
  const enough = Math.max(SPLIT_SILENT_COUNT_MIN, Math.ceil(share))
  return sorted.slice(enough - 1).find((atMs, index) => atMs - (sorted[index] ?? 0) <= SPLIT_WINDOW_MS)
}
