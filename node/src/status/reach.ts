import type { PeerId } from '@rayswarm/interface'
import type { SwarmHealth } from '@rayswarm/network'
import pc from 'picocolors'
import type { Screen } from '../cli/screen.ts'

const LOOK_MS = 1_000
/** A peer may be without others for this long, after its start or a cut, before it says so. */
const ALONE_MS = 10_000

/** How much of its swarm a peer reaches, as it says itself. spec/cli.md#status */
export interface ReachStatus extends Omit<SwarmHealth, 'sinceMs'> {
  /** For how long enough peers have been silent together that it may be a split; 0 when they are not. */
  readonly silentMs: number
  /** Nobody is connected since then, though there are addresses to dial. ISO 8601. */
  readonly unreachableSince?: string
}

/** What {@link Reach} looks at. */
export interface ReachSource {
  readonly health: () => SwarmHealth
  /** Whether there is anybody to dial. */
  readonly knowsAnybody: () => Promise<boolean>
  /** Monotonic. */
  readonly nowMs: () => number
}

/** The part of a host that tells whom it reaches. */
export interface ReachHost {
  readonly home: { readonly swarm: { readonly bootstrap: readonly string[] } }
  readonly swarm: {
    health(): SwarmHealth
    readonly network: { readonly peerId: PeerId }
    readonly libp2p: { readonly peerStore: { all(): Promise<readonly { readonly id: object }[]> } }
  }
}

/** Notices that a peer is alone though it should not be. */
export class Reach {
  readonly #source: ReachSource
  readonly #listeners = new Set<(unreachableSince: Date | undefined) => void>()
  #aloneSinceMs: number | undefined
  #unreachableSince: Date | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(source: ReachSource) {
    this.#source = source
  }

  static of({ home, swarm }: ReachHost): Reach {
    const self = swarm.network.peerId
    const isOther = (peer: string): boolean => peer !== self
    return new Reach({
      health: () => swarm.health(),
      knowsAnybody: async () =>
        home.swarm.bootstrap.some(address => isOther(address.split('/p2p/').at(-1) ?? '')) ||
        swarm.health().known > 0 ||
        (await swarm.libp2p.peerStore.all()).some(({ id }) => isOther(String(id))),
      nowMs: () => performance.now()
    })
  }

  /** Since when nobody was connected, if that is long ago and there is somebody to dial. */
  get unreachableSince(): Date | undefined {
    return this.#unreachableSince
  }

  get status(): ReachStatus {
    const { sinceMs, ...health } = this.#source.health()
    const since = this.#unreachableSince?.toISOString()
    const known = { ...health, silentMs: Math.round(sinceMs) }
    return since === undefined ? known : { ...known, unreachableSince: since }
  }

  /** Told when the swarm is out of reach, and when it is back. */
  onChange(fn: (unreachableSince: Date | undefined) => void): void {
    this.#listeners.add(fn)
  }

  /** Look now, and again and again. */
  start(): void {
    this.#timer = setInterval(() => void this.look().catch(() => {}), LOOK_MS)
    this.#timer.unref()
    void this.look().catch(() => {})
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async look(): Promise<void> {
    const { health, knowsAnybody, nowMs } = this.#source
    if (health().connected > 0) {
      this.#aloneSinceMs = undefined
      return this.#set(undefined)
    }
    this.#aloneSinceMs ??= nowMs()
    if (this.#unreachableSince !== undefined || nowMs() - this.#aloneSinceMs < ALONE_MS) return
    if (!(await knowsAnybody()) || this.#aloneSinceMs === undefined) return
    this.#set(new Date(Date.now() - (nowMs() - this.#aloneSinceMs)))
  }

  #set(since: Date | undefined): void {
    if (this.#unreachableSince === since) return
    this.#unreachableSince = since
    for (const listener of this.#listeners) listener(since)
  }
}

/** One sentence for people, where something is wrong. */
export function reachNote(reach: ReachStatus): string | undefined {
  if (reach.unreachableSince !== undefined)
    return `0 peers: swarm unreachable since ${timeOf(new Date(reach.unreachableSince))}`
  if (!reach.splitSuspected) return undefined
  const share = Math.round(reach.reachableShare * 100)
  return `split swarm suspected: ${share} % of ${reach.known} peers answer, the rest fell silent ${Math.round(reach.silentMs / 1_000)} s ago`
}

/** Say on the screen when the swarm goes out of reach, and when it is back. */
export function sayReach(reach: Reach, screen: Screen): void {
  reach.onChange(since => {
    if (since === undefined) screen.say(pc.green('swarm reachable again'))
    else screen.say(pc.yellow(`0 peers: swarm unreachable since ${timeOf(since)}; trying on`))
  })
}

/** Time of the day where we are, with the date unless it is today. */
function timeOf(instant: Date): string {
  const pad = (part: number): string => String(part).padStart(2, '0')
  const time = [instant.getHours(), instant.getMinutes(), instant.getSeconds()].map(pad).join(':')
  if (instant.toDateString() === new Date().toDateString()) return time
  return `${instant.getFullYear()}-${pad(instant.getMonth() + 1)}-${pad(instant.getDate())} ${time}`
}
